"""Values without parts: how each is tagged, and how it is read again."""

import base64
import datetime
import math
import uuid
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

#: The key that marks a tag. A dict of the user's that has it is written as pairs.
TAG = "$t"

#: Integers of more bits than this are written in hex: Python limits the digits of decimal ones.
_DECIMAL_BITS = 2000


class Unencodable(Exception):
    """A value that JSON cannot carry; `path` grows while the exception leaves the containers around it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.path = ""


def tagged(tag: str, value: Any) -> dict[str, Any]:
    """A tagged value."""
    return {TAG: tag, "v": value}


def is_text(value: str) -> bool:
    """Whether a str is well-formed Unicode. With lone surrogates it is not, and no JSON can carry it."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _itself(value: Any) -> Any:
    return value


def _str(value: str) -> Any:
    return value if is_text(value) else tagged("str", value.encode("unicode_escape").decode("ascii"))


def _int(value: int) -> Any:
    return value if value.bit_length() <= _DECIMAL_BITS else tagged("int", hex(value))


def _float(value: float) -> Any:
    return value if math.isfinite(value) else tagged("float", repr(value))


def _bytes(value: bytes | bytearray) -> Any:
    return tagged(type(value).__name__, base64.b64encode(value).decode("ascii"))


def _moment(value: datetime.datetime | datetime.time) -> Any:
    """ISO 8601, and what that leaves out: which zone, and which of two equal clock readings."""
    tag = tagged(type(value).__name__, value.isoformat())
    zone = value.tzinfo
    if zone is not None and zone is not datetime.UTC:
        tag["v"] = value.replace(tzinfo=None).isoformat()
        tag["zone"] = zone_of(zone)
    if value.fold:
        tag["fold"] = 1
    return tag


def zone_of(zone: datetime.tzinfo) -> Any:
    """A zone as JSON data: its key, or its offset (in seconds) and name.

    A fixed offset comes back as datetime.timezone, also where another library made it (pydantic, dateutil).
    """
    if type(zone) is ZoneInfo and zone.key is not None:
        return zone.key
    offset = zone.utcoffset(None)  # None for zones in which it depends on the date
    if offset is None:
        kind = type(zone).__qualname__
        raise Unencodable(f"its time zone is a {kind}: use zoneinfo.ZoneInfo or datetime.timezone")
    seconds = offset / datetime.timedelta(seconds=1)
    is_named = type(zone) is datetime.timezone and zone.tzname(None) != datetime.timezone(offset).tzname(None)
    return [seconds, zone.tzname(None)] if is_named else [seconds]


def _read_zone(zone: Any) -> datetime.tzinfo:
    if isinstance(zone, str):
        return ZoneInfo(zone)
    return datetime.timezone(datetime.timedelta(seconds=zone[0]), *zone[1:])


def _reader_of_moment(cls: Any) -> Callable[[dict[str, Any]], Any]:
    def read(tag: dict[str, Any]) -> Any:
        value = cls.fromisoformat(tag["v"])
        if "zone" in tag:
            value = value.replace(tzinfo=_read_zone(tag["zone"]))
        return value.replace(fold=1) if tag.get("fold") else value

    return read


def _delta(value: datetime.timedelta) -> Any:
    return tagged("timedelta", [value.days, value.seconds, value.microseconds])


def _text_of(tag: str) -> Callable[[Any], Any]:
    return lambda value: tagged(tag, str(value))


#: Exact type -> JSON data. May raise Unencodable.
LEAVES: dict[type, Callable[[Any], Any]] = {
    type(None): _itself,
    bool: _itself,
    str: _str,
    int: _int,
    float: _float,
    bytes: _bytes,
    bytearray: _bytes,
    datetime.datetime: _moment,
    datetime.time: _moment,
    datetime.date: lambda value: tagged("date", value.isoformat()),
    datetime.timedelta: _delta,
    uuid.UUID: _text_of("uuid"),
    Decimal: _text_of("decimal"),
    Fraction: _text_of("fraction"),
    complex: lambda value: tagged("complex", [_float(value.real), _float(value.imag)]),
    type(Path()): lambda value: tagged("path", _str(str(value))),
    ZoneInfo: lambda value: tagged("zone", zone_of(value)),
    datetime.timezone: lambda value: tagged("zone", zone_of(value)),
}

#: Tag -> value. What a row holds may be anything: callers expect any exception.
READ_LEAF: dict[str, Callable[[dict[str, Any]], Any]] = {
    "str": lambda tag: tag["v"].encode("ascii").decode("unicode_escape"),
    "int": lambda tag: int(tag["v"], 16),
    "float": lambda tag: float(tag["v"]),
    "bytes": lambda tag: base64.b64decode(tag["v"], validate=True),
    "bytearray": lambda tag: bytearray(base64.b64decode(tag["v"], validate=True)),
    "datetime": _reader_of_moment(datetime.datetime),
    "time": _reader_of_moment(datetime.time),
    "date": lambda tag: datetime.date.fromisoformat(tag["v"]),
    "timedelta": lambda tag: datetime.timedelta(*tag["v"]),
    "uuid": lambda tag: uuid.UUID(tag["v"]),
    "decimal": lambda tag: Decimal(tag["v"]),
    "fraction": lambda tag: Fraction(tag["v"]),
    "complex": lambda tag: complex(*map(_read_part, tag["v"])),
    "path": lambda tag: Path(_read_part(tag["v"])),
    "zone": lambda tag: _read_zone(tag["v"]),
}


def _read_part(value: Any) -> Any:
    return READ_LEAF[value[TAG]](value) if type(value) is dict else value
