"""One transaction and one workflow for every kind of connection: each adds a row to the user's own table."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import psycopg
import sqlalchemy
import sqlmodel
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Session

from stepwell import transaction, workflow
from tests.transactions.bodies import during, during_async

INSERT = "INSERT INTO ledger (entry) VALUES ('{}')"


@transaction
def add_psycopg(conn: psycopg.Connection[Any], entry: str) -> str:
    conn.execute(INSERT.format(entry).encode())
    during(entry, conn)
    return f"added {entry}"


@transaction
async def add_psycopg_async(conn: psycopg.AsyncConnection[Any], entry: str) -> str:
    await conn.execute(INSERT.format(entry).encode())
    await during_async(entry, conn)
    return f"added {entry}"


@transaction
async def add_asyncpg(conn: asyncpg.Connection, entry: str) -> str:  # type: ignore[type-arg,unused-ignore]
    await conn.execute(INSERT.format(entry))
    await during_async(entry, conn)
    return f"added {entry}"


@transaction
def add_sqlalchemy(conn: sqlalchemy.Connection, entry: str) -> str:
    conn.execute(sqlalchemy.text(INSERT.format(entry)))
    during(entry, conn)
    return f"added {entry}"


@transaction
def add_session(session: Session, entry: str) -> str:
    session.execute(sqlalchemy.text(INSERT.format(entry)))
    during(entry, session)
    return f"added {entry}"


@transaction
def add_sqlmodel(session: sqlmodel.Session, entry: str) -> str:
    assert isinstance(session, sqlmodel.Session)
    session.exec(sqlalchemy.text(INSERT.format(entry)))  # type: ignore[call-overload]
    during(entry, session)
    return f"added {entry}"


@transaction
async def add_sqlalchemy_async(conn: AsyncConnection, entry: str) -> str:
    await conn.execute(sqlalchemy.text(INSERT.format(entry)))
    await during_async(entry, conn)
    return f"added {entry}"


@transaction
async def add_async_session(session: AsyncSession, entry: str) -> str:
    await session.execute(sqlalchemy.text(INSERT.format(entry)))
    await during_async(entry, session)
    return f"added {entry}"


@transaction
def add_sqlite(conn: sqlite3.Connection, entry: str) -> str:
    conn.execute(INSERT.format(entry))
    during(entry, conn)
    return f"added {entry}"


@dataclass(frozen=True)
class Adder:
    """A kind of connection, and what adds an entry by it."""

    name: str
    add: Any
    workflow: Any  # adds two entries, one after the other
    database: str

    @property
    def is_async(self) -> bool:
        return bool(self.add.definition.is_async)


def _def_workflow(name: str, add: Any) -> Any:
    @workflow(name=f"twice:{name}", replace=True)
    def twice(entry: str) -> list[str]:
        return [add(f"{entry}-1"), add(f"{entry}-2")]

    return twice


def _async_workflow(name: str, add: Any) -> Any:
    @workflow(name=f"twice:{name}:async", replace=True)
    async def twice(entry: str) -> list[str]:
        return [await add(f"{entry}-1"), await add(f"{entry}-2")]

    return twice.sync


def adders(transactions: dict[str, Any], database: Callable[[str], str], prefix: str = "home") -> list[Adder]:
    """Every kind from workflows of both colours."""
    made = []
    for name, add in transactions.items():
        is_async = add.definition.is_async
        made.append(
            Adder(f"{name}", add, _def_workflow(f"{prefix}:{name}", add.sync if is_async else add), database(name))
        )
        made.append(
            Adder(
                f"{name}-async", add, _async_workflow(f"{prefix}:{name}", add if is_async else add.aio), database(name)
            )
        )
    return made


KINDS = {
    "psycopg": add_psycopg,
    "psycopg_async": add_psycopg_async,
    "asyncpg": add_asyncpg,
    "sqlalchemy": add_sqlalchemy,
    "session": add_session,
    "sqlmodel": add_sqlmodel,
    "sqlalchemy_async": add_sqlalchemy_async,
    "async_session": add_async_session,
    "sqlite": add_sqlite,
}

#: In the engine's own database.
HOME = adders(KINDS, lambda name: "sqlite" if name == "sqlite" else "postgres")
