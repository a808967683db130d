"""What is run again, what is recorded, and what a transaction may not be called in."""

import asyncio
import contextlib
import sqlite3
import threading
from typing import Any

import psycopg
import pytest
from psycopg import errors

import stepwell
from stepwell import (
    NotDurableWarning,
    NotSerializable,
    Settings,
    StepTimeout,
    TransactionMisuse,
    UsageError,
    step,
    transaction,
    workflow,
)
from stepwell.core.define import CONTENTION_RETRY
from tests.engine.kit import Gate, eventually
from tests.transactions import bodies
from tests.transactions.flows import HOME, Adder, add_psycopg, add_psycopg_async, add_sqlite
from tests.transactions.kit import Home, outcomes, the_run

POSTGRES = [each for each in HOME if each.database == "postgres"]
each_kind = pytest.mark.parametrize("adder", POSTGRES, ids=[each.name for each in POSTGRES])
FAIL_WITH = "DO $$ BEGIN RAISE EXCEPTION 'made for this test' USING ERRCODE = '{}'; END $$"
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle in tran%'"


def executed(connection: Any, statement: str) -> Any:
    """The statement on a connection of whatever kind."""
    import sqlalchemy

    is_sqlalchemy = type(connection).__module__.startswith(("sqlalchemy", "sqlmodel"))
    return connection.execute(sqlalchemy.text(statement) if is_sqlalchemy else statement)


def open_transactions(home: Home) -> int:
    """How many stand idle."""
    return int(home.execute("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in tr%'")[0][0])


@each_kind
@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_contention_runs_the_body_again(adder: Adder, code: str, postgres_home: Home) -> None:
    engine = postgres_home.launch()
    bodies.then["e-1"] = lambda conn: executed(conn, FAIL_WITH.format(code)) if bodies.bodies["e-1"] < 3 else None
    assert adder.workflow("e") == ["added e-1", "added e-2"]
    assert bodies.bodies["e-1"] == 3
    assert postgres_home.ledger() == {"e-1": 1, "e-2": 1}
    assert [each.attempts for each in the_run(engine).steps()] == [3, 1]


@each_kind
def test_a_lost_connection_runs_the_body_again(adder: Adder, postgres_home: Home) -> None:
    """Nobody's outcome: without limit, and not recorded. Here more often than contention would be tried."""
    engine = postgres_home.launch()

    def cut(connection: Any) -> Any:
        if bodies.bodies["e-1"] < 4:
            postgres_home.execute(CUT)
            return executed(connection, "SELECT 1")
        return None

    bodies.then["e-1"] = cut
    assert adder.workflow("e") == ["added e-1", "added e-2"]
    assert bodies.bodies["e-1"] == 4
    assert postgres_home.ledger() == {"e-1": 1, "e-2": 1}
    assert outcomes(the_run(engine)) == [("transaction", "ok")] * 2


@each_kind
def test_every_other_error_of_the_database_is_the_bodys(adder: Adder, postgres_home: Home) -> None:
    engine = postgres_home.launch()
    for number, code in enumerate(("23505", "42P01", "57014", "55P03", "22012")):
        bodies.then[f"{number}-1"] = lambda conn, code=code: executed(conn, FAIL_WITH.format(code))
        with pytest.raises(Exception, match="made for this test"):
            adder.workflow.options(id=str(number))(str(number))
        assert outcomes(engine.handle(str(number))) == [("transaction", "error")]
    assert set(bodies.bodies.values()) == {1}
    assert postgres_home.ledger() == {}


@transaction(retry=stepwell.Retry(2, first=0.001))
def always_contended(conn: psycopg.Connection[Any], entry: str) -> None:
    bodies.during(entry, conn)
    conn.execute(FAIL_WITH.format("40001").encode())


@workflow
def contended(entry: str) -> None:
    always_contended(entry)


def test_contention_has_a_limit(postgres_home: Home) -> None:
    engine = postgres_home.launch()
    with pytest.raises(errors.SerializationFailure):
        contended("e")
    assert bodies.bodies["e"] == 3
    assert [(each.ended, each.attempts) for each in the_run(engine).steps()] == [("error", 3)]
    assert CONTENTION_RETRY.retries == 10


@transaction
def swallowed(conn: psycopg.Connection[Any]) -> None:
    conn.execute("INSERT INTO ledger VALUES ('s')")
    with contextlib.suppress(errors.DivisionByZero):
        conn.execute("SELECT 1/0")


