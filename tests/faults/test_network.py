"""Between here and the server: connections that swallow everything, and answers that are lost after the commit."""

import time

import pytest

from tests.faults.kit.loads import end_load
from tests.faults.kit.places import Place
from tests.faults.kit.processes import Crew
from tests.faults.kit.proxy import Proxy

pytestmark = pytest.mark.parametrize("place", ["postgres"], indirect=True)

DEADLINE_SECONDS = 2.0


def test_calls_in_a_black_hole_end_by_their_deadline_and_go_on_over_new_connections(place: Place, crew: Crew) -> None:
    with Proxy(place.url) as proxy:
        worker = crew.serving("load", role="w", url=proxy.url, call_deadline=DEADLINE_SECONDS)
        worker.ask("begin")
        worker.ask("progress", 20)
        for _ in range(2):
            made = proxy.made
            proxy.swallow()
            begun = time.monotonic()
            worker.ask("progress", 40)
            # One deadline for the lost call, and the server's own limit on the transaction it left open.
            assert time.monotonic() - begun < DEADLINE_SECONDS + 4 + 3
            assert proxy.made > made, "it went on over the swallowed connections?"
        end_load(worker, place)
        assert place.sql("select count(*) from workflow_status where attempts > 1") == [(0,)], "nobody was dead"
        worker.leave()


def test_answers_that_are_lost_after_the_commit_double_nothing(place: Place, crew: Crew) -> None:
    with Proxy(place.url) as proxy:
        worker = crew.serving("load", role="w", url=proxy.url)
        worker.ask("begin")
        worker.ask("progress", 10)
        proxy.cut(0.15)
        worker.ask("progress", 150)
        proxy.cut(0.0)
        assert proxy.cuts > 20
        end_load(worker, place)
        assert place.sql("select count(*) from workflow_status where attempts > 1") == [(0,)]
        positions = place.sql("select run_id, pos, count(*) from operation_outputs group by 1, 2 having count(*) > 1")
        assert positions == []
        worker.leave()


@pytest.mark.parametrize("every", [2, 5])
def test_answers_that_are_lost_in_step_stop_nothing(place: Place, crew: Crew, every: int) -> None:
    """Every n-th: a batch that began anew each time could lose the same answer for ever."""
    with Proxy(place.url) as proxy:
        worker = crew.serving("load", role="w", url=proxy.url)
        worker.ask("begin")
        worker.ask("progress", 10)
        proxy.cut_every(every)
        worker.ask("progress", 60)
        proxy.cut_every(0)
        assert proxy.cuts > 10
        end_load(worker, place)
        positions = place.sql("select run_id, pos, count(*) from operation_outputs group by 1, 2 having count(*) > 1")
        assert positions == []
        worker.leave()
