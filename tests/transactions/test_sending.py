"""`engine.send(..., conn=...)`: a message in the caller's own open transaction, on every kind of connection."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import psycopg
import pytest

import stepwell
from stepwell import (
    AsyncMismatch,
    InvalidArgument,
    Stepwell,
    TransactionMisuse,
    UsageError,
    WorkflowEnded,
    WorkflowNotFound,
    set_event,
    step,
    token,
    transaction,
    workflow,
    write_stream,
)
from tests.engine.kit import Background, Gate, eventually, in_thread, reaches
from tests.transactions.bodies import bodies, then
from tests.transactions.kit import Home
from tests.transactions.test_conn import (
    BLOCKING,
    in_async_session,
    in_asyncpg,
    in_psycopg,
    in_sqlalchemy,
    with_psycopg,
)

PATIENCE = 15.0


@workflow
def receives(topic: str | None) -> list[Any]:
    return [stepwell.recv(topic), stepwell.recv(topic)]


@workflow
async def receives_async(topic: str | None) -> list[Any]:
    return [await stepwell.aio.recv(topic), await stepwell.aio.recv(topic)]


gates: list[Any] = [None]


@step
def hold() -> None:
    gates[0].hold()


@workflow
def receives_when_told() -> list[Any]:
    hold()
    return [stepwell.recv("t"), stepwell.recv("t")]


def sent(home: Home) -> int:
    return int(home.execute(f"SELECT count(*) FROM {'' if home.is_sqlite else 'stepwell.'}messages")[0][0])


@pytest.mark.parametrize("parked", [False, True], ids=["waiting", "parked"])
@pytest.mark.parametrize("kind", BLOCKING)
def test_sent_exactly_if_the_caller_commits(kind: str, parked: bool, postgres_home: Home) -> None:
    engine = postgres_home.launch(park_after=0.02 if parked else 3600.0)
    handle = receives.options(id="r").start("t")
    reaches(handle, "WAITING" if parked else "PENDING")

    def twice(conn: Any) -> None:
        for message in ({"by": kind}, ("a", "tuple")):
            engine.send("r", message, "t", conn=conn)
        assert sent(postgres_home) == 0, "nobody else sees it before the commit"

    BLOCKING[kind](postgres_home.url, twice, False)
    assert sent(postgres_home) == 0
    reaches(handle, "WAITING" if parked else "PENDING")
    BLOCKING[kind](postgres_home.url, twice, True)
    assert handle.result(timeout=PATIENCE) == [{"by": kind}, ("a", "tuple")]


@pytest.mark.parametrize("inside", [in_psycopg, in_asyncpg, in_async_session, in_sqlalchemy])
async def test_the_same_awaited(inside: Any, postgres_home: Home) -> None:
    async with postgres_home.lab.engine() as engine:
        handle = await receives_async.options(id="r").start(None)

        def twice(verb: Callable[..., Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
            async def use(conn: Any) -> None:
                for message in (1, 2):
                    await verb("r", message, conn=conn)
                assert sent(postgres_home) == 0

            return use

        await inside(postgres_home.url, twice(engine.aio.send), False)
        assert sent(postgres_home) == 0
        await inside(postgres_home.url, twice(stepwell.aio.send), True)
        assert await handle.result(timeout=PATIENCE) == [1, 2]


@pytest.mark.parametrize("parked", [False, True], ids=["waiting", "parked"])
def test_sqlite(sqlite_home: Home, parked: bool) -> None:
    engine = sqlite_home.launch(park_after=0.02 if parked else 3600.0)
    handle = receives.options(id="r").start("t")
    reaches(handle, "WAITING" if parked else "PENDING")
    conn = sqlite3.connect(sqlite_home.path, timeout=10)
    conn.row_factory = sqlite3.Row
    for commit in (False, True):
        conn.execute("INSERT INTO ledger VALUES ('mine')")
        engine.send("r", 1, "t", conn=conn)
        engine.send("r", 2, "t", conn=conn)
        assert sent(sqlite_home) == 0
        conn.commit() if commit else conn.rollback()
    conn.close()
    assert handle.result(timeout=PATIENCE) == [1, 2]
    assert sqlite_home.ledger() == {"mine": 1}


@pytest.fixture(params=["postgres", "sqlite"])
def home(request: pytest.FixtureRequest) -> Home:
    found: Home = request.getfixturevalue(f"{request.param}_home")
    return found


@pytest.fixture
def conn(home: Home) -> Iterator[Any]:
    connection: Any = sqlite3.connect(home.path, timeout=10) if home.is_sqlite else psycopg.connect(home.url)
    yield connection
    connection.close()


def test_a_key_is_there_once_and_nobody_receives_for_who_has_ended(home: Home, conn: Any) -> None:
    engine = home.launch(park_after=0.02)
    handle = receives.options(id="r").start(None)
    reaches(handle, "WAITING")
    with pytest.raises(WorkflowNotFound, match="'nobody'"):
        engine.send("nobody", 1, conn=conn)
    conn.rollback()
    for message in ("first", "again"):
        engine.send("r", message, key="k", conn=conn)
    conn.commit()
    engine.send("r", "once more", key="k", conn=conn)
    engine.send("r", "second", conn=conn)
    conn.commit()
    assert handle.result(timeout=PATIENCE) == ["first", "second"]
    engine.send("r", "sent before it ended", key="k", conn=conn)
    with pytest.raises(WorkflowEnded):
        engine.send("r", "too late", conn=conn)
    conn.rollback()


def test_one_of_another_topic_wakes_nobody(home: Home, conn: Any) -> None:
    engine = home.launch(park_after=0.02)
    handle = receives.options(id="r").start("t")
    reaches(handle, "WAITING")
    status = f"SELECT status FROM {'' if home.is_sqlite else 'stepwell.'}workflow_status"
    engine.send("r", "for others", "another topic", conn=conn)
    engine.send("r", "for others", conn=conn)
    assert conn.execute(status).fetchone() == ("WAITING",)
    for message in (1, 2):
        engine.send("r", message, "t", conn=conn)
    assert conn.execute(status).fetchone() == ("ENQUEUED",)
    conn.commit()
    assert handle.result(timeout=PATIENCE) == [1, 2]


def test_while_the_caller_does_not_commit_other_runs_go_on_and_park(postgres_home: Home) -> None:
    """The one that is sent to cannot park meanwhile; it does so afterwards, and gets the message."""
    engine = postgres_home.launch(park_after=0.02)
    stopped: list[Any] = []

    def use(conn: Any) -> None:
        first = receives_when_told.options(id="r").start()
        gate.reached.wait()
        engine.send("r", 1, "t", conn=conn)
        gate.open()
        eventually(lambda: not engine.runtime.executions, "it to want to park")
        other = receives.start("t")
        reaches(other, "WAITING")
        assert engine.health()["status"] == "OK"
        assert first.status().status == "PENDING"
        stopped.append(first)

    gate = gates[0] = Gate()
    with_psycopg(postgres_home.url, use, True)
    engine.send("r", 2, "t")
    assert stopped[0].result(timeout=PATIENCE) == [1, 2]


def test_while_the_caller_does_not_commit_others_are_sent_to(postgres_home: Home) -> None:
    """A parked run that is sent to is woken in that transaction, so nobody else can send to it: it alone waits."""
    engine = postgres_home.launch(park_after=0.02)
    held, free = (receives.options(id=id).start(None) for id in ("held", "free"))
    waiting: list[Background] = []

    def use(conn: Any) -> None:
        reaches(held, "WAITING")
        engine.send("held", 1, conn=conn)
        waiting.append(in_thread(lambda: engine.send("held", 2)))
        for message in (1, 2):
            engine.send("free", message)
        assert free.result(timeout=PATIENCE) == [1, 2]
        assert sent(postgres_home) == 2

    with_psycopg(postgres_home.url, use, True)
    assert held.result(timeout=PATIENCE) == [1, 2]
    waiting[0].result()


@transaction
def ship(conn: psycopg.Connection[Any], entry: str) -> None:
    conn.execute("INSERT INTO ledger VALUES (%s)", [entry])
    stepwell.send("r", entry, conn=conn)
    bodies[entry] += 1
    if entry in then:
        then[entry](conn)


@transaction
def ship_sqlite(conn: sqlite3.Connection, entry: str) -> None:
    conn.execute("INSERT INTO ledger VALUES (?)", [entry])
    stepwell.send("r", entry, conn=conn)
    bodies[entry] += 1
    if entry in then:
        then[entry](conn)


@workflow
def shipping(entry: str, in_file: bool) -> None:
    (ship_sqlite if in_file else ship)(entry)


def test_a_transaction_sends_with_its_writes_once(home: Home) -> None:
    """A body whose process died before the commit runs and sends again; one that failed has sent nothing."""
    home.launch()
    handle = receives.options(id="r").start(None)

    def fail(_: Any) -> None:
        raise KeyError("no")

    def die_once(_: Any) -> None:
        if bodies["e-2"] == 1:
            raise SystemExit

    then.update({"e-1": fail, "e-2": die_once})
    with pytest.raises(KeyError):
        shipping("e-1", home.is_sqlite)
    assert shipping.start("e-2", home.is_sqlite).result(timeout=PATIENCE) is None
    shipping("e-3", home.is_sqlite)
    assert handle.result(timeout=PATIENCE) == ["e-2", "e-3"]
    assert (home.ledger(), bodies["e-2"]) == ({"e-2": 1, "e-3": 1}, 2)


@step
def sends_itself(url: str, die: bool) -> None:
    """Commits, and its process dies before the step is recorded."""
    with psycopg.connect(url) as conn:
        stepwell.send("r", "once", conn=conn)
    bodies["step"] += 1
    if die and bodies["step"] == 1:
        raise SystemExit


@workflow
def steps(url: str) -> None:
    sends_itself(url, True)


def test_a_step_that_runs_again_sends_nothing_twice(postgres_home: Home) -> None:
    postgres_home.launch()
    handle = receives.options(id="r").start(None)
    steps.start(postgres_home.url).result(timeout=PATIENCE)
    assert (bodies["step"], sent(postgres_home)) == (2, 1)
    stepwell.send("r", "and another")
    assert handle.result(timeout=PATIENCE) == ["once", "and another"]


@workflow
def from_its_own_code(path: str) -> None:
    conn = sqlite3.connect(path)
    try:
        stepwell.send("r", 1, conn=conn)
    finally:
        conn.close()


@transaction
def without_conn(conn: sqlite3.Connection, verb: str, token_id: str) -> None:
    conn.execute("INSERT INTO ledger VALUES ('never')")
    verbs: dict[str, Callable[[], None]] = {
        "send": lambda: stepwell.send("r", 1),
        "set_event": lambda: set_event("k", 1),
        "write_stream": lambda: write_stream("k", 1),
        "complete": lambda: engines[0].complete(token_id, 1),
    }
    verbs[verb]()


engines: list[Stepwell] = []


@workflow
def talks_within(verb: str) -> None:
    without_conn(verb, token(int).id)


@pytest.mark.parametrize("verb", ["send", "set_event", "write_stream", "complete"])
def test_what_would_wait_for_the_files_lock_is_refused(sqlite_home: Home, verb: str) -> None:
    engines[:] = [sqlite_home.launch()]
    receives.options(id="r").start(None)
    with pytest.raises(TransactionMisuse, match=f"{verb} is called within .*write lock"):
        talks_within(verb)
    assert sqlite_home.ledger() == {}
    assert sent(sqlite_home) == 0


def test_what_conn_is_not_for(sqlite_home: Home) -> None:
    engine = sqlite_home.launch()
    with pytest.raises(UsageError, match="from a workflow's own code"):
        from_its_own_code(str(sqlite_home.path))
    with pytest.raises(InvalidArgument, match="not str"):
        engine.send("r", 1, conn="conn")


async def test_colours_do_not_mix(postgres_home: Home) -> None:
    async with postgres_home.lab.engine() as engine:
        with psycopg.connect(postgres_home.url) as conn:
            with pytest.raises(AsyncMismatch, match=r"blocks.*engine\.send"):
                await engine.aio.send("r", 1, conn=conn)
            with pytest.raises(AsyncMismatch, match=r"block the event loop.*engine\.aio\.send"):
                engine.send("r", 1, conn=conn)


def test_colours_do_not_mix_in_threads(postgres_home: Home) -> None:
    engine = postgres_home.launch()

    async def use(conn: Any) -> Any:
        return conn

    conn = asyncio.run(in_psycopg(postgres_home.url, use, False))
    with pytest.raises(AsyncMismatch, match=r"awaited.*engine\.aio\.send"):
        engine.send("r", 1, conn=conn)


# -- who waits elsewhere is told -------------------------------------------------------------------------------------


@pytest.mark.parametrize("park_after", [0.02, 3600.0], ids=["parked", "waiting"])
def test_another_process_is_told_when_it_commits(
    home: Home, conn: Any, park_after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is found by looking within this test."""
    for name in ("_FIRST_POLL_SECONDS", "_IDLE_POLL_SECONDS", "_SAFETY_POLL_SECONDS"):
        monkeypatch.setattr(f"stepwell.core.facts.{name}", 60.0)
    deaf = {"poll_interval": 60.0, "sweep_interval": 60.0, "lease": 180.0, "drain": 0.5}
    engine = home.launch(**deaf, park_after=park_after)
    if not home.is_sqlite:
        eventually(lambda: engine.runtime.hints.arrive, "hints to arrive")
    with engine.client() as client:
        handle = client.start(receives.options(id="r"), "t")
        if park_after < 1:
            reaches(handle, "WAITING")
        else:
            eventually(lambda: engine.runtime.facts._mail)
        for message in (1, 2):
            client.send("r", message, "t", conn=conn)
        conn.commit()
        assert handle.result(timeout=PATIENCE) == [1, 2]
