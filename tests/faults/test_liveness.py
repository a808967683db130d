"""Who is dead and who only seems so: nothing is done twice by those who are wrong about it."""

import signal

from stepwell import Client
from tests.faults.apps import liveness
from tests.faults.kit.places import Place
from tests.faults.kit.processes import Crew


def test_a_process_whose_loop_is_blocked_is_not_taken_for_dead(place: Place, crew: Crew) -> None:
    busy, other = crew.serving("liveness", role="busy"), crew.serving("liveness", role="other")
    assert busy.ask("block", 8.0) == ["busy", "busy"], "it lost its run to the other process"
    run = place.run("blocking")
    assert (run.status, run.attempts, run.recoveries) == ("SUCCESS", 1, 0)
    assert {pid for pid, *_ in place.effects()} == {busy.pid}
    for worker in (busy, other):
        worker.leave()


def test_a_process_that_was_stopped_for_longer_than_its_lease_abandons_what_others_have(
    place: Place, crew: Crew, client: Client
) -> None:
    other, slow = crew.serving("liveness", role="other"), crew.serving("liveness", role="slow")
    slow.ask("call_both")
    slow.expect("at the gate", "def")
    slow.expect("at the gate", "async")
    slow.signal(signal.SIGSTOP)
    heirs = ["slow", "other", "other"]
    assert liveness.gated.options(engine=client).handle("def").result(timeout=30) == heirs
    assert client.handle("async").result(timeout=30) == heirs

    slow.signal(signal.SIGCONT)
    slow.ask("go_on")
    assert slow.expect("got", "def")[0] == heirs, "the late caller gets what the new owner recorded"
    assert slow.expect("got", "async")[0] == heirs
    for run in ("def", "async"):
        recorded = [row for row in place.recorded() if row.workflow == run]
        assert [(row.name, row.epoch > 1) for row in recorded] == [("before", False), ("gate", True), ("after", True)]
        done = [(pid, what) for pid, name, what in place.effects() if name == run]
        assert done == [
            (slow.pid, "before"),
            (slow.pid, "gate"),
            (other.pid, "gate"),
            (other.pid, "after"),
        ], "the late process has done one thing more than it could help"
        assert place.run(run).recoveries == 1

    # It goes on as a new incarnation, and what it does now counts.
    assert slow.ask("call", "next") == ["slow", "slow", "slow"]
    assert place.run("next").attempts == 1
    for worker in (slow, other):
        worker.leave()
