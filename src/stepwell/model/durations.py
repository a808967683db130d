"""Durations and instants as users give them, and the `float` seconds that everything below keeps.

A duration is `float` seconds or a `timedelta`; an instant is an aware `datetime`, kept as unix seconds.
"""

import math
from datetime import datetime, timedelta
from typing import TypeAlias

from stepwell.errors import InvalidArgument

#: What every public parameter takes that is a length of time.
Duration: TypeAlias = float | timedelta

#: Longer than any plan and still a date in every database; "for ever" is said by leaving it out.
LONGEST_SECONDS = 1000 * 366 * 86_400.0


def seconds(value: Duration, what: str, *, allow_zero: bool = True) -> float:
    """The duration in seconds; `what` names the argument in the message.

    Raises InvalidArgument for what is not a number or a timedelta (bool included), negative, NaN,
    infinite, over 1000 years, and for zero unless `allow_zero`.

        seconds(timedelta(minutes=2), "timeout")     # 120.0
    """
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if not is_number(value):
        raise InvalidArgument(f"{what} must be seconds (a number) or a timedelta, not {type(value).__name__}")
    if value > LONGEST_SECONDS:  # also infinity, and ints that no float can hold: so this check is the first
        raise InvalidArgument(f"{what} must be at most 1000 years; leave it out for no limit")
    if value < 0 or math.isnan(value):
        raise InvalidArgument(f"{what} must not be negative or NaN, and is {value!r}")
    if value == 0 and not allow_zero:
        raise InvalidArgument(f"{what} must be more than zero seconds")
    return float(value) + 0.0  # turns -0.0 into 0.0


def instant(value: datetime, what: str) -> float:
    """The instant in unix seconds; `what` names the argument in the message.

    Raises InvalidArgument for anything but an aware datetime: a naive one means another moment on every
    machine.

        instant(datetime(2030, 1, 1, tzinfo=UTC), "at")     # 1893456000.0
    """
    if not isinstance(value, datetime):
        raise InvalidArgument(f"{what} must be an aware datetime, not {type(value).__name__}")
    if value.utcoffset() is None:
        raise InvalidArgument(
            f"{what} must be an aware datetime; {value.isoformat()} has no time zone: give tzinfo=UTC"
        )
    return value.timestamp()


def is_number(value: object) -> bool:
    """An int or a float; a bool is one only for Python."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: object, lowest: int, highest: int) -> bool:
    """An int, not a bool, within these bounds (both included)."""
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest
