"""The row is the only gate: whoever asks for the same id gets the same run, or is told what is wrong."""

import pytest

from stepwell import Stepwell, WorkflowConflict
from tests.faults.apps import same_id
from tests.faults.kit.child import quick
from tests.faults.kit.places import Place
from tests.faults.kit.processes import Crew

THREADS = 50


def test_one_body_for_fifty_threads_in_each_of_four_processes(place: Place, crew: Crew) -> None:
    workers = [crew.serving("same_id") for _ in range(4)]
    for worker in workers:
        worker.tell("all_at_once", THREADS, "o-1")
    answers = [worker.expect("did", "all_at_once")[0] for worker in workers]

    assert len(answers[0]) == 1, "threads of one process got different results"
    assert all(answer == answers[0] for answer in answers), "processes got different results"
    assert place.count_effects() == {("pay", "o-1"): 2, ("charge", "o-1"): 2}, "one def run and one async run"
    assert place.run("o-1-def").attempts == 1
    for worker in workers:
        worker.leave()


def test_an_id_stands_for_one_workflow_with_one_input(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULTS_EFFECTS", str(place.effects_file))
    pay = same_id.pay
    with Stepwell(place.url, settings=quick()):
        first = pay.options(id="o-1")("o-1")
        run_id = pay.handle("o-1").run_id

        with pytest.raises(WorkflowConflict, match="other inputs"):
            pay.options(id="o-1")("o-2")
        with pytest.raises(WorkflowConflict, match="other inputs"):
            pay.options(id="o-1").start("o-2")
        with pytest.raises(WorkflowConflict, match="same_id:pay"):
            same_id.pay_async.sync.options(id="o-1").start("o-1")
        with pytest.raises(WorkflowConflict, match="SUCCESS"):
            pay.options(id="o-1", on_conflict="reject").start("o-1")
        assert pay.options(id="o-1", on_conflict="attach").start("o-1").run_id == run_id
        assert pay.options(id="o-1")("o-1") == first
        assert place.count_effects()[("pay", "o-1")] == 1

        replaced = pay.options(id="o-1", on_conflict="replace").start("o-2")
        replaced.result(timeout=10)
        assert replaced.run_id != run_id
        assert pay.handle("o-1").run_id == replaced.run_id, "the id means the new run"
        assert place.count_effects()[("pay", "o-2")] == 1
