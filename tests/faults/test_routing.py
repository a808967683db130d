"""Work that nobody here can do waits with a reason, and holds nobody up."""

import pytest

from stepwell import Client, Stepwell, step, workflow
from tests.faults.apps import same_id
from tests.faults.kit.child import quick
from tests.faults.kit.places import Place, eventually
from tests.faults.kit.processes import Crew


def test_a_run_that_nobody_serves_waits_with_a_reason(
    place: Place, crew: Crew, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test's own process defines the workflow, and executes nothing; the worker does not define it."""

    @workflow(name=f"of another service {place.is_sqlite}")
    def elsewhere(order: str) -> str:
        return order

    monkeypatch.setenv("FAULTS_EFFECTS", str(place.effects_file))
    orphans = [elsewhere.options(engine=client, id=f"e-{number}").start("x") for number in range(200)]
    assert "no process is running" in client.explain("e-0")
    worker = crew.serving("same_id")
    mine = [same_id.pay.options(engine=client, id=f"m-{number}").start(str(number)) for number in range(20)]
    assert [handle.result(timeout=20) for handle in mine], "others' work waits behind what nobody serves"
    assert {handle.status().status for handle in orphans} == {"ENQUEUED"}
    assert "none of them serves of another service" in client.explain("e-0")
    worker.leave()

    with Stepwell(place.url, settings=quick()):
        assert {handle.result(timeout=20) for handle in orphans} == {"x"}


def test_a_row_that_cannot_be_read_does_not_hold_up_its_batch(place: Place, client: Client) -> None:
    done: list[int] = []

    @step
    def note(number: int) -> int:
        done.append(number)
        return number

    @workflow(name=f"one of a batch {place.is_sqlite}")
    def one(number: int) -> int:
        return note(number)

    handles = [one.options(engine=client, id=f"b-{number}").start(number) for number in range(20)]
    place.forged("b-7")
    with Stepwell(place.url, settings=quick()) as engine:
        results = [handle.result(timeout=20) for handle in handles if handle.id != "b-7"]
        eventually(lambda: place.run("b-7").status == "BLOCKED")
        assert "BLOCKED" in engine.explain("b-7")
        assert place.run("b-7").reason
        mended = place.sql("select input from workflow_status where workflow_id = 'b-8'")[0][0].replace("8", "7")
        place.sql(f"update workflow_status set input = '{mended}' where workflow_id = 'b-7'")
        assert engine.resume("b-7").result(timeout=20) == 7
    assert sorted([*results, 7]) == sorted(done) == list(range(20))