@transaction
def saved(conn: psycopg.Connection[Any]) -> None:
    conn.execute("INSERT INTO ledger VALUES ('s')")
    with contextlib.suppress(errors.DivisionByZero), conn.transaction():
        conn.execute("SELECT 1/0")


@transaction
def unserializable(conn: psycopg.Connection[Any]) -> object:
    conn.execute("INSERT INTO ledger VALUES ('s')")
    return threading.Lock()


@transaction
def deferred(conn: psycopg.Connection[Any]) -> None:
    conn.execute("CREATE TABLE d (n integer unique deferrable initially deferred)")
    conn.execute("INSERT INTO d VALUES (1), (1)")


@workflow
def calling(which: str) -> None:
    {"swallowed": swallowed, "saved": saved, "unserializable": unserializable, "deferred": deferred}[which]()


@pytest.mark.parametrize(
    ("which", "error"),
    [
        ("swallowed", errors.InFailedSqlTransaction),
        ("unserializable", NotSerializable),
        ("deferred", errors.UniqueViolation),
    ],
)
def test_what_cannot_commit_is_the_failure(which: str, error: type[Exception], postgres_home: Home) -> None:
    engine = postgres_home.launch()
    with pytest.raises(error):
        calling(which)
    assert outcomes(the_run(engine)) == [("transaction", "error")]
    assert postgres_home.ledger() == {}
    assert postgres_home.execute("SELECT to_regclass('d')") == [(None,)]


def test_a_savepoint_may_fail_alone(postgres_home: Home) -> None:
    postgres_home.launch()
    calling("saved")
    assert postgres_home.ledger() == {"s": 1}


# -- options -----------------------------------------------------------------------------------------------------

LEVEL = "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')"


@transaction
def plainly(conn: psycopg.Connection[Any]) -> list[str]:
    return list(conn.execute(LEVEL).fetchall()[0])


@transaction(isolation="repeatable read")
async def repeatably(conn: psycopg.AsyncConnection[Any]) -> list[str]:
    return list((await (await conn.execute(LEVEL)).fetchall())[0])


@transaction(isolation="serializable", read_only=True)
def reading(conn: psycopg.Connection[Any], writes: bool = False) -> list[str]:
    if writes:
        conn.execute("INSERT INTO ledger VALUES ('no')")
    return list(conn.execute(LEVEL).fetchall()[0])


@transaction(read_only=True)
def reading_file(conn: sqlite3.Connection, writes: bool) -> int:
    if writes:
        conn.execute("INSERT INTO ledger VALUES ('no')")
    return int(conn.execute("SELECT count(*) FROM ledger").fetchone()[0])


@workflow
def levels() -> list[list[str]]:
    return [plainly(), repeatably.sync(), reading()]


@workflow
def writing_while_reading() -> None:
    reading(True)


@workflow
def reading_a_file(writes: bool) -> int:
    return reading_file(writes)


def test_isolation_is_never_the_databases_default(postgres_home: Home) -> None:
    name = postgres_home.execute("SELECT current_database()")[0][0]
    postgres_home.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    try:
        engine = postgres_home.launch()
        assert levels() == [["read committed", "off"], ["repeatable read", "off"], ["serializable", "on"]]
        assert outcomes(the_run(engine)) == [("transaction", "ok")] * 3
    finally:
        postgres_home.execute(f"ALTER DATABASE {name} RESET default_transaction_isolation")


def test_read_only_refuses_writes(postgres_home: Home) -> None:
    engine = postgres_home.launch()
    with pytest.raises(errors.ReadOnlySqlTransaction):
        writing_while_reading()
    assert outcomes(the_run(engine)) == [("transaction", "error")]


def test_read_only_refuses_writes_in_a_file(sqlite_home: Home) -> None:
    sqlite_home.launch()
    assert reading_a_file(False) == 0
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reading_a_file(True)
    assert add_sqlite_workflow("e") == "added e", "the connection can write again"


@workflow
def add_sqlite_workflow(entry: str) -> str:
    return add_sqlite(entry)


def test_a_body_that_stands_still_is_told_so(postgres_home: Home) -> None:
    """The server ends its transaction below the lease; the process was awake all the time, so it is the body's
    fault."""
    engine = postgres_home.launch(lease=5.0)
    bodies.then["e-1"] = lambda conn: (
        eventually(lambda: open_transactions(postgres_home) == 0),
        conn.execute("SELECT 1"),
    )
    psycopg_adder = next(each for each in HOME if each.name == "psycopg")
    with pytest.raises(StepTimeout, match=r"stood still for more than 3\.3"):
        psycopg_adder.workflow("e")
    assert bodies.bodies["e-1"] == 1
    assert outcomes(the_run(engine)) == [("transaction", "error")]


