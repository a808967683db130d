"""Crashes at every call to the database: every subscriber is started once, no event is missed."""

from typing import Any

import pytest

from stepwell import Settings, Stepwell
from stepwell.testing import PostgresServer, Trouble, crash_everywhere, simulate
from tests.events.flows import asks, asks_in_thread, cancels, expected

VERBS = {"announce", "subscriptions", "subscribe", "event_head", "events_above", "event_waits"}


def test_without_a_crash(engine: Stepwell) -> None:
    assert asks.sync(3) == expected(3)
    assert asks_in_thread(3) == ["nothing", 103]
    assert cancels.sync(1) == "event:crash.over"
    engine.run_until_idle()
    assert len(engine.find(name="crash_answers").items) == 1


def test_async() -> None:
    report = crash_everywhere(asks.bind(2), twice=5, every=2)
    assert set(report.calls) >= VERBS
    assert report.takeovers > 20


def test_cancelling() -> None:
    # How far the other run had come when it was cancelled is another question each time.
    report = crash_everywhere(cancels.bind(2), same_steps=False)
    assert set(report.calls) >= {"live_runs", "run_inputs", "request_cancel", "event_cancelled"}
    assert report.takeovers > 10


def test_threads() -> None:
    settings = Settings(migrate=False, park_after=0.1)
    # How often it publishes depends on how long a takeover takes.
    report = crash_everywhere(asks_in_thread.bind(1), twice=3, every=5, settings=settings, same_steps=False)
    assert report.takeovers > 5
    assert {"leave", "wake_parked"} <= set(report.calls), "it has parked"


def test_on_postgres(postgres_server: PostgresServer) -> None:
    database = postgres_server.create_database("stepwell_event_crashes")
    try:
        report = crash_everywhere(asks.bind(1), database=database, every=12)
        assert report.takeovers >= 3
    finally:
        postgres_server.drop_database("stepwell_event_crashes")


@pytest.mark.slow
def test_every_pair_is_drawn_from_all() -> None:
    crash_everywhere(asks.bind(2), twice=300)


# -- several processes, and everything that goes wrong ---------------------------------------------------------------

CALLS: list[Any] = [*(asks.bind(n + 1) for n in range(4)), cancels.bind(1)]
STORM = Trouble(
    deaths_every=9,
    pauses_every=12,
    restarts_every=25,
    cancels_every=1e9,
    lost_before=0.03,
    lost_after=0.03,
    late=0.03,
    contention=0.05,
    slow=0.06,
)


LOST = Trouble(
    deaths_every=40, cancels_every=1e9, lost_before=0.1, lost_after=0.15, late=0.05, contention=0.1, slow=0.06
)


@pytest.mark.parametrize("seeds", [range(5)], ids=str)
def test_lost_answers(seeds: range) -> None:
    report = simulate(CALLS, seeds=seeds, trouble=LOST)
    assert report.faults > 50


@pytest.mark.parametrize("seeds", [range(5)], ids=str)
def test_storm(seeds: range) -> None:
    report = simulate(CALLS, seeds=seeds, trouble=STORM)
    assert report.takeovers > 4


def test_storm_of_threads() -> None:
    simulate([asks_in_thread.bind(n) for n in range(3)], seeds=range(2), trouble=STORM)


def test_storm_on_postgres(postgres_server: PostgresServer) -> None:
    database = postgres_server.create_database("stepwell_event_storms")
    try:
        simulate(CALLS[:3], seeds=range(2), database=database, trouble=LOST)
    finally:
        postgres_server.drop_database("stepwell_event_storms")
