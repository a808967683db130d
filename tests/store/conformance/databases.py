"""The two kinds of database that the suite runs on, each with its movable clock."""

from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

from stepwell.store.api import Store, StoreIdentity
from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.testclock import PostgresTestClock
from stepwell.store.sqlite import SQLiteStore
from tests.store.conformance.kit import START, Clock


class Database(Protocol):
    """Where the stores of one test live."""

    @property
    def clock(self) -> Clock: ...

    def store(self, identity: StoreIdentity) -> Store:
        """A store that is not open yet."""
        ...

    def wipe(self) -> None:
        """Leave no table of ours in it."""
        ...

    async def prepare(self) -> None:
        """Migrate it if it is not, empty its tables, and set its clock to START."""
        ...


class HandClock:
    """SQLite's clock is a function of ours."""

    def __init__(self) -> None:
        self.now = START

    async def advance(self, seconds: float) -> None:
        self.now += seconds


class SQLiteDatabase:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.clock = HandClock()

    def store(self, identity: StoreIdentity) -> Store:
        # OFF: no test here turns the power off, and fsync is most of their time.
        return SQLiteStore(self._path, identity, synchronous="OFF", clock=lambda: self.clock.now, inline_rows=None)

    def wipe(self) -> None:
        """A new file has none."""

    async def prepare(self) -> None:
        store = self.store(StoreIdentity())
        await store.open()
        await store.migrate()
        await store.close()


class ServerClock:
    """Postgres' clock is a function of the schema, which reads what this writes."""

    def __init__(self, clock: PostgresTestClock) -> None:
        self._clock = clock
        self.now = START

    def reset(self) -> None:
        self.now = START
        self._clock.set(START)

    async def advance(self, seconds: float) -> None:
        self.now += seconds
        self._clock.set(self.now)


class PostgresDatabase:
    """One database for all tests of a worker: emptying its tables is much faster than a new one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection = psycopg.connect(url, autocommit=True)
        self._test_clock = PostgresTestClock(url)
        self._migrated = False
        self.clock = ServerClock(self._test_clock)

    def store(self, identity: StoreIdentity) -> Store:
        return PostgresStore(self._url, identity)

    def wipe(self) -> None:
        self._connection.execute("DROP SCHEMA IF EXISTS stepwell CASCADE")
        self._migrated = False

    async def prepare(self) -> None:
        if not self._migrated:
            self.wipe()
            store = self.store(StoreIdentity())
            await store.migrate()
            await store.close()
            self._test_clock.install()
            self._migrated = True
        for statement in self._deletes():
            self._connection.execute(statement)
        self.clock.reset()

    def close(self) -> None:
        self._test_clock.close()
        self._connection.close()

    def _deletes(self) -> list[sql.Composed]:
        tables = self._connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'stepwell'"
            " AND tablename NOT IN ('migrations', 'test_clock')"
        )
        return [sql.SQL("DELETE FROM {}").format(sql.Identifier("stepwell", name)) for (name,) in tables]
