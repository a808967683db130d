"""The schema, its constraints, its public views; the statements that are written against it."""

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwell.model.rows import Batch, Finish
from stepwell.model.status import TERMINAL, Status
from stepwell.store.sqlite.connection import PACKAGE, SQL
from tests.store.conformance.kit import Execution, step
from tests.store.conformance.talk import entry, event, message
from tests.store.sqlite_only.conftest import Opened
from tests.store.sqlite_only.rows import checkpoint, new_run

Outsider = Callable[[], sqlite3.Connection]


@pytest.fixture
async def other(opened: Opened, outsider: Outsider) -> sqlite3.Connection:
    """Another program's connection to a migrated file, with the table of outcomes, which other files have."""
    store = await opened()
    connection = outsider()
    connection.execute(store.dialect().outcome_table)
    return connection


def raw_insert(connection: sqlite3.Connection, status: str, *, completed: bool, owned: bool) -> None:
    connection.execute(
        "INSERT INTO workflow_status (run_id, namespace, app, workflow_id, name, route, status,"
        " engine_format, input_digest, created_at, input, completed_at, owner)"
        " VALUES (randomblob(16), 'n', 'a', hex(randomblob(8)), 'w', 'w', ?, 1, 'd', 0, '[]', ?, ?)",
        (status, 1.0 if completed else None, b"o" * 16 if owned else None),
    )


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("completed", [False, True])
@pytest.mark.parametrize("owned", [False, True])
async def test_the_constraints_say_what_the_table_of_statuses_says(
    other: sqlite3.Connection, status: Status, completed: bool, owned: bool
) -> None:
    allowed = completed == (status in TERMINAL) and owned == (status is Status.PENDING)
    if allowed:
        raw_insert(other, status, completed=completed, owned=owned)
    else:
        with pytest.raises(sqlite3.IntegrityError):
            raw_insert(other, status, completed=completed, owned=owned)


async def test_only_statuses_that_there_are(other: sqlite3.Connection) -> None:
    text = other.execute("SELECT sql FROM sqlite_master WHERE name = 'workflow_status'").fetchone()[0]
    (named,) = re.findall(r"status IN \(\s*([^)]*)\)\)", text)[:1]
    assert {word.strip(" '\n") for word in named.split(",")} == set(Status)


@pytest.mark.parametrize("name", sorted(SQL))
async def test_every_statement_fits_the_schema(other: sqlite3.Connection, name: str) -> None:
    other.create_function("stepwell_clock", 0, lambda: 0.0)
    parameters = set(re.findall(r":(\w+)", SQL[name]))
    values = dict.fromkeys(parameters) if parameters else (None,) * SQL[name].count("?")
    other.execute(f"EXPLAIN {SQL[name]}", values)


def test_every_statement_is_used_and_every_used_one_exists() -> None:
    source = "".join(file.read_text("utf-8") for file in PACKAGE.glob("*.py"))
    used = set(re.findall(r'"([a-z]+/[a-z_]+)"', source))
    assert used == set(SQL)


def test_every_statement_says_what_it_is_for() -> None:
    for file in PACKAGE.glob("sql/*/*.sql"):
        header = re.match(r"(--.*\n)+", file.read_text("utf-8"))
        assert header is not None, file.name
        assert "Called by" in header[0], file.name


async def test_the_views_show_plain_columns(opened: Opened, outsider: Outsider) -> None:
    """Any program that reads SQLite can read them: no function of ours is needed."""
    store = await opened(clock=lambda: 1_800_000_000.25)
    run = new_run(workflow_id="o-1", attributes='{"a": 1}', queue="mail")
    await store.start([run])
    await store.commit(
        Batch(
            checkpoints=[checkpoint(run.run_id, 0)],
            finishes=[Finish(run.run_id, 1, "SUCCESS", '{"r": 1}', None)],
        )
    )
    await store.start([new_run(status="ENQUEUED", owner=None, queue="mail")])
    connection = outsider()
    connection.row_factory = sqlite3.Row
    shown = dict(connection.execute("SELECT * FROM workflows WHERE workflow_id = 'o-1'").fetchone())
    assert list(shown) == [
        "workflow_id", "run_id", "name", "version", "status", "reason", "queue", "priority", "owner",
        "attempts", "parent_id", "attributes", "input", "output", "error", "created_at", "started_at",
        "completed_at",
    ]  # fmt: skip
    assert (shown["run_id"], shown["owner"]) == (str(run.run_id), None)
    assert shown["created_at"] == shown["completed_at"] == "2027-01-15T08:00:00.250Z"
    assert json.loads(shown["output"]) == {"r": 1}
    step = dict(connection.execute("SELECT * FROM steps").fetchone())
    assert list(step) == [
        "workflow_id", "run_id", "branch", "seq", "name", "kind", "ended", "output", "error", "attempts",
        "started_at", "completed_at",
    ]  # fmt: skip
    assert (step["workflow_id"], step["run_id"], step["ended"]) == ("o-1", str(run.run_id), "ok")
    assert [tuple(row) for row in connection.execute("SELECT * FROM queue_depth")] == [("default", "mail", 1, 0)]


