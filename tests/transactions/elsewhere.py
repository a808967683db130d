"""The same transactions in a database that is not the engine's; where that is, a test says."""

import sqlite3
from typing import Any

import asyncpg
import psycopg
import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from stepwell import Postgres, SQLAlchemy, SQLite, transaction
from stepwell.sources import Database
from tests.transactions.bodies import during, during_async
from tests.transactions.flows import INSERT, Adder, adders


def postgres_transactions(url: str) -> dict[str, Any]:
    """By driver, in that database."""
    there = Postgres(url)
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))

    @transaction(source=there, name="add")
    def add_psycopg(conn: psycopg.Connection[Any], entry: str) -> str:
        conn.execute(INSERT.format(entry).encode())
        during(entry, conn)
        return f"added {entry}"

    @transaction(source=there, name="add")
    async def add_psycopg_async(conn: psycopg.AsyncConnection[Any], entry: str) -> str:
        await conn.execute(INSERT.format(entry).encode())
        await during_async(entry, conn)
        return f"added {entry}"

    @transaction(source=there, name="add")
    async def add_asyncpg(conn: asyncpg.Connection, entry: str) -> str:  # type: ignore[type-arg,unused-ignore]
        await conn.execute(INSERT.format(entry))
        await during_async(entry, conn)
        return f"added {entry}"

    @transaction(source=SQLAlchemy(engine), name="add")
    def add_session(session: Session, entry: str) -> str:
        session.execute(sqlalchemy.text(INSERT.format(entry)))
        during(entry, session)
        return f"added {entry}"

    @transaction(source=there, name="add")
    async def add_async_session(session: AsyncSession, entry: str) -> str:
        await session.execute(sqlalchemy.text(INSERT.format(entry)))
        await during_async(entry, session)
        return f"added {entry}"

    add_session.dispose = engine.dispose  # type: ignore[attr-defined]
    return {
        "psycopg": add_psycopg,
        "psycopg_async": add_psycopg_async,
        "asyncpg": add_asyncpg,
        "session": add_session,
        "async_session": add_async_session,
    }


def sqlite_transactions(path: Any) -> dict[str, Any]:
    """By library, in that file."""
    there: Database = SQLite(path)

    @transaction(source=there, name="add")
    def add_sqlite(conn: sqlite3.Connection, entry: str) -> str:
        conn.execute(INSERT.format(entry))
        during(entry, conn)
        return f"added {entry}"

    @transaction(source=there, name="add")
    def add_sqlalchemy(conn: sqlalchemy.Connection, entry: str) -> str:
        conn.execute(sqlalchemy.text(INSERT.format(entry)))
        during(entry, conn)
        return f"added {entry}"

    return {"sqlite": add_sqlite, "sqlalchemy": add_sqlalchemy}


def adder(transactions: dict[str, Any], name: str) -> Adder:
    """One of them, with a workflow whose name no other test uses."""
    kind, _, colour = name.partition("-")
    made = adders({kind: transactions[kind]}, lambda _: "elsewhere", "elsewhere")
    return made[1] if colour else made[0]
