"""`options(conn=...)`: a start in the caller's own open transaction, on every kind of connection."""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import psycopg
import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from stepwell import (
    AsyncMismatch,
    InvalidArgument,
    TransactionMisuse,
    UsageError,
    WorkflowConflict,
    publish,
    transaction,
    workflow,
)
from tests.transactions.bodies import bodies
from tests.transactions.kit import Home


@workflow
def parcel(entry: str) -> str:
    bodies[entry] += 1
    return f"sent {entry}"


@workflow
async def parcel_async(entry: str) -> str:
    bodies[entry] += 1
    return f"sent {entry}"


Use = Callable[[Any], Any]


def with_psycopg(url: str, use: Use, commit: bool) -> Any:
    with psycopg.connect(url) as conn:
        made = use(conn)
        conn.commit() if commit else conn.rollback()
        return made


def with_sqlalchemy(url: str, use: Use, commit: bool) -> Any:
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as conn:
        made = use(conn)
        conn.commit() if commit else conn.rollback()
    engine.dispose()
    return made


def with_session(url: str, use: Use, commit: bool) -> Any:
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with Session(engine) as session:
        made = use(session)
        session.commit() if commit else session.rollback()
    engine.dispose()
    return made


BLOCKING = {"psycopg": with_psycopg, "sqlalchemy": with_sqlalchemy, "session": with_session}


@pytest.mark.parametrize("kind", BLOCKING)
def test_visible_exactly_if_the_caller_commits(kind: str, postgres_home: Home) -> None:
    engine = postgres_home.launch()
    inside = BLOCKING[kind]

    def begin(conn: Any) -> Any:
        handle = parcel.options(conn=conn, id="p-1", attributes={"by": kind}).start("p-1")
        assert engine.count() == 0, "nobody else sees it before the commit"
        return handle

    inside(postgres_home.url, begin, False)
    assert engine.count() == 0
    handle = inside(postgres_home.url, begin, True)
    assert handle.result(timeout=15) == "sent p-1"
    assert (bodies["p-1"], handle.id) == (1, "p-1")
    assert [info.workflow_id for info in engine.find(attributes={"by": kind})] == ["p-1"]


async def in_psycopg(url: str, use: Callable[[Any], Awaitable[Any]], commit: bool) -> Any:
    async with await psycopg.AsyncConnection.connect(url) as conn:
        made = await use(conn)
        await (conn.commit() if commit else conn.rollback())
        return made


async def in_asyncpg(url: str, use: Callable[[Any], Awaitable[Any]], commit: bool) -> Any:
    conn = await asyncpg.connect(url)
    around = conn.transaction()
    await around.start()
    made = await use(conn)
    await (around.commit() if commit else around.rollback())
    await conn.close()
    return made


async def in_async_session(url: str, use: Callable[[Any], Awaitable[Any]], commit: bool) -> Any:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    async with AsyncSession(engine) as session:
        made = await use(session)
        await (session.commit() if commit else session.rollback())
    await engine.dispose()
    return made


async def in_sqlalchemy(url: str, use: Callable[[Any], Awaitable[Any]], commit: bool) -> Any:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as conn:
        made = await use(conn)
        await (conn.commit() if commit else conn.rollback())
    await engine.dispose()
    return made


@pytest.mark.parametrize("inside", [in_psycopg, in_asyncpg, in_async_session, in_sqlalchemy])
async def test_the_same_awaited(inside: Any, postgres_home: Home) -> None:
    async with postgres_home.lab.engine() as engine:

        async def begin(conn: Any) -> Any:
            handle = await parcel_async.options(conn=conn, id="p-1").start("p-1")
            assert await engine.aio.count() == 0
            return handle

        await inside(postgres_home.url, begin, False)
        assert await engine.aio.count() == 0
        handle = await inside(postgres_home.url, begin, True)
        assert await handle.result(timeout=15) == "sent p-1"
        assert bodies["p-1"] == 1


def test_sqlite(sqlite_home: Home) -> None:
    engine = sqlite_home.launch()
    conn = sqlite3.connect(sqlite_home.path, timeout=10)
    conn.row_factory = sqlite3.Row
    for commit in (False, True):
        conn.execute("INSERT INTO ledger VALUES ('mine')")
        handle = parcel.options(conn=conn, id="p-1").start("p-1")
        assert engine.count() == 0
        conn.commit() if commit else conn.rollback()
    conn.close()
    assert handle.result(timeout=15) == "sent p-1"
    assert sqlite_home.ledger() == {"mine": 1}


