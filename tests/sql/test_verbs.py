"""cancel_workflow, workflow_result, send_message: what they do, and what they say when there is nothing to do."""

import json
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from stepwell import Client, Stepwell
from tests.engine.kit import Lab, eventually, reaches
from tests.sql.flows import Order, checkout, fails, nothing, ran, waits


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()


def one(sql: psycopg.Connection, query: str, *values: Any) -> Any:
    ((value,),) = sql.execute(query.encode(), values).fetchall()
    return value


def state(sql: psycopg.Connection, query: str, *values: Any) -> str:
    """The SQLSTATE of what the statement raises."""
    with pytest.raises(psycopg.Error) as raised:
        sql.execute(query.encode(), values)
    return raised.value.sqlstate or ""


# -- results -----------------------------------------------------------------------------------------------------


def test_results(engine: Stepwell, sql: psycopg.Connection) -> None:
    checkout.options(id="ok")(Order("anvil", 1))
    assert one(sql, "select stepwell.workflow_result('ok') ->> 'sku'") == "anvil"
    nothing.options(id="none")()
    assert one(sql, "select stepwell.workflow_result('none')::text") == "null"
    held = waits.sync.options(id="held").start()
    assert one(sql, "select stepwell.workflow_result('held') is null") is True
    with pytest.raises(ValueError, match="on purpose"):
        fails.options(id="bad")()
    with pytest.raises(psycopg.Error, match="workflow 'bad' failed: builtins:ValueError") as failed:
        one(sql, "select stepwell.workflow_result('bad')")
    assert failed.value.sqlstate == "SW500"
    assert "on purpose" not in str(failed.value), "messages of errors may be payload: the server logs this one"
    held.cancel()
    reaches(held, "CANCELLED")
    assert state(sql, "select stepwell.workflow_result('held')") == "SW499"
    assert state(sql, "select stepwell.workflow_result('no such')") == "SW404"


def test_a_result_that_went_through_a_codec(engine: Stepwell, sql: psycopg.Connection) -> None:
    nothing.options(id="c")()
    sql.execute("update stepwell.workflow_status set output_codec_id = 'gz', output = 'H4sI'")
    assert state(sql, "select stepwell.workflow_result('c')") == "0A000"


# -- cancelling --------------------------------------------------------------------------------------------------


def test_a_running_one_cleans_up(engine: Stepwell, sql: psycopg.Connection) -> None:
    handle = waits.sync.options(id="w").start()
    eventually(lambda: "sleep" in engine.explain("w"))
    assert one(sql, "select stepwell.cancel_workflow('w')") is True
    assert reaches(handle, "CANCELLED")
    assert ran == ["cleaned up"]
    assert one(sql, "select stepwell.cancel_workflow('w')") is False
    assert state(sql, "select stepwell.cancel_workflow('no such')") == "SW404"


STATES = {
    "ENQUEUED": "",
    "was executed": "started_at = now()",
    "delayed": "delayed = true, not_before = now() + '1 h'",
    "PENDING": "status = 'PENDING', owner = gen_random_uuid(), started_at = now(), epoch = 1",
    "WAITING": "status = 'WAITING', started_at = now(), epoch = 1",
    "BLOCKED": "status = 'BLOCKED', started_at = now(), reason = 'code'",
    "DEAD": "status = 'DEAD', started_at = now(), reason = 'too often'",
    "SUCCESS": "status = 'SUCCESS', started_at = now(), completed_at = now(), output = '1'",
    "asked": "status = 'PENDING', owner = gen_random_uuid(), started_at = now(), cancel_reason = 'deadline'",
}


@pytest.mark.parametrize("force", [False, True])
def test_it_does_what_the_engine_does(database_url: str, sql: psycopg.Connection, force: bool) -> None:
    """Run by run and column by column, for a parent and its children."""
    for number, (what, change) in enumerate(STATES.items()):
        for who in ("sql", "engine"):
            parent = uuid4()
            for child, close in ((None, ""), ("kept", "abandon"), ("follows", "cancel")):
                run = parent if child is None else uuid4()
                sql.execute(
                    "insert into stepwell.workflow_status (run_id, app, workflow_id, name, route, status, input,"
                    " input_digest, parent_run_id, parent_branch, parent_seq, parent_close)"
                    " values (%s, 'nobody', %s, 'n', 'n||', 'ENQUEUED', '{}', 'd', %s, %s, %s, %s)",
                    [run, f"{who}-{number}" + (f"/{child}" if child else ""), parent if child else None,
                     "" if child else None, {"kept": 0, "follows": 1}.get(child or ""), close or "cancel"],
                )  # fmt: skip
                if change:
                    sql.execute(f"update stepwell.workflow_status set {change} where run_id = %s".encode(), [run])
                if what == "WAITING":
                    sql.execute("insert into stepwell.waits (run_id, seq, branch, kind) values (%s, 0, '', 'x')", [run])
    with sql.transaction():
        for number in range(len(STATES)):
            one(sql, "select stepwell.cancel_workflow(%s, %s)", f"sql-{number}", force)
    with Client(database_url) as client:  # an engine would take what its owner has left
        for number in range(len(STATES)):
            client.cancel(f"engine-{number}", force=force)
    columns = (
        "substring(workflow_id from '-.*') as id, status, epoch, reason, cancel_reason, delayed, attempts,"
        " cancel_requested_at is null, completed_at is null, owner is null,"
        " exists (select from stepwell.waits x where x.run_id = w.run_id)"
    )
    query = f"select {columns} from stepwell.workflow_status w where workflow_id like %s order by 1"
    by_sql, by_engine = (sql.execute(query.encode(), [f"{who}-%"]).fetchall() for who in ("sql", "engine"))
    assert by_sql == by_engine
    assert len(by_sql) == 3 * len(STATES)
    assert len({row[1] for row in by_sql}) >= 3


