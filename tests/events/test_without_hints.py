"""Everything about published events once more, where nobody is told of anything (`notify=False`)."""

from collections.abc import Iterator

import pytest

from tests.engine.kit import Lab
from tests.events.test_cancel_on import *  # noqa: F403
from tests.events.test_subscribing import *  # noqa: F403

# Not all of these: what nobody tells is found by looking, which its own engines do seldom.
from tests.events.test_wait_for import (  # noqa: F401
    listening,
    paid,
    test_a_crash_between_the_two_loses_no_event,
    test_a_parked_run_is_woken_by_what_it_waits_for,
    test_a_race_with_its_timeout_has_one_outcome,
    test_a_replay_sees_what_it_saw,
    test_an_event_is_for_all_who_wait,
    test_async_runs_park_when_there_are_many,
    test_its_publisher_died_before_it_looked_who_waits,
    test_more_events_than_one_look_brings,
    test_published_while_it_parks,
    test_the_first_that_matches,
    test_timeouts,
    waits_async,
)
from tests.messaging.test_without_hints import Silent


@pytest.fixture
def lab(database_url: str) -> Iterator[Lab]:
    """Makes engines that neither tell nor listen."""
    lab = Silent(database_url)
    yield lab
    lab.close()


@pytest.fixture
def quiet(lab: Lab) -> object:
    """One in which nothing is polled but the facts."""
    return lab.launch(park_after=0.02, max_threads=1, poll_interval=1000.0, sweep_interval=1000.0)


def test_between_two_processes(lab: Lab) -> None:
    """Somebody waits here, in memory, and somebody else publishes."""
    first, second = lab.launch(), lab.launch("second")
    handle = first.start(waits_async.sync, "amount > 1", None, "raise")
    listening(handle)
    paid(second, "o-1", 1)
    paid(second, "o-2", 2)
    assert handle.result(timeout=10)["order_id"] == "o-2"