def test_the_same_id_again_attaches_or_is_refused(postgres_home: Home) -> None:
    postgres_home.launch()
    first = parcel.options(id="p-1").start("p-1")
    first.result(timeout=15)

    def again(conn: Any) -> Any:
        assert parcel.options(conn=conn, id="p-1").start("p-1").run_id == first.run_id
        with pytest.raises(WorkflowConflict, match="other inputs"):
            parcel.options(conn=conn, id="p-1").start("p-2")
        with pytest.raises(WorkflowConflict, match="exists"):
            parcel.options(conn=conn, id="p-1", on_conflict="reject").start("p-1")
        return parcel.options(conn=conn, id="p-1", on_conflict="replace").start("p-2")

    replaced = with_psycopg(postgres_home.url, again, True)
    assert replaced.run_id != first.run_id
    assert replaced.result(timeout=15) == "sent p-2"


@transaction
def ship(conn: psycopg.Connection[Any], entry: str) -> str:
    conn.execute("INSERT INTO ledger VALUES (%s)", [entry])
    return parcel.options(conn=conn, id=entry).start(entry).id


@transaction
def ship_sqlite(conn: sqlite3.Connection, entry: str, within: bool) -> str:
    conn.execute("INSERT INTO ledger VALUES (?)", [entry])
    return (parcel.options(conn=conn, id=entry) if within else parcel.options(id=entry)).start(entry).id


@workflow
def shipping(entry: str) -> str:
    return ship(entry)


@workflow
def shipping_sqlite(entry: str, within: bool) -> str:
    return ship_sqlite(entry, within)


def test_a_transaction_starts_a_run_with_its_writes(postgres_home: Home) -> None:
    postgres_home.launch()
    assert shipping("p-1") == "p-1"
    assert parcel.handle("p-1").result(timeout=15) == "sent p-1"
    assert postgres_home.ledger() == {"p-1": 1}


def test_a_transaction_on_the_engines_file_does_not_wait_for_itself(sqlite_home: Home) -> None:
    sqlite_home.launch()
    assert shipping_sqlite("p-1", True) == "p-1"
    assert parcel.handle("p-1").result(timeout=15) == "sent p-1"
    with pytest.raises(TransactionMisuse, match="write lock"):
        shipping_sqlite("p-2", False)
    assert sqlite_home.ledger() == {"p-1": 1}


@transaction
def ship_debounced(conn: sqlite3.Connection, entry: str) -> str:
    return parcel.debounce(entry, delay=0.01).start(entry).id


@transaction
def ship_published(conn: sqlite3.Connection, entry: str) -> str:
    return publish("shipped", entry)


@workflow
def shipping_otherwise(entry: str, debounced: bool) -> str:
    return ship_debounced(entry) if debounced else ship_published(entry)


@pytest.mark.parametrize("debounced", [True, False])
def test_nor_do_other_writes_in_it(sqlite_home: Home, debounced: bool) -> None:
    sqlite_home.launch()
    with pytest.raises(TransactionMisuse, match="write lock"):
        shipping_otherwise("p-3", debounced)


@workflow
def starts_with(conn_of: str) -> str:
    conn = sqlite3.connect(conn_of)
    try:
        return parcel.options(conn=conn).start("p").id
    finally:
        conn.close()


def test_what_conn_is_not_for(sqlite_home: Home) -> None:
    sqlite_home.launch()
    conn = sqlite3.connect(sqlite_home.path)
    with pytest.raises(UsageError, match="not for a call"):
        parcel.options(conn=conn)("p-1")
    with pytest.raises(UsageError, match="from a workflow's own code"):
        starts_with(str(sqlite_home.path))
    with pytest.raises(InvalidArgument, match="not str"):
        parcel.options(conn="conn").start("p-1")
    conn.close()


async def test_colours_do_not_mix(postgres_home: Home) -> None:
    async with postgres_home.lab.engine():
        with psycopg.connect(postgres_home.url) as conn, pytest.raises(AsyncMismatch, match="blocks"):
            await parcel_async.options(conn=conn).start("p-1")
        async with await psycopg.AsyncConnection.connect(postgres_home.url) as other:
            with pytest.raises(AsyncMismatch, match="block the event loop"):
                parcel.options(conn=other).start("p-1")
