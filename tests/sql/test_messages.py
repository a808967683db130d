"""What SQL sends, workflows receive: running or parked, of both colours."""

import psycopg
import pytest

import stepwell
from stepwell import WorkflowCancelled, workflow
from tests.engine.kit import Gate, Lab, reaches
from tests.sql import flows


@pytest.mark.parametrize("name", [flow.definition.name for flow in (flows.receives, flows.receives_async)])
@pytest.mark.parametrize("parked", [False, True])
def test_a_message_arrives(lab: Lab, sql: psycopg.Connection, name: str, parked: bool) -> None:
    engine = lab.launch(park_after=0.02 if parked else 3600)
    sql.execute("select stepwell.start_workflow(%s, id => 'r')", [name])
    handle = engine.handle("r")
    reaches(handle, "WAITING" if parked and name == "sql:receives" else "PENDING")
    with sql.transaction():
        for _ in range(3):
            sql.execute(
                "select stepwell.send_message('r', json_build_object('parcel', 'ü', 'weight', 2), 'shipped', 'k')"
            )
        sql.execute("select stepwell.send_message('r', '[1, null]')")
    assert handle.result(timeout=15) == ["Shipped", "ü", [1, None]]
    assert sql.execute("select count(*) from stepwell.messages where consumed_seq is not null").fetchall() == [(2,)]


@workflow(name="sql:shows")
def shows() -> None:
    gate.hold()
    stepwell.set_event("e", 1)
    stepwell.recv()


gate = Gate()


def test_while_a_cancellation_is_not_committed_other_runs_publish(lab: Lab, sql: psycopg.Connection) -> None:
    engine = lab.launch()
    for id in ("held", "free"):
        sql.execute("select stepwell.start_workflow('sql:shows', id => %s)", [id])
        reaches(engine.handle(id), "PENDING")
    with sql.transaction():
        sql.execute("select stepwell.cancel_workflow('held')")
        gate.open()
        assert engine.get_event("free", "e", timeout=15) == 1
        assert engine.handle("held").status().status == "PENDING"
    with pytest.raises(WorkflowCancelled):
        engine.handle("held").result(timeout=15)


def test_one_that_is_sent_before_its_run_begins(lab: Lab, sql: psycopg.Connection) -> None:
    with sql.transaction():
        sql.execute("select stepwell.start_workflow('sql:receives', id => 'r')")
        sql.execute("select stepwell.send_message('r', '{\"parcel\": \"p\", \"weight\": 1}', 'shipped')")
        sql.execute("select stepwell.send_message('r', '2')")
    assert lab.launch().handle("r").result(timeout=15) == ["Shipped", "p", 2]