# -- messages ----------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver(lab: Lab, sql: psycopg.Connection) -> str:
    """A run that nobody executes."""
    one(sql, "select stepwell.start_workflow('nobody:serves', id => 'r')")
    return "r"


def test_a_message_is_there_once_per_key(receiver: str, sql: psycopg.Connection) -> None:
    for text in ('{"a": 1}', '{"a": 2}'):
        sql.execute("select stepwell.send_message('r', %s, 'paid', 'k')", [text])
    for _ in range(2):
        sql.execute("select stepwell.send_message('r', '\"ü\"')")
    found = sql.execute("select topic, key = 'k', body from stepwell.messages order by number").fetchall()
    assert found == [("paid", True, '{"a": 1}'), ("", False, r'"\u00fc"'), ("", False, r'"\u00fc"')]


def test_to_nobody_and_to_an_ended_run(receiver: str, sql: psycopg.Connection) -> None:
    assert state(sql, "select stepwell.send_message('no such', '1')") == "SW404"
    sql.execute("select stepwell.send_message('r', '1', key => 'sent')")
    sql.execute("select stepwell.cancel_workflow('r')")
    assert state(sql, "select stepwell.send_message('r', '1', key => 'late')") == "SW410"
    sql.execute("select stepwell.send_message('r', '1', key => 'sent')")  # again: it was sent


REFUSED = ["topic => ''", "key => ''", f"topic => '{'x' * 256}'", "topic => '!stepwell:x'", "key => '!stepwell:x'"]


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_message_may_not_have(receiver: str, sql: psycopg.Connection, case: str) -> None:
    assert state(sql, f"select stepwell.send_message('r', '1', {case})") == "22023"
    assert state(sql, "select stepwell.send_message('r', %s)", json.dumps({"$t": "pickle"})) == "22023"
    assert one(sql, "select count(*) from stepwell.messages") == 0


def test_a_message_that_is_too_large(receiver: str, sql: psycopg.Connection) -> None:
    assert state(sql, "select stepwell.send_message('r', %s)", json.dumps("x" * 20_000_000)) == "54000"
    assert one(sql, "select count(*) from stepwell.messages") == 0


def test_who_is_parked_for_it_is_woken(receiver: str, sql: psycopg.Connection) -> None:
    run = one(sql, "update stepwell.workflow_status set status = 'WAITING', started_at = now() returning run_id")
    sql.execute(
        "insert into stepwell.waits (run_id, seq, branch, kind, topic) values (%s, 0, '', 'message', 'paid')", [run]
    )
    sql.execute("select stepwell.send_message('r', '1', 'something else')")
    assert one(sql, "select status from stepwell.workflows") == "WAITING"
    with sql.transaction(force_rollback=True):
        sql.execute("select stepwell.send_message('r', '1', 'paid')")
    assert one(sql, "select status from stepwell.workflows") == "WAITING"
    sql.execute("select stepwell.send_message('r', '1', 'paid')")
    assert one(sql, "select status from stepwell.workflows") == "ENQUEUED"
    assert one(sql, "select count(*) from stepwell.waits") == 0


def test_two_who_send_at_once_do_not_wait_for_each_other(
    receiver: str, database_url: str, sql: psycopg.Connection
) -> None:
    run = one(sql, "update stepwell.workflow_status set status = 'WAITING', started_at = now() returning run_id")
    sql.execute("insert into stepwell.waits (run_id, seq, branch, kind) values (%s, 0, '', 'message')", [run])
    with psycopg.connect(database_url) as first, psycopg.connect(database_url) as second:
        for connection in (first, second):
            connection.execute("set local lock_timeout = '1s'")
            connection.execute("select status from stepwell.workflow_status for share")
        first.execute("select stepwell.send_message('r', '1')")
        second.execute("select stepwell.send_message('r', '2')")
        first.commit()
        second.commit()
    assert one(sql, "select count(*) from stepwell.messages") == 2


def test_a_run_that_is_sent_to_records_but_does_not_end_meanwhile(
    receiver: str, database_url: str, sql: psycopg.Connection
) -> None:
    with psycopg.connect(database_url) as sender:
        sender.execute("select stepwell.send_message('r', '1')")
        sql.execute("select from stepwell.workflow_status for share nowait")
        assert state(sql, "select from stepwell.workflow_status for no key update nowait") == "55P03"
    sql.execute("select from stepwell.workflow_status for no key update nowait")
