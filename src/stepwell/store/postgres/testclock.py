"""A clock for tests that reaches the database: `clock()` reads a one-row table, and Python moves it.

Not for production: `install` replaces a function of the schema. The clock moves at once for every
connection, since setting it is a transaction of its own, on a connection of its own.
"""

import psycopg

from stepwell.store.postgres.conninfo import conninfo_of
from stepwell.store.sqlfile import substitute

_INSTALL = """
create table if not exists stepwell.test_clock
    (only_row boolean primary key default true check (only_row), now timestamptz not null);
insert into stepwell.test_clock (now) values (clock_timestamp()) on conflict do nothing;
create or replace function stepwell.clock() returns timestamptz language sql volatile
    as 'select now from stepwell.test_clock';
"""
_REMOVE = """
create or replace function stepwell.clock() returns timestamptz language sql volatile
    as 'select clock_timestamp()';
drop table if exists stepwell.test_clock;
"""


class PostgresTestClock:
    """The clock of one migrated schema, for one call at a time from any thread. Instants in unix seconds."""

    def __init__(self, url: str, schema: str = "stepwell") -> None:
        self._schema = schema
        self._connection = psycopg.connect(conninfo_of(url), autocommit=True)
        self._connection.execute("set synchronous_commit = off")  # nobody restarts the server for a moved clock

    def install(self) -> None:
        """From here on time stands still unless it is set."""
        self._execute(_INSTALL)

    def remove(self) -> None:
        """Give the schema its real clock back."""
        self._execute(_REMOVE)

    def set(self, instant: float) -> None:
        self._execute("update stepwell.test_clock set now = to_timestamp(%s)", instant)

    def advance(self, seconds: float) -> float:
        """Move the clock; returns the new instant."""
        self._execute("update stepwell.test_clock set now = now + make_interval(secs => %s)", seconds)
        return self.now()

    def now(self) -> float:
        query = substitute("select extract(epoch from stepwell.clock())::double precision", self._schema)
        row = self._connection.execute(query.encode()).fetchone()
        assert row is not None
        return float(row[0])

    def close(self) -> None:
        self._connection.close()

    def _execute(self, text: str, *values: float) -> None:
        self._connection.execute(substitute(text, self._schema).encode(), values or None)
