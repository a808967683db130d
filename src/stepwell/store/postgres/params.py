"""How values become parameters: binary wherever that is cheaper or safer, and never through a type guess.

Every parameter of a statement has a cast in its SQL (`$1::uuid[]`), so the server knows its type and no
type numbers are sent. Arrays are composed by hand: half the cost per row of lists dumped by the driver.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple, cast
from uuid import UUID

_NULL = b"\xff\xff\xff\xff"
_HEADER = struct.Struct("!iiIii")  # dimensions, has nulls, element type, length, lower bound
_length = struct.Struct("!i").pack
_int2 = struct.Struct("!ih").pack
_int4 = struct.Struct("!ii").pack
_int8 = struct.Struct("!iq").pack
_float4 = struct.Struct("!if").pack
_float8 = struct.Struct("!id").pack
_UUID_PREFIX = _length(16)

BOOL, INT8, INT2, INT4, TEXT, FLOAT4, FLOAT8, UUID_ = 16, 20, 21, 23, 25, 700, 701, 2950


class Statement(NamedTuple):
    """One statement with its bound values; formats are 0 (text) or 1 (binary)."""

    sql: bytes
    values: Sequence[bytes | None]
    formats: Sequence[int]


def statement(sql: bytes, *args: object) -> Statement:
    """Bind Python values: str, UUID, int, float, bool, None, or bytes that one of the array makers made."""
    values: list[bytes | None] = []
    formats: list[int] = []
    for arg in args:
        value, binary = bind(arg)
        values.append(value)
        formats.append(binary)
    return Statement(sql, values, formats)


def bind(arg: object) -> tuple[bytes | None, int]:
    """One value and its format. Text goes in binary form: in text form libpq would stop at a NUL."""
    if arg is None:
        return None, 0
    if isinstance(arg, str):
        return arg.encode(), 1
    if isinstance(arg, bytes):
        return arg, 1
    if isinstance(arg, UUID):
        return arg.bytes, 1
    if isinstance(arg, bool):
        return (b"t" if arg else b"f"), 0
    if isinstance(arg, int | float):
        return repr(arg).encode(), 0
    raise TypeError(f"no parameter form for {type(arg).__name__}")


def _array(element_type: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(1, 1, element_type, count, 1) + body if count else _HEADER.pack(0, 0, element_type, 0, 0)[:12]


def uuids(items: Sequence[UUID]) -> bytes:
    if not items:
        return _array(UUID_, 0, b"")
    return _array(UUID_, len(items), _UUID_PREFIX + _UUID_PREFIX.join([item.bytes for item in items]))


def optional_uuids(items: Sequence[UUID | None]) -> bytes:
    """An empty array if all are None: unnest() pads the shorter ones with nulls."""
    if not any(items):
        return _array(UUID_, 0, b"")
    return _array(UUID_, len(items), b"".join([_NULL if i is None else _UUID_PREFIX + i.bytes for i in items]))


def texts(items: Sequence[str]) -> bytes:
    if len(items) > 1 and items.count(items[0]) == len(
        items
    ):  # names, routes and queues mostly are the same in all rows
        return _array(TEXT, len(items), _text(items[0]) * len(items))
    return _array(TEXT, len(items), b"".join([_text(item) for item in items]))


def optional_texts(items: Sequence[str | None]) -> bytes:
    """An empty array if all are None: unnest() pads the shorter ones with nulls."""
    count = items.count(None)
    if count == len(items):
        return _array(TEXT, 0, b"")
    if not count:
        return texts(cast(Sequence[str], items))
    return _array(TEXT, len(items), b"".join([_NULL if item is None else _text(item) for item in items]))


def _text(item: str) -> bytes:
    encoded = item.encode()
    return _length(len(encoded)) + encoded


def int4s(items: Sequence[int]) -> bytes:
    if len(items) > 1 and items.count(items[0]) == len(items):
        return _array(INT4, len(items), _int4(4, items[0]) * len(items))
    return _array(INT4, len(items), b"".join([_int4(4, item) for item in items]))


def int2s(items: Sequence[int]) -> bytes:
    return _array(INT2, len(items), b"".join([_int2(2, item) for item in items]))


def int8s(items: Sequence[int]) -> bytes:
    return _array(INT8, len(items), b"".join([_int8(8, item) for item in items]))


def float4s(items: Sequence[float]) -> bytes:
    return _array(FLOAT4, len(items), b"".join([_float4(4, item) for item in items]))


def optional_float8s(items: Sequence[float | None]) -> bytes:
    """An empty array if all are None: unnest() pads the shorter ones with nulls."""
    if all(item is None for item in items):
        return _array(FLOAT8, 0, b"")
    return _array(FLOAT8, len(items), b"".join([_NULL if i is None else _float8(8, i) for i in items]))


def optional_int4s(items: Sequence[int | None]) -> bytes:
    """An empty array if all are None: unnest() pads the shorter ones with nulls."""
    if all(item is None for item in items):
        return _array(INT4, 0, b"")
    return _array(INT4, len(items), b"".join([_NULL if i is None else _int4(4, i) for i in items]))


def optional_int8s(items: Sequence[int | None]) -> bytes:
    """An empty array if all are None: unnest() pads the shorter ones with nulls."""
    if all(item is None for item in items):
        return _array(INT8, 0, b"")
    return _array(INT8, len(items), b"".join([_NULL if i is None else _int8(8, i) for i in items]))


def bools(items: Sequence[bool]) -> bytes:
    return _array(BOOL, len(items), b"".join([b"\0\0\0\1\1" if item else b"\0\0\0\1\0" for item in items]))
