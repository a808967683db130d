"""Durations and instants: what is taken, and what is refused with the argument's name."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.errors import InvalidArgument
from stepwell.model.durations import LONGEST_SECONDS, instant, seconds


@given(st.floats(min_value=0, max_value=LONGEST_SECONDS) | st.integers(min_value=0, max_value=10**10))
def test_seconds_are_kept_as_they_are(value: float) -> None:
    assert seconds(value, "timeout") == value
    assert isinstance(seconds(value, "timeout"), float)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=300_000)))
def test_a_timedelta_is_its_seconds(value: timedelta) -> None:
    assert seconds(value, "timeout") == value.total_seconds()


def test_minus_zero_becomes_zero() -> None:
    assert math.copysign(1, seconds(-0.0, "delay")) == 1


@pytest.mark.parametrize(
    "value",
    [
        *(-1, -0.001, -(10**400), timedelta(seconds=-1), -math.inf),
        *(math.nan, math.inf, 10**400, timedelta.max, LONGEST_SECONDS + 1),
        *(True, False, "3", None, 3j, [3]),
    ],
    ids=repr,
)
def test_what_is_no_duration_is_refused_by_name(value: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"^timeout must "):
        seconds(value, "timeout")


def test_zero_is_refused_only_where_it_makes_no_sense() -> None:
    assert seconds(0, "delay") == 0.0
    for zero in (0, 0.0, -0.0, timedelta(0)):
        with pytest.raises(InvalidArgument, match="timeout must be more than zero"):
            seconds(zero, "timeout", allow_zero=False)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_unix_seconds(value: datetime) -> None:
    assert instant(value, "at") == value.timestamp()


def test_an_instant_is_the_same_in_every_zone() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    assert instant(datetime(2030, 1, 1, 5, 30, tzinfo=zone), "at") == 1893456000.0


@pytest.mark.parametrize("value", [datetime(2030, 1, 1), 1893456000.0, "2030-01-01", None], ids=repr)
def test_what_is_no_aware_datetime_is_refused_by_name(value: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"^at must be an aware datetime"):
        instant(value, "at")
