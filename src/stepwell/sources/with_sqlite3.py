"""sqlite3, of the standard library: blocking connections for threads."""

import sqlite3
import threading
from pathlib import Path
from typing import Any, NoReturn

from stepwell.model.transactions import Kind, Mode
from stepwell.sources.guard import refuse
from stepwell.sources.pool import Pool
from stepwell.store.open import mind_sqlite_forks
from stepwell.store.transactions import Dialect, Query

#: How long one attempt to begin waits for another writer, seconds. Short, because a simulation begins on its loop.
_BUSY_SECONDS = 0.02


class GuardedConnection(sqlite3.Connection):
    """BEGIN and COMMIT are ours: what would end the transaction is refused."""

    def commit(self) -> NoReturn:
        refuse("conn.commit()")

    def rollback(self) -> NoReturn:
        refuse("conn.rollback()")

    def close(self) -> NoReturn:
        refuse("conn.close()")

    def __enter__(self) -> NoReturn:
        refuse("`with conn:`, which commits,")

    def executescript(self, _: str) -> NoReturn:
        refuse("conn.executescript(), which commits first,")


class SQLiteLender:
    """Connections to one file. `synchronous` as the engine's own, where it is the engine's file."""

    def __init__(self, path: Path, size: int, synchronous: str = "FULL") -> None:
        self._path = path
        self._synchronous = synchronous
        self._pool = Pool(size, self._connect, _dispose, is_async=False)

    async def hold(self, kind: Kind, cls: type | None) -> "SQLiteHold":
        """See `Source.hold`."""
        return SQLiteHold(self._pool, await self._pool.take())

    async def close(self) -> None:
        """End all connections."""
        self._pool.close()

    def abandon(self) -> None:
        """What the death of the process would do to them."""
        self._pool.abandon()

    async def _connect(self) -> "_Kept":
        return _Kept(self._path, self._synchronous)


class _Use:
    """A lock that one thread may take and another give back; a fork in the transaction's own thread does not wait for
    itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._passed = 0

    def acquire(self) -> bool:
        """Wait until nobody has it."""
        if self._owner == threading.get_ident():
            self._passed += 1
            return True
        self._lock.acquire()
        self._owner = threading.get_ident()
        return True

    def release(self) -> None:
        """Whoever has it gives it back."""
        if self._passed:
            self._passed -= 1
            return
        self._owner = 0
        self._lock.release()


class _Kept:
    """A connection that is closed before a fork, and opened again when it is needed."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self._path = path
        self._synchronous = synchronous
        self._connection: sqlite3.Connection | None = None
        #: Held while a transaction is open: a fork waits for its end.
        self.in_use = _Use()
        mind_sqlite_forks(self)

    def open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(
                self._path, isolation_level=None, check_same_thread=False, factory=GuardedConnection
            )
            connection.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}")
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            self._connection = connection
        return self._connection

    def disconnect(self) -> None:
        """Close it; a transaction that is open is rolled back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            sqlite3.Connection.close(connection)


class SQLiteHold:
    """See `store.transactions.Hold`."""

    def __init__(self, pool: Pool, kept: _Kept) -> None:
        self._pool = pool
        self._kept = kept
        kept.in_use.acquire()
        self.connection = kept.open()

    @property
    def raw(self) -> Any:
        return self.connection

    @property
    def lost(self) -> bool:
        return False

    def cut(self) -> None:
        """There is no network that could be silent."""

    async def begin(self, dialect: Dialect, mode: Mode) -> None:
        self.connection.execute(dialect.begin(mode))
        await dialect.mark(self, mode)

    async def run(self, query: Query) -> list[tuple[Any, ...]]:
        raise TypeError("statements for Postgres on a SQLite connection")

    async def settle(self) -> None:
        """Nothing is kept back."""

    async def commit(self) -> None:
        self.connection.execute("COMMIT")

    async def commit_after(self, query: Query) -> None:
        raise TypeError("statements for Postgres on a SQLite connection")

    async def end(self, usable: bool) -> None:
        try:
            if usable and self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            self.connection.row_factory = None
        except sqlite3.Error:
            usable = False
        if not usable:
            self._kept.disconnect()
        self._kept.in_use.release()
        self._pool.give(self._kept, usable)


def _dispose(kept: Any) -> None:
    kept.disconnect()
