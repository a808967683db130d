"""Scenarios for messages, publications, tokens, transactions and sagas. They run on both stores."""

import asyncio
import contextlib
import json
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import psycopg

import stepwell
from stepwell import Settings, SQLite, step, transaction, workflow
from stepwell.model.rows import Beat
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.testing import crash_everywhere
from stepwell.testing.history import read_history
from stepwell.testing.process import Process
from tests.events.flows import announces_twice, cancels
from tests.messaging.flows import conversation, expected
from tests.mutants.scenarios import _check, _process, _until, _until_claimed_by, _until_ended, _world

T = TypeVar("T")

CREATE = "CREATE TABLE IF NOT EXISTS mutant_ledger (run TEXT, entry INTEGER)"
INSERT = "INSERT INTO mutant_ledger VALUES ('{}', {})"
EXPECTED = json.dumps(expected(2), separators=(",", ":"))
COUNT = "SELECT count(*) FROM mutant_ledger WHERE run = '{}'"


def _run() -> str:
    return str(stepwell.current().run_id)


def _say(conn: sqlite3.Connection, entry: int) -> int:
    conn.execute(CREATE)
    conn.execute(INSERT.format(_run(), entry))
    return int(conn.execute(COUNT.format(_run())).fetchone()[0])


@transaction
def write_sqlite(conn: sqlite3.Connection, entry: int) -> int:
    """How many rows the run has: a doubled or lost one gives it another outcome."""
    return _say(conn, entry)


@transaction
async def write_postgres(conn: psycopg.AsyncConnection[Any], entry: int) -> int:
    await conn.execute(INSERT.format(_run(), entry).encode())
    found = await (await conn.execute(COUNT.format(_run()).encode())).fetchone()
    assert found is not None
    return int(found[0])


@step
async def rest(seconds: float) -> None:
    await asyncio.sleep(seconds)


@workflow
async def writes() -> list[int]:
    first = await write_sqlite.aio(1)
    await rest(1)
    return [first, await write_sqlite.aio(2)]


@workflow
async def writes_postgres() -> list[int]:
    first = await write_postgres(1)
    await rest(1)
    return [first, await write_postgres(2)]


@workflow
async def receives() -> list[int]:
    return [await stepwell.aio.recv("t", type=int), await stepwell.aio.recv("t", type=int, timeout=60, default=-1)]


@workflow
async def shows() -> None:
    await stepwell.aio.set_event("e", 0)
    await rest(4)
    await stepwell.aio.set_event("e", stepwell.current().fence)
    await rest(20)


@step
async def undo(n: int) -> int:
    return n


@workflow
async def gives_up() -> int:
    try:
        async with stepwell.aio.saga() as s:
            for n in range(3):
                await rest(0.1)
                s.push(undo, n)
            raise KeyError("on purpose")
    except KeyError:
        return 0


# -- everywhere ----------------------------------------------------------------------------------------------------


def talk(database: str | None = None) -> None:
    """Each message once and in order, each entry once, whenever the process dies."""
    _alone(database, conversation, EXPECTED, 2)
    crash_everywhere(conversation.bind(2), database=database, every=6 if database else 2)


def lost_sends(database: str | None = None) -> None:
    """What is sent or published again, because nobody knew whether it was, is there once."""
    _alone(database, conversation, EXPECTED, 2, gate=_LosesWhatIsSaid())


def _alone(database: str | None, flow: Any, output: str, *args: object, gate: Any = None) -> None:
    """Without a crash."""
    with _world(database) as (world, witness):
        process = _process(world, witness, "one", gate)
        process.start(flow.options(id="run").bind(*args))
        _until_ended(world, "run")
        found = next(run for run in world.ask(read_history).runs.values() if run.workflow_id == "run")
        assert found.output == output, found.output or found.error


def announcing(database: str | None = None) -> None:
    """Each event of a workflow happens once, whenever the process dies: it starts one run."""
    crash_everywhere(announces_twice.bind(1), database=database, every=6 if database else 2)


def cancelling(database: str | None = None) -> None:
    """What an event cancels is cancelled, whenever who publishes dies."""
    crash_everywhere(cancels.bind(1), database=database, every=4 if database else 1, same_steps=False)


def transactions(database: str | None = None) -> None:
    """Writes and outcome commit together, whenever the process dies."""
    flow = writes_postgres if database else writes

    def prepare() -> None:  # ids are the same in every scenario
        _empty_ledger(database)

    prepare()
    _alone(database, flow, "[1,2]")
    crash_everywhere(flow.bind(), database=database, prepare=prepare)


def _empty_ledger(database: str | None) -> None:
    """The table of Postgres; a SQLite file is a new one each time."""
    if database:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS mutant_ledger")
            connection.execute(CREATE.encode())


def transactions_elsewhere(database: str | None = None) -> None:
    """In another database they are found again, whenever the process dies."""
    with tempfile.TemporaryDirectory() as directory:
        there = Path(directory) / "there.db"

        @transaction(source=SQLite(there), name="write")
        def write(conn: sqlite3.Connection, entry: int) -> int:
            return _say(conn, entry)

        @workflow(name="writes_elsewhere", replace=True)
        async def writes_elsewhere() -> list[int]:
            first = await write.aio(1)
            await rest(1)
            return [first, await write.aio(2)]

        def prepare() -> None:  # ids are the same in every scenario
            for path in Path(directory).iterdir():
                path.unlink()

        report = crash_everywhere(
            writes_elsewhere.bind(), database=database, prepare=prepare, settings=Settings(migrate=True)
        )
        assert report.calls.count("transaction_commit") >= 2, f"it has not come to its commits: {report.calls}"


