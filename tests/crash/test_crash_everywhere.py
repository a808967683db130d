"""The process dies at every call that it makes to its database, and the run comes to the same end."""

from typing import Any

import pytest

from stepwell import Workflow
from stepwell.testing import Crash, CrashFailure, PostgresServer, crash_everywhere
from stepwell.testing.crash import Start
from tests.crash.flows import by_the_clock, everything, everything_in_threads, failing, forgetful, outside


@pytest.mark.parametrize("start", ["id", "call"])
def test_async(start: Start) -> None:
    report = crash_everywhere(everything.bind(1), start=start, twice=20)
    assert report.crashes >= 2 * len(report.calls)
    made = {"commit", "claim", "beat", "unregister"} | ({"start"} if start == "id" else set())
    assert made <= set(report.calls)
    assert report.takeovers > 30
    assert 0 < report.repeated < report.crashes, "a crash repeats the bodies that were running, and no others"


@pytest.mark.parametrize("start", ["id", "call"])
def test_threads(start: Start) -> None:
    report = crash_everywhere(everything_in_threads.bind(1), start=start, twice=5, every=3)
    assert report.takeovers > 10
    assert "leave" in report.calls, "it has parked"


def test_a_failure_is_an_outcome_too() -> None:
    report = crash_everywhere(failing.bind(1))
    assert report.takeovers > 10


@pytest.mark.parametrize("flow", [everything, everything_in_threads], ids=["async", "threads"])
def test_on_postgres(flow: "Workflow[[int], int]", postgres_server: PostgresServer) -> None:
    database = postgres_server.create_database("stepwell_crashes")
    try:
        report = crash_everywhere(flow.bind(1), database=database, every=12 if flow is everything_in_threads else 4)
        assert report.takeovers >= 3
    finally:
        postgres_server.drop_database("stepwell_crashes")


# -- it finds what is wrong ---------------------------------------------------------------------------------------


def test_what_is_kept_outside_steps_is_found() -> None:
    with pytest.raises(CrashFailure, match="the outcome is") as failed:
        crash_everywhere(forgetful.bind(1), prepare=outside.clear)
    assert "forgetful" in str(failed.value)
    assert f"only=[{failed.value.crashes!r}]" in str(failed.value)


def test_a_replay_that_does_something_else_is_found() -> None:
    with pytest.raises(CrashFailure, match="not recorded, but without a crash"):
        crash_everywhere(by_the_clock.bind(1))
    with pytest.raises(CrashFailure, match="BLOCKED"):
        crash_everywhere(by_the_clock.bind(1), same_steps=False)


def test_one_crash_alone() -> None:
    outside.clear()
    with pytest.raises(CrashFailure) as failed:
        crash_everywhere(forgetful.bind(1), prepare=outside.clear)
    with pytest.raises(CrashFailure) as again:
        crash_everywhere(forgetful.bind(1), prepare=outside.clear, only=[failed.value.crashes])
    assert str(again.value) == str(failed.value)


def test_only_what_was_asked() -> None:
    report = crash_everywhere(everything.bind(1), only=[(Crash(3, "before"),), (Crash(9, "after"), Crash(4, "before"))])
    assert (report.scenarios, report.crashes) == (3, 3)


@pytest.mark.slow
@pytest.mark.parametrize("flow", [everything, everything_in_threads, failing], ids=["async", "threads", "failing"])
def test_every_pair_is_drawn_from_all(flow: Any) -> None:
    crash_everywhere(flow.bind(1), twice=400)


@pytest.mark.slow
@pytest.mark.parametrize("flow", [everything, everything_in_threads], ids=["async", "threads"])
def test_all_of_it_on_postgres(flow: Any, postgres_server: PostgresServer) -> None:
    database = postgres_server.create_database("stepwell_all_crashes")
    try:
        crash_everywhere(flow.bind(1), database=database, twice=40)
    finally:
        postgres_server.drop_database("stepwell_all_crashes")
