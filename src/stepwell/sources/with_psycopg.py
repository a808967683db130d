"""psycopg 3: its blocking connections for threads, its awaitable ones for the engine's loop."""

import contextlib
import os
import socket
from typing import Any, NoReturn

import psycopg
from psycopg import pq
from psycopg.rows import tuple_row

from stepwell.model.transactions import Kind, Mode
from stepwell.sources import libpq
from stepwell.sources.guard import refuse
from stepwell.sources.pool import Pool
from stepwell.store.transactions import Dialect, Query

#: Data that nobody acknowledges for so long ends a connection, milliseconds. Only over TCP.
_UNACKNOWLEDGED = 10_000

_COMMIT = Query("COMMIT")


class GuardedConnection(psycopg.Connection[tuple[Any, ...]]):
    """Autocommit, so that BEGIN and COMMIT are ours; `conn.transaction()` in a body is a savepoint."""

    def commit(self) -> NoReturn:
        refuse("conn.commit()")

    def rollback(self) -> NoReturn:
        refuse("conn.rollback()")

    def close(self) -> NoReturn:
        refuse("conn.close()")


class GuardedAsyncConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """The same, awaited."""

    async def commit(self) -> NoReturn:
        refuse("conn.commit()")

    async def rollback(self) -> NoReturn:
        refuse("conn.rollback()")

    async def close(self) -> NoReturn:
        refuse("conn.close()")


class PsycopgLender:
    """Connections of one colour to one database."""

    def __init__(self, conninfo: str, size: int, *, is_async: bool) -> None:
        self._conninfo = psycopg.conninfo.make_conninfo(conninfo, tcp_user_timeout=_UNACKNOWLEDGED)
        self._is_async = is_async
        self._pool = Pool(size, self._connect, _dispose, is_async=is_async, cut=shut_down)

    async def hold(self, kind: Kind, cls: type | None) -> "PsycopgHold | PsycopgAsyncHold":
        """See `Source.hold`."""
        connection = await self._pool.take()
        return (PsycopgAsyncHold if self._is_async else PsycopgHold)(self._pool, connection)

    async def close(self) -> None:
        """End all connections."""
        self._pool.close()

    def abandon(self) -> None:
        """What the death of the process would do to them."""
        self._pool.abandon()

    async def _connect(self) -> Any:
        options: dict[str, Any] = {"autocommit": True, "prepare_threshold": None}
        if self._is_async:
            return await GuardedAsyncConnection.connect(self._conninfo, **options)
        return GuardedConnection.connect(self._conninfo, **options)


class _Common:
    """What both colours share."""

    raw: Any = None

    def __init__(self, pool: Pool, connection: Any) -> None:
        self._pool = pool
        self.connection = connection

    @property
    def lost(self) -> bool:
        return bool(self.connection.closed)

    def cut(self) -> None:
        """End it at the socket, from any thread: whoever waits on it is told."""
        shut_down(self.connection)

    def _give(self, usable: bool) -> None:
        connection = self.connection
        idle = not connection.closed and connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
        if connection.row_factory is not tuple_row:
            connection.row_factory = tuple_row
        self._pool.give(connection, usable and idle)
        if not usable:
            self._pool.forget_idle()


class PsycopgHold(_Common):
    """See `store.transactions.Hold`."""

    # A single message is said by the one call of libpq that sends it and blocks without the interpreter's lock.

    async def begin(self, dialect: Dialect, mode: Mode) -> None:
        libpq.checked(self.connection.pgconn.exec_(dialect.begin(mode).encode()))

    async def run(self, query: Query) -> list[tuple[Any, ...]]:
        pgconn = self.connection.pgconn
        result = libpq.checked(pgconn.exec_params(query.text.encode(), libpq.values_of(query)))
        return libpq.rows(self.connection, result)

    async def settle(self) -> None:
        """Nothing is kept back."""

    async def commit(self) -> None:
        libpq.checked(self.connection.pgconn.exec_(b"COMMIT"))

    async def commit_after(self, query: Query) -> None:
        self.connection.wait(libpq.say(self.connection.pgconn, query, _COMMIT))

    async def end(self, usable: bool) -> None:
        connection = self.connection
        if usable and not connection.closed and connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            with contextlib.suppress(psycopg.Error):
                connection.execute("ROLLBACK")
        self._give(usable)


class PsycopgAsyncHold(_Common):
    """See `store.transactions.Hold`."""

    async def begin(self, dialect: Dialect, mode: Mode) -> None:
        await self._said(libpq.say_script(self.connection.pgconn, dialect.begin(mode)))

    async def run(self, query: Query) -> list[tuple[Any, ...]]:
        return libpq.rows(self.connection, await self._said(libpq.say(self.connection.pgconn, query)))

    async def settle(self) -> None:
        """Nothing is kept back."""

    async def commit(self) -> None:
        await self._said(libpq.say(self.connection.pgconn, _COMMIT))

    async def commit_after(self, query: Query) -> None:
        await self._said(libpq.say(self.connection.pgconn, query, _COMMIT))

    async def _said(self, saying: libpq.Saying) -> libpq.Result:
        connection = self.connection
        async with connection.lock:  # a task of the body's may have been left behind
            result: libpq.Result = await connection.wait(saying)
            return result

    async def end(self, usable: bool) -> None:
        connection = self.connection
        if usable and not connection.closed and connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            with contextlib.suppress(psycopg.Error):
                await connection.execute("ROLLBACK")
        self._give(usable)


def run(connection: Any, query: Query) -> list[tuple[Any, ...]]:
    """A statement of ours on a user's connection, whatever its row factory."""
    with psycopg.RawCursor(connection, row_factory=tuple_row) as cursor:
        cursor.execute(query.text.encode(), None if query.document is None else [query.document])
        return cursor.fetchall() if cursor.description is not None else []


async def run_async(connection: Any, query: Query) -> list[tuple[Any, ...]]:
    """The same, awaited."""
    async with psycopg.AsyncRawCursor(connection, row_factory=tuple_row) as cursor:
        await cursor.execute(query.text.encode(), None if query.document is None else [query.document])
        return await cursor.fetchall() if cursor.description is not None else []


def _dispose(connection: Any) -> None:
    """`close` without a wait, also for awaitable ones: the server rolls back."""
    shut_down(connection)
    connection._closed = True
    connection.pgconn.finish()


def shut_down(connection: Any) -> None:
    """End a connection at the socket, so that nothing can wait on it."""
    with (
        contextlib.suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.pgconn.socket)) as duplicate,
    ):
        duplicate.shutdown(socket.SHUT_RDWR)
