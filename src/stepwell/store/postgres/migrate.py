"""Migrations: numbered files, forward only, applied one by one under an advisory transaction lock.

The first line of a file is `-- kind: pre` (additive: before the code that needs it rolls out) or `post`
(destructive: after the code that used it is gone). `-- online: yes` on the second line runs its one
statement outside a transaction, for CREATE INDEX CONCURRENTLY.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from stepwell.store.api import MigrationState
from stepwell.store.postgres.errors import fault_of_connect, fault_of_driver
from stepwell.store.sqlfile import quote_identifier, substitute

_DIRECTORY = Path(__file__).parent / "migrations"
_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
_KIND = re.compile(r"--\s*kind:\s*(pre|post)\b")
_ONLINE = re.compile(r"^--\s*online:\s*yes\b", re.MULTILINE)


@dataclass(slots=True, frozen=True)
class Migration:
    number: int
    name: str
    kind: str  # pre | post
    online: bool
    sql: str


def known_migrations() -> list[Migration]:
    found: list[Migration] = []
    for path in sorted(_DIRECTORY.glob("*.sql")):
        named = _FILE.fullmatch(path.name)
        text = path.read_text(encoding="utf-8")
        kind = _KIND.match(text)
        if named is None or kind is None:
            raise ValueError(f"{path.name}: a migration is NNNN_name.sql and opens with '-- kind: pre|post'")
        found.append(Migration(int(named[1]), named[2], kind[1], _ONLINE.search(text) is not None, text))
    return found


async def migrate(conninfo: str, schema: str) -> list[str]:
    """Apply what is missing; returns the names applied. Several processes may call it at once."""
    applied: list[str] = []
    async with _connection(conninfo) as connection:
        for migration in known_migrations():
            if await _apply(connection, schema, migration):
                applied.append(migration.name)
    return applied


async def migrations(conninfo: str, schema: str) -> list[MigrationState]:
    """All known migrations, with when each was applied (None: not yet)."""
    async with _connection(conninfo) as connection:
        applied = await _applied(connection, schema)
    return [
        MigrationState(migration.number, migration.name, migration.kind, applied.get(migration.number))
        for migration in known_migrations()
    ]


async def _apply(connection: psycopg.AsyncConnection, schema: str, migration: Migration) -> bool:
    """One migration in a transaction of its own. The lock is the transaction's: poolers keep no others."""
    if migration.number in await _applied(connection, schema):
        return False
    if migration.online:
        await connection.execute(substitute(migration.sql, schema).encode())
    async with connection.transaction():
        await connection.execute(
            "select pg_advisory_xact_lock(hashtextextended('stepwell migrations ' || %s, 0))", [schema]
        )
        if migration.number in await _applied(connection, schema):
            return False  # another process was faster
        if migration.number == 1:
            await _create_schema(connection, schema)
        if not migration.online:
            await connection.execute(substitute(migration.sql, schema).encode())
        note = substitute("insert into stepwell.migrations (number, name, kind) values (%s, %s, %s)", schema)
        await connection.execute(note.encode(), [migration.number, migration.name, migration.kind])
    return True


async def _create_schema(connection: psycopg.AsyncConnection, schema: str) -> None:
    """Only when missing: who may create tables in a prepared schema needs no right on the database."""
    cursor = await connection.execute("select from pg_namespace where nspname = %s", [schema])
    if await cursor.fetchone() is None:
        await connection.execute(f"create schema {quote_identifier(schema)}".encode())


async def _applied(connection: psycopg.AsyncConnection, schema: str) -> dict[int, float]:
    """Asks pg_class, not to_regclass(): a cached "there is none" would survive the wait for the lock."""
    cursor = await connection.execute(
        "select from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = %s and c.relname = 'migrations'",
        [schema],
    )
    if await cursor.fetchone() is None:
        return {}
    query = "select number, extract(epoch from applied_at)::double precision from stepwell.migrations"
    cursor = await connection.execute(substitute(query, schema).encode())
    return {number: applied_at for number, applied_at in await cursor.fetchall()}


@asynccontextmanager
async def _connection(conninfo: str) -> AsyncIterator[psycopg.AsyncConnection]:
    try:
        connection = await psycopg.AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=None)
    except (psycopg.Error, OSError) as error:
        raise fault_of_connect(error) from None
    try:
        await connection.set_isolation_level(psycopg.IsolationLevel.READ_COMMITTED)
        yield connection
    except psycopg.Error as error:
        raise fault_of_driver(error) from error
    finally:
        await connection.close()
