"""Queues as values: what may be said of one, and what is refused before any effect."""

import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest

from stepwell import InvalidArgument, Queue, Rate
from stepwell.model.options import CallOptions
from stepwell.model.queues import SETTINGS, queue_name, queue_of, settings_of

LIMITS = ("concurrency", "worker_concurrency", "partition_concurrency")
RATES = ("rate", "partition_rate")

NO_LIMITS: list[Any] = [0, -1, True, False, 1.0, float("nan"), float("inf"), "5", 2**31, 10**30]
NO_PERIODS: list[Any] = [
    0, 0.0, -0.0, -1, timedelta(0), timedelta(seconds=-1), float("nan"), float("inf"), True, "60", None, 1e12,
]  # fmt: skip


@pytest.mark.parametrize("value", NO_LIMITS, ids=repr)
@pytest.mark.parametrize("option", LIMITS)
def test_no_limits(option: str, value: object) -> None:
    with pytest.raises(InvalidArgument, match=f"{option} of the queue 'emails' must be an integer from 1 on"):
        Queue("emails", **{option: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [*NO_LIMITS, None], ids=repr)
def test_no_rates(value: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"Rate\.limit must be an integer from 1 on"):
        Rate(value, per=60)


@pytest.mark.parametrize("value", NO_PERIODS, ids=repr)
def test_no_periods(value: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"Rate\.per"):
        Rate(1, per=value)


@pytest.mark.parametrize("value", [1, 2**31 - 1])
def test_limits(value: int) -> None:
    queue = Queue("q", value, value, Rate(value), value, Rate(value))
    assert [getattr(queue, option) for option in LIMITS] == [value] * 3
    assert queue.rate == Rate(value, per=1.0)


def test_a_period_is_kept_in_seconds() -> None:
    assert Rate(5, per=timedelta(minutes=2)) == Rate(5, per=120) == Rate(5, 120.0)
    assert Rate(5, per=timedelta(minutes=2)).period == 120.0
    assert hash(Rate(5, per=timedelta(minutes=2))) == hash(Rate(5, per=120))


@pytest.mark.parametrize("option", RATES)
@pytest.mark.parametrize("value", [5, (5, 60), "5/60", True])
def test_a_rate_is_a_rate(option: str, value: object) -> None:
    with pytest.raises(InvalidArgument, match=f"{option} of the queue 'q' must be a Rate or None"):
        Queue("q", **{option: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["fair", "paused"])
@pytest.mark.parametrize("value", [None, 1, 0, "yes"])
def test_flags_are_booleans(option: str, value: object) -> None:
    with pytest.raises(InvalidArgument, match=f"{option} of the queue 'q' must be True or False"):
        Queue("q", **{option: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["*", "", "a\0b", "x" * 10_000, 7, None])
def test_names_that_cannot_be(name: Any) -> None:
    with pytest.raises(InvalidArgument, match="name"):
        Queue(name)
    with pytest.raises(InvalidArgument, match="name"):
        queue_name(name)
    if name is not None:
        with pytest.raises(InvalidArgument, match="name"):
            CallOptions().merged(queue=name)


def test_a_queue_is_named_by_itself_too() -> None:
    assert queue_name(Queue("emails")) == queue_name("emails") == "emails"
    assert CallOptions().merged(queue=Queue("emails")).queue == "emails"


def test_a_change_replaces_what_is_said() -> None:
    queue = Queue("q", concurrency=5, rate=Rate(1), paused=True)
    assert queue.changed() == queue
    assert queue.changed(concurrency=None, fair=False) == Queue("q", rate=Rate(1), paused=True, fair=False)
    with pytest.raises(InvalidArgument, match="a queue has no limit, name: it has concurrency"):
        queue.changed(limit=5, name="other")
    with pytest.raises(InvalidArgument, match="must be an integer from 1 on"):
        queue.changed(concurrency=0)


def test_every_field_but_the_name_can_be_changed() -> None:
    assert tuple(field.name for field in dataclasses.fields(Queue))[1:] == SETTINGS


@pytest.mark.parametrize(
    "queue",
    [
        Queue("plain"),
        Queue("all", 1, 2, Rate(3, per=0.25), 4, Rate(5, per=6), fair=False, paused=True),
        Queue("some", worker_concurrency=1, partition_rate=Rate(7)),
    ],
)
def test_stores_give_back_what_was_said(queue: Queue) -> None:
    assert queue_of((queue.name, *json.loads(settings_of(queue)).values(), "what else a row has")) == queue


@pytest.mark.parametrize("option", [*LIMITS, *RATES, "paused"])
def test_what_is_limited(option: str) -> None:
    value: Any = Rate(1) if option in RATES else 1 if option in LIMITS else True
    assert Queue("q", **{option: value}).is_limited
    assert not Queue("q", fair=False).is_limited


def test_queues_are_values() -> None:
    assert Queue("q", concurrency=1) == Queue("q", concurrency=1) != Queue("q", concurrency=2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Queue("q").concurrency = 5  # type: ignore[misc]
