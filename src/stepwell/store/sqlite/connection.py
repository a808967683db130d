"""A configured connection, and the few words in which the verbs speak to it.

`Session` is all that a verb gets: statements by the name of their file, parameters bound, rows as tuples.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from stepwell.store.api import StoreIdentity
from stepwell.store.sqlfile import load
from stepwell.store.sqlite.functions import contains

Clock = Callable[[], float]
Row = tuple[Any, ...]
Params = Sequence[Any] | Mapping[str, Any]

PACKAGE = Path(__file__).parent
#: The statements by the name of their file, "<concept>/<verb>".
SQL = load(PACKAGE, "")

#: How long SQLite itself may wait for another process's lock, seconds. Short, because it may block the
#: event loop; the longer wait is the caller's, between attempts.
BUSY_TIMEOUT = 0.02

#: WAL pages between checkpoints, 16 MB: four times SQLite's default, measured 12-25 % more steps per second, since the
#: pages of many runs are copied once instead of four times. A larger log is slower to read through after a crash.
CHECKPOINT_PAGES = 4000

#: The WAL file is cut back to this after a checkpoint, bytes; where readers keep it larger, see `wal.py`.
WAL_LIMIT = 64 * 1024 * 1024

#: How long cutting it back may hold writers up while it waits for readers, seconds.
WAL_PATIENCE = 0.5


def connect(
    path: Path,
    clock: Clock,
    *,
    create: bool = False,
    read_only: bool = False,
    synchronous: str = "FULL",
    busy_timeout: float = BUSY_TIMEOUT,
) -> sqlite3.Connection:
    """Open one connection. `create`: the file may be made, and is put into WAL mode. Raises sqlite3.Error.

    `check_same_thread` is off because a large batch runs on a thread; the lane makes sure that only one
    thread at a time uses the connection.
    """
    uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=256)
    try:
        connection.create_function("stepwell_clock", 0, clock)
        connection.create_function("stepwell_contains", 2, contains, deterministic=True)
        for pragma in (
            f"busy_timeout = {int(busy_timeout * 1000)}",
            "foreign_keys = ON",
            f"synchronous = {synchronous}",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            f"journal_size_limit = {WAL_LIMIT}",
            f"query_only = {int(read_only)}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if create:
            connection.execute("PRAGMA journal_mode = WAL")  # a property of the file, for all that open it
    except BaseException:
        connection.close()
        raise
    return connection


class Session:
    """One connection and whose rows it works on. Not thread-safe."""

    __slots__ = ("connection", "identity")

    def __init__(self, connection: sqlite3.Connection, identity: StoreIdentity) -> None:
        self.connection = connection
        self.identity = identity

    def rows(self, statement: str, params: Params = ()) -> list[Row]:
        """All rows of `sql/<statement>.sql`."""
        return self.connection.execute(SQL[statement], params).fetchall()

    def one(self, statement: str, params: Params = ()) -> Row | None:
        """The only row, or None. The statement is run to its end, so that a RETURNING takes effect."""
        rows = self.connection.execute(SQL[statement], params).fetchall()
        return rows[0] if rows else None

    def value(self, statement: str, params: Params = ()) -> Any:
        """The first column of the only row, or None."""
        row = self.one(statement, params)
        return None if row is None else row[0]

    def run(self, statement: str, params: Params = ()) -> int:
        """How many rows a plain INSERT, UPDATE or DELETE touched."""
        return self.connection.execute(SQL[statement], params).rowcount

    def many(self, statement: str, rows: Iterable[Params]) -> int:
        """The same statement for each row; how many rows it touched altogether."""
        return self.connection.executemany(SQL[statement], rows).rowcount

    def now(self) -> float:
        """The database's clock."""
        return float(self.value("clock/now"))


def blob(value: UUID | None) -> bytes | None:
    """A uuid as it is stored."""
    return None if value is None else value.bytes


def uuid_of(value: bytes | None) -> UUID | None:
    """A stored uuid."""
    return None if value is None else UUID(bytes=value)