# -- where it is called ------------------------------------------------------------------------------------------


@transaction
def outer(conn: psycopg.Connection[Any], entry: str) -> str:
    return add_psycopg(entry)


@step
def in_a_step(entry: str) -> str:
    return add_psycopg(entry)


@step
async def in_an_async_step(entry: str) -> list[str]:
    return [await add_psycopg_async(entry), await add_psycopg.aio(entry)]


@workflow
def nesting(how: str) -> Any:
    return {"outer": outer, "step": in_a_step, "async": in_an_async_step.sync}[how]("e")


def test_a_transaction_within_a_transaction_is_refused(postgres_home: Home) -> None:
    postgres_home.launch()
    with pytest.raises(TransactionMisuse, match="add_psycopg is called within the transaction outer"):
        nesting("outer")
    assert postgres_home.ledger() == {}


def test_within_a_step_it_is_a_plain_call_that_commits(postgres_home: Home) -> None:
    engine = postgres_home.launch()
    assert nesting("step") == "added e"
    assert outcomes(the_run(engine)) == [("step", "ok")]
    assert nesting("async") == ["added e", "added e"]
    assert postgres_home.ledger() == {"e": 3}


def test_outside_any_workflow_it_commits_and_warns(home: Home) -> None:
    add = add_sqlite if home.is_sqlite else add_psycopg
    home.launch()
    with pytest.warns(NotDurableWarning, match="outside any workflow"):
        assert add("e") == "added e"
    assert home.ledger() == {"e": 1}
    bodies.then["f"] = lambda conn: conn.execute("nonsense")
    with pytest.warns(NotDurableWarning), pytest.raises((psycopg.Error, sqlite3.Error)):
        add("f")
    assert home.ledger() == {"e": 1}


def test_outside_any_workflow_strictly(postgres_home: Home) -> None:
    postgres_home.launch(strict_steps=True)
    with pytest.raises(UsageError, match="outside any workflow"):
        add_psycopg("e")


# -- concurrency -------------------------------------------------------------------------------------------------


@workflow
async def gathering(count: int) -> list[str]:
    return list(
        await asyncio.gather(
            *(add_psycopg_async(f"e-{n}") if n % 2 else add_psycopg.aio(f"e-{n}") for n in range(count))
        )
    )


def test_branches_deliver_in_the_recorded_order(postgres_home: Home) -> None:
    engine = postgres_home.launch(transaction_connections=3)
    assert gathering.sync.options(id="w")(12) == [f"added e-{n}" for n in range(12)]
    assert set(postgres_home.ledger().values()) == {1}
    steps = engine.handle("w").steps()
    engine.rewind("w", steps[6].id)
    assert gathering.handle("w")
    assert gathering.sync.handle("w").result(timeout=15) == [f"added e-{n}" for n in range(12)]
    assert sum(postgres_home.ledger().values()) == 12 + 6


def test_connections_are_bounded(postgres_home: Home) -> None:
    postgres_home.launch(transaction_connections=2)
    most = []

    def look(_: Any) -> None:
        most.append(open_transactions(postgres_home))

    for n in range(0, 12, 2):
        bodies.then[f"e-{n}"] = look
    gathering.sync(12)
    assert max(most) <= 4, "two of each kind"


@workflow
async def cancellable(which: str) -> str:
    return await {"loop": add_psycopg_async, "thread": add_psycopg.aio}[which]("e")


@pytest.mark.parametrize("which", ["loop", "thread"])
def test_a_cancellation_rolls_the_body_back(which: str, postgres_home: Home) -> None:
    engine = postgres_home.launch()
    gate = Gate()
    bodies.then["e"] = lambda _: gate.hold_async() if which == "loop" else gate.hold()
    handle = cancellable.sync.options(id="w").start(which)
    gate.reached.wait()
    engine.cancel("w")
    with pytest.raises(stepwell.WorkflowCancelled):
        handle.result(timeout=15)
    gate.open()
    eventually(lambda: open_transactions(postgres_home) == 0)
    assert postgres_home.ledger() == {}
    assert [each.ended for each in engine.handle("w").steps()] == ["ok", "abandoned"]


def test_settings_say_how_many_connections() -> None:
    assert Settings().transaction_connections == 10
