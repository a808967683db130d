"""What becomes of a schedule that is due, for every policy: pure."""

from typing import Any

import pytest

from stepwell.core.schedule_plan import GRACE_SECONDS, Plan, plan
from stepwell.model.schedules import Cadence, DueSchedule, Placing, ScheduleRow, Target
from tests.store.conformance.kit import draw

TARGET = Target("w", "w||", None, None, "{}", "d", None, 20)
LAST = draw()
HOUR = 3600.0


def due(*, is_live: bool = False, ended_at: float | None = None, kind: str = "every", **fields: Any) -> DueSchedule:
    """An hourly schedule whose next tick is at 1 h."""
    row = ScheduleRow("s", "default", Cadence(kind, str(HOUR), "UTC", 0.0), TARGET, Placing(),
                      **{"next_fire": HOUR, "last_run": LAST, **fields})  # fmt: skip
    return DueSchedule(row, is_live, ended_at)


def hours(*numbers: float) -> list[float]:
    return [number * HOUR for number in numbers]


# -- on time -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("catch_up", ["latest", "skip", "all"])
@pytest.mark.parametrize("overlap", ["skip", "queue", "cancel", "allow"])
@pytest.mark.parametrize("late", [-0.001, 0.0, 0.5, GRACE_SECONDS])
def test_a_tick_that_is_due_is_started(catch_up: str, overlap: str, late: float) -> None:
    found = plan(due(catch_up=catch_up, overlap=overlap), HOUR + late, 100)
    assert found == Plan(2 * HOUR, [HOUR])


def test_the_run_before_decides_by_overlap() -> None:
    def on_time(overlap: str) -> Plan:
        return plan(due(is_live=True, overlap=overlap), HOUR, 100)

    assert on_time("skip") == Plan(2 * HOUR, skipped=HOUR)
    assert on_time("queue") == Plan(HOUR, waits_for=LAST)
    assert on_time("cancel") == Plan(2 * HOUR, [HOUR], cancels=LAST)
    assert on_time("allow") == Plan(2 * HOUR, [HOUR])


# -- missed --------------------------------------------------------------------------------------------------------

NOW = 10.5 * HOUR  # ten ticks are due, the last half an hour ago


@pytest.mark.parametrize("overlap", ["skip", "queue", "cancel", "allow"])
def test_of_missed_ticks_the_latest_is_started(overlap: str) -> None:
    assert plan(due(overlap=overlap), NOW, 100) == Plan(11 * HOUR, hours(10), skipped=9 * HOUR)


@pytest.mark.parametrize("overlap", ["skip", "queue", "cancel", "allow"])
def test_missed_ticks_may_be_passed_over(overlap: str) -> None:
    assert plan(due(overlap=overlap, catch_up="skip"), NOW, 100) == Plan(11 * HOUR, skipped=10 * HOUR)


def test_one_that_is_on_time_is_started_though_others_were_missed() -> None:
    assert plan(due(catch_up="skip"), 10 * HOUR + 5, 100) == Plan(11 * HOUR, hours(10), skipped=9 * HOUR)


def test_missed_ticks_are_all_started_at_once_where_runs_may_overlap() -> None:
    assert plan(due(catch_up="all", overlap="allow"), NOW, 100) == Plan(11 * HOUR, hours(*range(1, 11)))
    assert plan(due(catch_up="all", overlap="allow"), NOW, 3) == Plan(11 * HOUR, hours(8, 9, 10), skipped=7 * HOUR)


@pytest.mark.parametrize("overlap", ["skip", "queue"])
def test_else_they_are_started_one_after_the_other(overlap: str) -> None:
    assert plan(due(catch_up="all", overlap=overlap), NOW, 100) == Plan(2 * HOUR, hours(1))
    assert plan(due(catch_up="all", overlap=overlap, is_live=True), NOW, 100) == Plan(HOUR, waits_for=LAST)
    assert plan(due(catch_up="all", overlap=overlap), NOW, 3) == Plan(9 * HOUR, hours(8), skipped=7 * HOUR)


def test_with_cancel_only_the_newest_is_worth_starting() -> None:
    assert plan(due(catch_up="all", overlap="cancel", is_live=True), NOW, 100) == Plan(
        11 * HOUR, hours(10), skipped=9 * HOUR, cancels=LAST
    )


def test_the_one_instant_of_at_may_be_missed_too() -> None:
    assert plan(due(kind="at"), NOW, 100) == Plan(None, hours(1))
    assert plan(due(kind="at", catch_up="skip"), NOW, 100) == Plan(None, skipped=HOUR)


# -- queued --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("catch_up", ["latest", "skip"])
def test_what_was_queued_was_not_missed(catch_up: str) -> None:
    """The run before ended half an hour after the tick, and nobody was away."""
    found = plan(due(catch_up=catch_up, overlap="queue", ended_at=1.5 * HOUR), 1.5 * HOUR + 1, 100)
    assert found == Plan(2 * HOUR, hours(1))


def test_what_could_have_been_started_long_ago_was_missed() -> None:
    found = plan(due(catch_up="skip", overlap="queue", ended_at=1.5 * HOUR), 1.5 * HOUR + GRACE_SECONDS + 1, 100)
    assert found == Plan(2 * HOUR, skipped=HOUR)


def test_an_end_makes_nothing_fresh_that_did_not_wait_for_it() -> None:
    found = plan(due(catch_up="skip", overlap="allow", ended_at=NOW), NOW + 1, 100)
    assert found == Plan(11 * HOUR, skipped=10 * HOUR)


def test_ticks_that_wait_for_one_run_become_one() -> None:
    found = plan(due(overlap="queue", ended_at=NOW), NOW + 1, 100)
    assert found == Plan(11 * HOUR, hours(10), skipped=9 * HOUR)


def test_a_row_that_is_due_moves_on_whatever_its_timetable_says_of_that_instant() -> None:
    """A release with other rules of a time zone has written it."""
    assert plan(due(next_fire=HOUR + 7), HOUR + 8, 100) == Plan(2 * HOUR, [HOUR + 7])
