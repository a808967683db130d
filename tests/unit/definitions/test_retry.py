"""Retry: its delays, what it accepts, and what it refuses to be."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.errors import InvalidArgument, Parked
from stepwell.model.retry import Retry, as_retry

DELAYS = st.floats(min_value=0, max_value=1e9)


def test_delays_grow_by_the_factor_up_to_the_cap() -> None:
    retry = Retry(10, first=1, factor=2, cap=5, jitter=False)
    assert [retry.delay(attempt, 0.9) for attempt in (1, 2, 3, 4, 99_999)] == [1, 2, 4, 5, 5]


def test_no_first_delay_is_no_delay_ever() -> None:
    assert Retry(first=0).delay(999_999, 0.5) == 0


@given(DELAYS, st.floats(min_value=1, max_value=1000), DELAYS, st.integers(1, 10**6), st.floats(0, 0.999))
def test_jitter_takes_off_at_most_half(first: float, factor: float, cap: float, attempt: int, random: float) -> None:
    whole = Retry(first=first, factor=factor, cap=cap, jitter=False).delay(attempt, random)
    jittered = Retry(first=first, factor=factor, cap=cap).delay(attempt, random)
    assert whole / 2 <= jittered <= whole <= cap


def test_jitter_depends_on_the_draw() -> None:
    assert Retry(first=1).delay(1, 0.0) == 1.0
    assert Retry(first=1).delay(1, 0.5) == 0.75


def test_durations_may_be_timedeltas() -> None:
    retry = Retry(first=timedelta(minutes=1), cap=timedelta(hours=1))
    assert (retry.first, retry.cap) == (60.0, 3600.0)


def test_only_and_never_choose_by_type_and_never_wins() -> None:
    retry = Retry(only=(OSError, KeyError), never=ConnectionError)
    assert [retry.accepts(error) for error in (OSError(), KeyError(), ConnectionResetError(), ValueError())] == [
        True,
        True,
        False,
        False,
    ]
    assert Retry().accepts(ValueError())


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), asyncio.CancelledError(), Parked()])
def test_what_is_no_exception_of_the_body_is_never_retried(error: BaseException) -> None:
    assert not Retry().accepts(error)


def test_a_number_is_a_retry_and_none_at_all_is_none() -> None:
    assert as_retry(2) == Retry(2)
    assert as_retry(Retry(2)) == Retry(2)
    assert as_retry(0) is None
    assert as_retry(Retry(0)) is None


def test_a_retry_is_a_value() -> None:
    assert hash(Retry(2, never=KeyError)) == hash(Retry(2, never=(KeyError,)))
    with pytest.raises(AttributeError):
        Retry(2).retries = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"retries": -1}, {"retries": True}, {"retries": 1.5}, {"retries": 10**7}, {"retries": None}),
        *({"first": -1}, {"first": float("nan")}, {"cap": float("inf")}, {"cap": "1"}),
        *({"factor": 0.5}, {"factor": float("nan")}, {"factor": 10**6}, {"factor": True}),
        *({"only": "KeyError"}, {"only": KeyError()}, {"never": (KeyError, 3)}, {"never": KeyboardInterrupt}),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        Retry(**wrong)


@pytest.mark.parametrize("wrong", [-1, True, None, "3", 1.0], ids=repr)
def test_retry_takes_a_number_or_a_retry(wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match="retry must be a Retry"):
        as_retry(wrong)
