"""Crashes at every call to the database: nothing is lost, nothing doubled, the order kept."""

from typing import Any

import pytest

from stepwell import Settings, Stepwell
from stepwell.testing import PostgresServer, Trouble, crash_everywhere, simulate
from tests.messaging.flows import conversation, conversation_in_threads, expected

FLOWS = pytest.mark.parametrize("flow", [conversation, conversation_in_threads], ids=["async", "threads"])


@FLOWS
def test_without_a_crash(engine: Stepwell, flow: Any) -> None:
    assert flow.sync(3) == expected(3)


def test_async() -> None:
    report = crash_everywhere(conversation.bind(2), twice=5, every=2)
    assert {"send", "unconsumed", "publish", "events", "streams", "secret"} <= set(report.calls)
    assert report.takeovers > 30


def test_threads() -> None:
    settings = Settings(migrate=False, park_after=0.1)
    report = crash_everywhere(conversation_in_threads.bind(1), twice=3, every=5, settings=settings)
    assert report.takeovers > 10
    assert {"leave", "wake_parked"} <= set(report.calls), "it has parked"


@FLOWS
def test_on_postgres(flow: Any, postgres_server: PostgresServer) -> None:
    database = postgres_server.create_database("stepwell_talking_crashes")
    try:
        report = crash_everywhere(flow.bind(1), database=database, every=12)
        assert report.takeovers >= 3
    finally:
        postgres_server.drop_database("stepwell_talking_crashes")


@pytest.mark.slow
@FLOWS
def test_every_pair_is_drawn_from_all(flow: Any) -> None:
    crash_everywhere(flow.bind(2), twice=300)


# -- several processes, and everything that goes wrong ---------------------------------------------------------------

CALLS = [conversation.bind(n % 4) for n in range(8)]
STORM = Trouble(
    deaths_every=9,
    pauses_every=12,
    restarts_every=25,
    clock_jumps_every=40,
    cancels_every=20,
    lost_before=0.03,
    lost_after=0.03,
    late=0.03,
    contention=0.05,
    slow=0.06,
)


@pytest.mark.parametrize("seeds", [range(8), range(8, 16)], ids=str)
def test_trouble(seeds: range) -> None:
    report = simulate(CALLS, seeds=seeds)
    assert report.faults > 50


@pytest.mark.parametrize("seeds", [range(6), range(6, 12)], ids=str)
def test_storm(seeds: range) -> None:
    report = simulate(CALLS, seeds=seeds, trouble=STORM)
    assert report.takeovers > 20


def test_storm_with_little_room() -> None:
    """Async runs park too, with what they wait for as rows."""
    simulate(CALLS, seeds=range(4), trouble=STORM, settings=Settings(migrate=False, max_async=6))


def test_storm_of_threads() -> None:
    simulate([conversation_in_threads.bind(n % 3) for n in range(5)], seeds=range(3), trouble=STORM)


def test_storm_on_postgres(postgres_server: PostgresServer) -> None:
    database = postgres_server.create_database("stepwell_talking_storms")
    try:
        simulate(CALLS[:4], seeds=range(2), database=database)
    finally:
        postgres_server.drop_database("stepwell_talking_storms")
