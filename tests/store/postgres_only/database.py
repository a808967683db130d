"""A migrated Postgres schema per test: migrated once per database, emptied between tests, with a movable clock."""

import psycopg

from stepwell.store.api import StoreIdentity
from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.testclock import PostgresTestClock

#: Where the database's clock stands when a test begins.
START = 1_800_000_000.0

_migrated: set[str] = set()


class HandClock:
    """The database's clock, in the test's hand; as it moves by itself, until `set` is called first."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.now = START

    async def advance(self, seconds: float) -> None:
        self.now += seconds
        self.set(self.now)

    def set(self, instant: float) -> None:
        clock = PostgresTestClock(self._url)
        try:
            clock.install()
            clock.set(instant)
        finally:
            clock.close()


class PostgresDatabase:
    """One schema of the worker's database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = HandClock(url)

    def store(self, identity: StoreIdentity | None = None, *, call_deadline: float = 10.0) -> PostgresStore:
        return PostgresStore(self.url, identity or StoreIdentity(), call_deadline=call_deadline)

    async def prepare(self) -> None:
        """Tables, no rows, and the clock at START."""
        if self.url not in _migrated:
            store = self.store()
            await store.migrate()
            await store.close()
            _migrated.add(self.url)
        self.empty()
        self.clock.set(START)

    def empty(self) -> None:
        """DELETE, not TRUNCATE: a fraction of the time for a few rows."""
        with psycopg.connect(self.url) as connection:
            tables = connection.execute(
                "select format('%I.%I', schemaname, tablename) from pg_tables"
                " where schemaname = 'stepwell' and tablename not in ('migrations', 'test_clock')"
            ).fetchall()
            for (table,) in tables:
                connection.execute(f"delete from {table}".encode())