def undoing(database: str | None = None) -> None:
    """In reverse, each once."""
    with _world(database) as (world, witness):
        process = _process(world, witness, "one")
        process.start(gives_up.options(id="run").bind())
        _until_ended(world, "run")
        steps = sorted(world.ask(read_history).outcomes.values(), key=lambda row: row.pos or 0)
        undone = [row.output for row in steps if row.name == "undo"]
        assert undone == ["2", "1", "0"], f"undone: {undone}"
    crash_everywhere(gives_up.bind(), database=database, every=2)


# -- zombies -------------------------------------------------------------------------------------------------------


class _LosesWhatIsSaid:
    """What is sent and published is committed, and every second answer is lost."""

    def __init__(self) -> None:
        self._again: set[str] = set()

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        answer = await call()
        if verb not in ("send", "publish"):
            return answer
        if verb in self._again:
            self._again.remove(verb)
            return answer
        self._again.add(verb)
        raise StoreFault(FaultKind.CONNECTION, "the answer is lost", code="08006", ambiguous=True)

    def around_beat(self, call: Callable[[], Beat]) -> Beat:
        return call()


class _Slow:
    """One call of a verb of one process reaches the database late."""

    def __init__(self, verb: str, seconds: float = 0.0) -> None:
        self.process: Process | None = None
        self.verb = verb
        self.seconds = seconds
        self.waits = False

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        if self.seconds and verb == self.verb:
            self.waits = True
            seconds, self.seconds = self.seconds, 0.0
            await asyncio.sleep(seconds)
        return await call()

    def around_beat(self, call: Callable[[], Beat]) -> Beat:
        return call()


def zombie_transaction(database: str | None = None) -> None:
    """A transaction that is about to commit when others have its run leaves nothing. In a SQLite file nobody can take
    the run meanwhile: the transaction holds the file's lock."""
    if database is None:
        return
    _empty_ledger(database)
    with _world(database) as (world, witness):
        gate = _Slow("transaction_commit", 1.0)
        # Else it would give the call up before it makes it.
        old = world.process("old", gate=gate, settings=Settings(migrate=False, call_deadline=120.0))
        witness.watch(old)
        old.launch()
        old.keep(_quietly(old.starting(writes_postgres.options(id="run").bind())))
        _until(world, lambda: gate.waits, "the transaction is about to commit")
        old.pause()
        slow = _Slow("transaction_commit", 4.0)
        _process(world, witness, "heir", slow)
        _until(world, lambda: slow.waits, "the heir is about to commit")
        old.go_on()
        world.pass_time(1)
        heard = [row for row in world.ask(read_history).outcomes.values() if row.epoch == 1]
        assert not heard, f"what the old execution said was heard: {[row.name for row in heard]}"
        _until_ended(world, "run")
        found = next(iter(world.ask(read_history).runs.values()))
        assert found.output == "[1,2]", found.output
        count = _ledger(world.database.url, str(found.run_id))
        assert count == 2, f"{count} rows instead of 2"


async def _quietly(coroutine: Awaitable[object]) -> None:
    with contextlib.suppress(Exception):
        await coroutine


def _ledger(url: str, run: str) -> int:
    with psycopg.connect(url) as connection:
        ((count,),) = connection.execute(COUNT.format(run).encode()).fetchall()
        return int(count)


def zombie_receives(database: str | None = None) -> None:
    """A receipt that comes too late takes no message away."""
    with _world(database) as (world, witness):
        gate = _Slow("commit")
        old = _process(world, witness, "old", gate)
        run = old.start(receives.options(id="run").bind())
        world.pass_time(2)
        gate.seconds, gate.waits = 1.0, False
        old.run(_send(old, run, 7))
        _until(world, lambda: gate.waits, "the receipt is on its way")
        old.pause()
        slow = _Slow("unconsumed", 5.0)
        heir = _process(world, witness, "heir", slow)
        _until_claimed_by(world, heir, "run")
        _until(world, lambda: slow.waits, "the heir asks for messages")
        old.go_on()
        _until_ended(world, "run")
        _check(world, witness)
        found = next(iter(world.ask(read_history).runs.values()))
        assert found.output == "[7,-1]", found.output


async def _send(process: Process, run: Any, message: int) -> None:
    await process.engine.aio.send(run.workflow_id, message, "t")


def zombie_shows(database: str | None = None) -> None:
    """Nor does it set an event."""
    with _world(database) as (world, witness):
        gate = _Slow("publish")
        old = _process(world, witness, "old", gate)
        old.start(shows.options(id="run").bind())
        world.pass_time(2)
        gate.seconds, gate.waits = 1.0, False
        _until(world, lambda: gate.waits, "the second event is on its way")
        old.pause()
        slow = _Slow("publish", 4.0)
        heir = _process(world, witness, "heir", slow)
        _until_claimed_by(world, heir, "run")
        _until(world, lambda: slow.waits, "the heir is about to set its own")
        old.go_on()
        _until(world, lambda: _event(world) != "0", "one is set")
        assert _event(world) != "1", "the old one's was set"


def _event(world: Any) -> str | None:
    run_id = next(iter(world.ask(read_history).runs.values())).run_id
    rows = world.ask(lambda store: store.events([(run_id, "e")]))
    return rows[0].value if rows else None
