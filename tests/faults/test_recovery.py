"""What a dead process leaves is taken over by as many threads as there are, not by one for each run."""

from tests.faults.apps.many import COUNT
from tests.faults.kit.places import Place, eventually
from tests.faults.kit.processes import Crew

THREADS = 8


def test_two_thousand_runs_are_recovered_by_eight_threads(place: Place, crew: Crew) -> None:
    doomed = crew.serving("many", role="doomed", max_threads=COUNT)
    doomed.ask("start_all")
    doomed.expect("all under way")
    assert place.statuses() == {"PENDING": COUNT}
    heir = crew.serving("many", role="heir", max_threads=THREADS)
    doomed.kill()
    eventually(lambda: place.statuses() == {"SUCCESS": COUNT}, timeout=60, every=0.25)

    assert place.count_effects() == {(number,): 1 for number in range(COUNT)}
    at_once, threads = heir.ask("most_at_once")
    assert 1 < at_once <= THREADS
    assert threads <= THREADS + 5, "the pool, the engine's loop, its heartbeat, and the main thread"
    heir.leave()
