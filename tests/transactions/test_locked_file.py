"""Within a transaction on the engine's own SQLite file: what would wait for its write lock is refused before any
effect, in both colours; what only reads sees what is committed."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from inspect import isfunction
from pathlib import Path
from typing import Any

import pytest

from stepwell import (
    Client,
    Handle,
    NotDurableWarning,
    Queue,
    Schedule,
    Stepwell,
    TransactionMisuse,
    recv,
    transaction,
    workflow,
)
from stepwell.queues import Queues
from stepwell.schedules import Schedules
from tests.engine.kit import Lab, reaches
from tests.transactions.kit import Home

PAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


@workflow
def ended() -> str:
    return "ended"


@workflow
def waits() -> Any:
    return recv("never")


#: Called with an engine, and with its awaited twin.
WRITES: dict[str, Callable[[Any], Any]] = {
    "start": lambda e: e.start(ended if isinstance(e, Client) else ended.aio),
    "cancel": lambda e: e.cancel("waits"),
    "resume": lambda e: e.resume("ended"),
    "cancel_many": lambda e: e.cancel_many(id_prefix="waits"),
    "resume_many": lambda e: e.resume_many(all=True),
    "rewind": lambda e: e.rewind("ended", ":0"),
    "fork": lambda e: e.fork("ended", ":0"),
    "delete": lambda e: e.delete("ended"),
    "send": lambda e: e.send("waits", 1, "never"),
    "publish": lambda e: e.publish("happened", 1),
    "unsubscribe": lambda e: e.unsubscribe("happened", "ended"),
    "complete": lambda e: e.complete("token", 1),
    "fail": lambda e: e.fail("token", "no"),
    "run_until_idle": lambda e: e.run_until_idle(5),
    "queues.create": lambda e: e.queues.create(Queue("q")),
    "queues.update": lambda e: e.queues.update("mine", concurrency=1),
    "queues.pause": lambda e: e.queues.pause("mine"),
    "queues.resume": lambda e: e.queues.resume("mine"),
    "queues.purge": lambda e: e.queues.purge("mine"),
    "queues.drain": lambda e: e.queues.drain("mine", 5),
    "queues.delete": lambda e: e.queues.delete("mine"),
    "schedules.create": lambda e: e.schedules.create(Schedule("s", every=3600, call=ended.bind())),
    "schedules.update": lambda e: e.schedules.update("mine", every=60),
    "schedules.pause": lambda e: e.schedules.pause("mine"),
    "schedules.resume": lambda e: e.schedules.resume("mine"),
    "schedules.trigger": lambda e: e.schedules.trigger("mine"),
    "schedules.backfill": lambda e: e.schedules.backfill("mine", *PAST),
    "schedules.delete": lambda e: e.schedules.delete("mine"),
}
READS: dict[str, Callable[[Any], Any]] = {
    "handle": lambda e: e.handle("ended"),
    "find": lambda e: e.find(),
    "count": lambda e: e.count(),
    "explain": lambda e: e.explain("waits"),
    "executors": lambda e: e.executors(),
    "subscriptions": lambda e: e.subscriptions(),
    "health": lambda e: e.health(),
    "queues.get": lambda e: e.queues.get("mine"),
    "queues.list": lambda e: e.queues.list(),
    "schedules.get": lambda e: e.schedules.get("mine"),
    "schedules.list": lambda e: e.schedules.list(),
    "schedules.next_fires": lambda e: e.schedules.next_fires("mine"),
}
#: With an engine's handles, in either colour.
OF_HANDLES: dict[str, Callable[[Any, Any], Any]] = {
    "cancel": lambda ended, waits: waits.cancel(),
    "send": lambda ended, waits: waits.send(1),
    "result": lambda ended, waits: waits.result(timeout=5),
}
READS_OF_HANDLES: dict[str, Callable[[Any, Any], Any]] = {
    "status": lambda ended, waits: waits.status(),
    "steps": lambda ended, waits: ended.steps(),
    "result": lambda ended, waits: ended.result(),
}

ENGINE: list[Stepwell] = []


def in_colour(awaited: bool, call: Callable[[Any], Any]) -> Any:
    """Of the engine, in a `def` body."""

    async def awaiting() -> Any:
        return await call(ENGINE[0].aio)

    return asyncio.run(awaiting()) if awaited else call(ENGINE[0])


def by_handles(awaited: bool, call: Callable[[Any, Any], Any]) -> Any:
    async def awaiting() -> Any:
        return await call(await ENGINE[0].aio.handle("ended"), await ENGINE[0].aio.handle("waits"))

    return asyncio.run(awaiting()) if awaited else call(ENGINE[0].handle("ended"), ENGINE[0].handle("waits"))


DO: list[Callable[[], Any]] = []


@transaction
def within(conn: sqlite3.Connection) -> str:
    conn.execute("INSERT INTO ledger VALUES ('mine')")
    return repr(DO[0]())


@workflow
def working() -> str:
    return within()


def refused(call: Callable[[], Any]) -> None:
    """In a workflow's transaction and in one outside."""
    DO[:] = [call]
    told = "within the transaction within, which holds the SQLite file's write lock: it would wait for itself"
    with ENGINE[0].use():
        with pytest.raises(TransactionMisuse, match=told):
            working()
        with pytest.warns(NotDurableWarning), pytest.raises(TransactionMisuse, match=told):
            within()


