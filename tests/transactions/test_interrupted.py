"""A transaction is interrupted while its commit is under way: the outcome is recorded, and then the interruption comes.

It must come there in a replay as well.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from stepwell import Handle, WaitTimeout, WorkflowCancelled, aio, step, workflow
from stepwell.core import cancel
from stepwell.testing import PostgresServer
from tests.engine.kit import Exits, Gate, eventually
from tests.transactions import bodies
from tests.transactions.elsewhere import postgres_transactions
from tests.transactions.flows import add_psycopg, add_psycopg_async
from tests.transactions.kit import Home, outcomes

LOCK = 4711

#: The commit waits for a lock; `failures` times it fails after that.
SLOW_COMMIT = f"""
    CREATE SEQUENCE commits;
    CREATE TABLE failures (of int);
    CREATE FUNCTION commit_slowly() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared({LOCK});
        IF nextval('commits') <= (SELECT count(*) FROM failures) THEN
            RAISE EXCEPTION USING errcode = '40001', message = 'try again';
        END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER commit_slowly AFTER INSERT ON ledger DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION commit_slowly();
"""

exits = Exits(0)
done: list[str] = []


@step
async def note(what: str) -> None:
    await asyncio.sleep(0)  # where it can be interrupted
    done.append(what)
    exits()


@pytest.fixture(autouse=True)
def fresh() -> None:
    done.clear()
    exits.left = 0


@pytest.fixture(params=["home", "elsewhere"])
def where(request: pytest.FixtureRequest, postgres_server: PostgresServer, postgres_home: Home) -> Iterator[Home]:
    """The database of the ledger, whose commits can be held up."""
    home = Home(postgres_server.create_database("stepwell_slow"))
    home.create_ledger()
    home.execute(SLOW_COMMIT)
    home.lab = type(postgres_home.lab)(home.url) if request.param == "home" else postgres_home.lab
    yield home
    home.lab.close()
    postgres_server.drop_database("stepwell_slow")


@pytest.fixture(params=["loop", "thread"])
def add(request: pytest.FixtureRequest, where: Home) -> Any:
    """The transaction, awaited."""
    transactions = postgres_transactions(where.url)
    if where.lab.url == where.url:
        return add_psycopg_async if request.param == "loop" else add_psycopg.aio
    return transactions["psycopg_async"] if request.param == "loop" else transactions["psycopg"].aio


@contextmanager
def commit_held_up(where: Home) -> Iterator[None]:
    """From when the first commit waits until the end of the block."""
    with psycopg.connect(where.url, autocommit=True) as connection:
        connection.execute(f"SELECT pg_advisory_lock({LOCK})".encode())
        yield


def commit_waits(where: Home) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    eventually(lambda: where.execute(waiting) == [(1,)], "the commit to wait")


def cancelled_while_it_commits(where: Home, flow: Any, id: str = "w") -> Handle[Any]:
    """The cancellation is delivered before the commit is through."""
    engine = where.launch(call_deadline=15.0)
    runtime = engine.runtime
    with commit_held_up(where):
        handle: Handle[Any] = flow.sync.options(id=id).start()
        commit_waits(where)
        if where.lab.url == where.url:
            # Who requests it now waits for the commit, which holds the run. This one has asked before.
            runtime.inbox.post(cancel.known, runtime, handle.run_id, "cancel")
        else:
            engine.cancel(id)
        execution = runtime.executions[handle.run_id]
        eventually(lambda: execution.cancel_delivered, "the cancellation to be delivered")
    return handle


@pytest.mark.parametrize("failures", [0, 2])
def test_what_it_was_to_interrupt_was_the_last(
    where: Home, add: Any, failures: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The function returns: there is nothing left to interrupt, and one outcome."""
    for _ in range(failures):
        where.execute("INSERT INTO failures VALUES (1)")

    @workflow(name="last", replace=True)
    async def last() -> str:
        added: str = await add("e")
        return added

    handle = cancelled_while_it_commits(where, last)
    assert handle.result(timeout=15) == "added e"
    where.lab.close()
    assert where.ledger() == {"e": 1}
    assert bodies.bodies == {"e": 1 + failures}
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("failures", [0, 2])
def test_it_comes_after_the_outcome_in_a_replay_too(where: Home, add: Any, failures: int) -> None:
    for _ in range(failures):
        where.execute("INSERT INTO failures VALUES (1)")
    exits.left = 1  # while it cleans up, the process "dies"

    @workflow(name="more", replace=True)
    async def more() -> str:
        try:
            await add("e")
            done.append("added")
            await note("never")
        finally:
            await note("cleaned up")
        return "never"

    handle = cancelled_while_it_commits(where, more)
    with pytest.raises(WorkflowCancelled):
        handle.result(timeout=15)
    assert done == ["added", "cleaned up", "added", "cleaned up"]
    assert where.ledger() == {"e": 1}
    assert bodies.bodies == {"e": 1 + failures}
    assert sorted(outcomes(handle)) == [("cancel", "ok"), ("step", "abandoned"), ("step", "ok"), ("transaction", "ok")]


def test_the_end_of_a_block(where: Home, add: Any) -> None:
    """Its time is over while the last thing in it commits: the block has taken longer, in a replay too."""
    exits.left = 1

    @workflow(name="block", replace=True)
    async def block() -> str:
        try:
            async with aio.timeout(0.3):
                await add("e")
        except WaitTimeout:
            await note("too late")
            return "too late"
        return "in time"

    where.launch(call_deadline=15.0)
    with commit_held_up(where):
        handle = block.sync.options(id="w").start()
        commit_waits(where)
        eventually(lambda: ("timeout", "ok") in outcomes(handle), "the timeout to be recorded")
    assert handle.result(timeout=15) == "too late"
    assert done == ["too late", "too late"]
    assert where.ledger() == {"e": 1}
    assert bodies.bodies == {"e": 1}


@pytest.mark.parametrize("where", ["elsewhere"], indirect=True)
def test_a_sibling_that_fails(where: Home, add: Any) -> None:
    """What follows the transaction in its task is interrupted, in a replay too. At home the failure waits its turn."""
    exits.left = 1
    gate = Gate()

    @step
    async def fails() -> None:
        await gate.hold_async()
        raise KeyError("on purpose")

    async def adds() -> None:
        await add("e")
        done.append("added")
        await note("never")

    @workflow(name="group", replace=True)
    async def group() -> str:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(adds())
                tasks.create_task(fails())
        except* KeyError:
            await note("failed")
        return "done"

    where.launch(call_deadline=15.0)
    with commit_held_up(where):
        handle = group.sync.options(id="w").start()
        commit_waits(where)
        gate.open()
        eventually(lambda: ("step", "error") in outcomes(handle), "the failure to be recorded")
    assert handle.result(timeout=15) == "done"
    assert done == ["added", "failed", "added", "failed"]
    assert where.ledger() == {"e": 1}
    assert bodies.bodies == {"e": 1}
