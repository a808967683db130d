"""Fingerprints of arguments, by which a replay notices swapped calls, and digests of inputs.

The bytes under the hash are canonical: JSON with keys and set members sorted, the same in every process and
under every hash seed. What cannot be written that way contributes the name of its type and nothing else;
addresses never enter. A later change of the method must raise ENGINE_FORMAT (model/rows.py).
"""

import functools
from hashlib import blake2b
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType
from typing import Any

import msgspec

from stepwell.serde.leaves import LEAVES
from stepwell.serde.names import name_of
from stepwell.serde.objects import parts_of

_MAX_BYTES = 64 * 1024
_MAX_DEPTH = 50


def fingerprint(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """A signed 64-bit mark of a call of the step `name`; never raises an Exception.

    Of long arguments the first 64 KiB of their canonical form and its length count.
    """
    try:
        data = _canonical((args, kwargs) if kwargs else args)
    except Exception:
        data = _careful(args, kwargs)
    hasher = _keyed(name).copy()
    if len(data) > _MAX_BYTES:
        hasher.update(b"%d:" % len(data))
        data = data[:_MAX_BYTES]
    hasher.update(data)
    return int.from_bytes(hasher.digest(), "big", signed=True)


def digest(text: str) -> str:
    """32 hexadecimal digits for a stored text: whether two starts have the same input."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@functools.lru_cache(maxsize=4096)
def _keyed(name: str) -> blake2b:
    # A key holds at most 64 bytes; names are hashed so that long ones do not share one.
    key = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=32, person=b"stepwell-name-1").digest()
    return blake2b(key=key, digest_size=8, person=b"stepwell-args-1")


def _part(value: Any) -> Any:
    """What stands for a value that msgspec does not write by itself."""
    if isinstance(value, str):  # a subclass; `str(value)` would be its own code
        return _escaped(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, PurePath):
        return _escaped(str(value))
    if isinstance(value, type):
        return name_of(value)
    if isinstance(value, FunctionType | BuiltinFunctionType):
        return f"{value.__module__}:{value.__qualname__}"
    leaf = LEAVES.get(type(value))
    parts = leaf(value) if leaf is not None else parts_of(value)
    return f"<{name_of(type(value))}>" if parts is None else parts


_canonical = msgspec.json.Encoder(enc_hook=_part, order="deterministic").encode


def _careful(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    try:
        return _canonical([_plain(args, ()), _plain(kwargs, ())])
    except Exception:
        return b"?"


def _plain(value: Any, around: tuple[int, ...]) -> Any:
    """JSON data where msgspec refuses a whole; each part that cannot be carried is its type's name."""
    try:
        return _walk(value, around)
    except Exception:
        return f"<{name_of(type(value))}>"


def _walk(value: Any, around: tuple[int, ...]) -> Any:
    cls = type(value)
    if cls is str:
        return _escaped(value)
    if cls is int:
        return value if value.bit_length() < 64 else hex(value)
    if id(value) in around or len(around) > _MAX_DEPTH:
        return "<deep>"  # the address is compared, never written
    around = (*around, id(value))
    if isinstance(value, dict):
        pairs = [[_plain(key, around), _plain(item, around)] for key, item in dict.items(value)]
        return sorted(pairs, key=_canonical)
    if isinstance(value, set | frozenset):
        return sorted((_plain(item, around) for item in value), key=_canonical)
    if isinstance(value, list | tuple):
        return [_plain(item, around) for item in value]
    if isinstance(value, BaseException):
        return [name_of(cls), _plain(value.args, around)]
    parts = parts_of(value)
    if parts is not None:
        return _plain(parts, around)
    _canonical(value)  # a scalar that msgspec or `_part` writes
    return value


def _escaped(value: str) -> str:
    return str.encode(value, "unicode_escape").decode("ascii")