@pytest.fixture
def engine(sqlite_home: Home) -> Iterator[Stepwell]:
    engine = sqlite_home.launch(call_patience=2.0)
    ENGINE[:] = [engine]
    ended.options(id="ended").start().result(timeout=15)
    waits.options(id="waits").start()
    engine.queues.create(Queue("mine"))
    engine.schedules.create(Schedule("mine", every=3600, call=ended.bind()))
    yield engine
    ENGINE.clear()
    DO.clear()


@pytest.mark.parametrize("awaited", [False, True], ids=["blocking", "awaited"])
@pytest.mark.parametrize("verb", WRITES)
def test_what_writes_is_refused(engine: Stepwell, sqlite_home: Home, verb: str, awaited: bool) -> None:
    refused(lambda: in_colour(awaited, WRITES[verb]))
    assert sqlite_home.ledger() == {}, "the transaction was rolled back"
    assert engine.handle("waits").status().cancel_requested is None
    assert not engine.queues.get("mine").queue.paused
    assert [info.name for info in engine.schedules.list()] == ["mine"]


@pytest.mark.parametrize("awaited", [False, True], ids=["blocking", "awaited"])
@pytest.mark.parametrize("verb", OF_HANDLES)
def test_so_it_is_with_handles(engine: Stepwell, verb: str, awaited: bool) -> None:
    refused(lambda: by_handles(awaited, OF_HANDLES[verb]))
    assert engine.handle("waits").status().cancel_requested is None


@pytest.mark.parametrize("awaited", [False, True], ids=["blocking", "awaited"])
def test_what_reads_reads(engine: Stepwell, sqlite_home: Home, awaited: bool) -> None:
    DO[:] = [
        lambda: [in_colour(awaited, call) for call in READS.values()],
    ]
    working()
    DO[:] = [lambda: [by_handles(awaited, call) for call in READS_OF_HANDLES.values()]]
    assert "'ended'" in working()
    assert sqlite_home.ledger() == {"mine": 2}


@pytest.mark.parametrize(
    "wait",
    [
        lambda engine: ended(),
        lambda engine: asyncio.run(in_coroutine(lambda: ended.aio())),
        lambda engine: list(ended.map([])),
        lambda engine: engine.get_event("waits", "e"),
        lambda engine: list(engine.read_stream("waits", "s")),
    ],
)
def test_what_waits_for_others_outside_a_workflow(engine: Stepwell, wait: Callable[[Stepwell], Any]) -> None:
    """In a workflow's transaction a wait is a wait within a step, which is refused anyway."""
    DO[:] = [lambda: wait(engine)]
    with pytest.warns(NotDurableWarning), pytest.raises(TransactionMisuse, match="it would wait for itself"):
        within()


def test_a_client_of_the_same_file_would_wait_too(engine: Stepwell) -> None:
    with engine.client() as client:
        refused(lambda: client.queues.pause("mine"))


def test_another_file_does_not_wait_for_this_one(engine: Stepwell, tmp_path: Path) -> None:
    lab = Lab(f"sqlite:///{tmp_path}/other.db?synchronous=OFF")
    other = lab.launch("other")
    DO[:] = [lambda: other.queues.create(Queue("there")), lambda: ended.options(engine=other, id="there").start()]
    with engine.use():
        working()
        DO.pop(0)
        working()
    assert other.queues.get("there").declared
    assert other.handle("there").result(timeout=15) == "ended"
    lab.close()


def test_the_engine_goes_on(engine: Stepwell) -> None:
    refused(lambda: engine.cancel("waits"))
    engine.cancel("waits")
    assert reaches(engine.handle("waits"), "CANCELLED")


@pytest.mark.parametrize(
    ("of", "prefix", "known"),
    [
        (
            Client,
            "",
            {
                "launch",
                "close",
                "use",
                "get_event",
                "read_stream",
                "workflow",
                "launch_here",
                "close_from_here",
                "register",
            },
        ),
        (Queues, "queues.", set()),
        (Schedules, "schedules.", set()),
        (Handle, None, {"of", "get_event", "read_stream"}),
    ],
)
def test_every_verb_is_in_these_tables(of: type, prefix: str | None, known: set[str]) -> None:
    """A new one belongs to those that write, or to those that read."""
    tables = OF_HANDLES.keys() | READS_OF_HANDLES.keys() if prefix is None else WRITES.keys() | READS.keys()
    verbs = {name for base in of.__mro__ for name, value in vars(base).items() if isfunction(value)}
    public = {name for name in verbs if not name.startswith("_")} - known
    assert {f"{prefix or ''}{name}" for name in public} <= tables


async def in_coroutine(make: Callable[[], Any]) -> Any:
    """So that it is called where a loop runs."""
    return await make()