async def test_the_views_show_what_was_sent_and_published(opened: Opened, outsider: Outsider) -> None:
    store = await opened(clock=lambda: 1_800_000_000.25)
    run, sender = new_run(workflow_id="o-1"), new_run()
    execution = Execution(run.run_id, 1)
    await store.start([run])
    one = message("o-1", "k1", topic="t", body='{"a": 1}', sender_run=sender.run_id)
    await store.send([one, message("o-1", "k2")])
    await store.commit(Batch(checkpoints=[step(execution, 3, consumes="k1")]))
    await store.publish([event(execution, value='{"b": 2}')], [entry(execution, "[3]"), entry(execution, None)])
    other, at, mine = outsider(), "2027-01-15T08:00:00.250Z", str(run.run_id)
    cursor = other.execute("SELECT * FROM workflow_messages ORDER BY number")
    assert [column[0] for column in cursor.description] == [
        "workflow_id", "run_id", "number", "key", "topic", "message", "sender_run", "reply_to", "sent_at", "received",
        "branch", "seq",
    ]  # fmt: skip
    assert cursor.fetchall() == [
        ("o-1", mine, 1, "k1", "t", '{"a": 1}', str(sender.run_id), None, at, 1, "0", 3),
        ("o-1", mine, 2, "k2", None, '"body of k2"', None, None, at, 0, None, None),
    ]
    cursor = other.execute("SELECT * FROM workflow_events")
    assert [column[0] for column in cursor.description] == ["workflow_id", "run_id", "key", "value", "set_at"]
    assert cursor.fetchall() == [("o-1", mine, "status", '{"b": 2}', at)]
    cursor = other.execute("SELECT * FROM workflow_streams ORDER BY number")
    assert [column[0] for column in cursor.description] == [
        "workflow_id", "run_id", "key", "number", "value", "closed", "written_at",
    ]  # fmt: skip
    assert cursor.fetchall() == [("o-1", mine, "log", 0, "[3]", 0, at), ("o-1", mine, "log", 1, None, 1, at)]


async def test_a_run_leaves_nothing_behind_when_it_is_deleted(opened: Opened, outsider: Outsider) -> None:
    store = await opened()
    run = new_run(attributes='{"a": 1}')
    await store.start([run])
    other = outsider()
    tables = [
        name
        for (name,) in other.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if "run_id" in {column[1] for column in other.execute(f"PRAGMA table_info({name})")}
    ]
    for table in set(tables) - {"workflow_status", "workflow_attributes"}:
        columns = [c for c in other.execute(f"PRAGMA table_info({table})") if c[3] and c[4] is None]
        kind = "event" if table == "publications" else "once"
        values = {"run_id": run.run_id.bytes, "kind": kind, "ended": "ok"}
        if table == "streams":
            columns.append(next(c for c in other.execute("PRAGMA table_info(streams)") if c[1] == "value"))
        plain = {"TEXT": "t", "INTEGER": 0, "REAL": 0.0, "BLOB": b""}
        names, marks = ", ".join(c[1] for c in columns), ", ".join("?" * len(columns))
        filled = [values.get(c[1], plain[c[2]]) for c in columns]
        other.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", filled)
    await store.commit(Batch(finishes=[Finish(run.run_id, 1, "SUCCESS", None, None)]))
    assert await store.delete(run.run_id)
    assert {table: other.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables} == dict.fromkeys(
        tables, 0
    )


async def test_a_run_whose_history_cannot_be_read_is_set_aside(opened: Opened, outsider: Outsider) -> None:
    store = await opened()
    runs = [new_run() for _ in range(3)]
    await store.start(runs)
    await store.commit(Batch(checkpoints=[checkpoint(run.run_id, 0) for run in runs]))
    connection = outsider()
    connection.execute(
        "UPDATE operation_outputs SET output = CAST(x'FFFE' AS TEXT) WHERE run_id = ?",
        (runs[1].run_id.bytes,),
    )
    connection.execute("UPDATE workflow_status SET status = 'ENQUEUED', owner = NULL")
    claimed = (await store.claim(runs[0].run_id, ["n||"], [], 10)).runs
    assert {c.run_id for c in claimed} == {runs[0].run_id, runs[2].run_id}
    row = await store.get_run(runs[1].run_id)
    assert row is not None
    assert (row.status, row.reason) == ("BLOCKED", "its history is not readable")


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [int(file.name[:4]) for file in sorted(Path(PACKAGE).glob("migrations/*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))
