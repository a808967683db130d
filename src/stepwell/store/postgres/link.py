"""One connection of the store, for one lane of work: made when needed, one exchange at a time, never late.

Nothing is kept in the session and nothing is prepared, so it works through a transaction-mode pooler. A
call that outlives its deadline shuts the socket down: a black-holed connection frees its caller.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Sequence

import psycopg
from psycopg import pq

from stepwell.store.faults import StoreFault
from stepwell.store.postgres.errors import connection_lost, fault_of_connect
from stepwell.store.postgres.params import Statement, statement
from stepwell.store.postgres.wire import Exchange, Result

BEGIN = statement(b"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
COMMIT = statement(b"COMMIT")
ROLLBACK = statement(b"ROLLBACK")
#: A stopped process must not hold locks for a lease; somebody else's lock must not hold us for long.
LOCAL_LIMITS = statement(
    b"SELECT set_config('idle_in_transaction_session_timeout', '4s', true), set_config('lock_timeout', '500ms', true)"
)


class Link:
    """A lazily made connection. Not for use from several loops or threads."""

    def __init__(self, conninfo: str, label: str, *, call_deadline: float) -> None:
        self._conninfo = conninfo
        self._label = label
        self.explicit_begin = False  # the default isolation is another: see Lanes.learn_isolation
        self._call_deadline = call_deadline
        self._turn = asyncio.Lock()
        self._connection: psycopg.AsyncConnection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fd = -1
        self._exchange: Exchange | None = None
        self._answer: asyncio.Future[None] | None = None

    @property
    def connected(self) -> bool:
        return self._connection is not None

    async def run(self, *statements: Statement) -> list[Result]:
        """Send the statements as one implicit transaction. StoreFault.ambiguous: it may have committed."""
        if self.explicit_begin:
            return await self.transact(*statements)
        async with self._turn:
            return await self._converse(statements)

    async def transact(self, *statements: Statement, then: Sequence[Statement] = ()) -> list[Result]:
        """The same between BEGIN READ COMMITTED and COMMIT, with lock and idle limits; only their results.

        `then`: statements of a second transaction, in the same round trip, that begins when the first is committed;
        their results follow. A fault of theirs is raised too: StoreFault.ambiguous.
        """
        second = (BEGIN, LOCAL_LIMITS, *then, COMMIT) if then else ()
        async with self._turn:
            try:
                results = await self._converse((BEGIN, LOCAL_LIMITS, *statements, COMMIT, *second))
            except StoreFault:
                await self._roll_back()
                raise
            return results[2 : 2 + len(statements)] + results[len(statements) + 5 : -1]

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator["Transaction"]:
        """A READ COMMITTED transaction of several round trips: for verbs that look before they write."""
        async with self._turn:
            try:
                await self._converse((BEGIN, LOCAL_LIMITS))
                yield Transaction(self)
                await self._converse((COMMIT,))
            except BaseException:
                await self._roll_back()
                raise

    async def close(self) -> None:
        async with self._turn:
            self._drop()

    def cut(self) -> None:
        """End the connection without waiting for its turn; an answer that is under way never comes."""
        self._drop()

    async def _converse(self, statements: Sequence[Statement]) -> list[Result]:
        connection = self._connection or await self._connect()
        loop = self._loop
        assert loop is not None
        timer = loop.call_later(self._call_deadline, self._expire)
        answer = self._answer = loop.create_future()
        try:
            self._exchange = exchange = Exchange(connection.pgconn, statements)
            if not exchange.flush():
                loop.add_writer(self._fd, self._writable)
            await answer
        except psycopg.Error as error:
            self._drop()
            raise connection_lost(str(error).strip()) from None
        except BaseException:  # cancelled, or lost: an answer may still be under way, so the connection is of no use
            self._drop()
            raise
        finally:
            timer.cancel()
            self._exchange = self._answer = None
        results = exchange.outcome(committing=statements[-1] is COMMIT)
        return results

    async def _roll_back(self) -> None:
        connection = self._connection
        if connection is None:
            return
        if connection.pgconn.status == pq.ConnStatus.BAD:
            self._drop()
        elif connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            with contextlib.suppress(StoreFault):  # then the connection is dropped, which rolls back too
                await self._converse((ROLLBACK,))

    async def _connect(self) -> psycopg.AsyncConnection:
        try:
            async with asyncio.timeout(self._call_deadline):
                connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        except TimeoutError:
            raise connection_lost("no connection within the call's deadline", ambiguous=False) from None
        except (psycopg.Error, OSError) as error:
            raise fault_of_connect(error) from None
        pgconn = connection.pgconn
        pgconn.nonblocking = 1
        pgconn.enter_pipeline_mode()
        self._connection, self._fd = connection, pgconn.socket
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._readable)
        return connection

    def _readable(self) -> None:
        exchange, answer = self._exchange, self._answer
        try:
            if exchange is None or answer is None:
                self._idle_input()
            elif exchange.absorb() and not answer.done():
                answer.set_result(None)
        except psycopg.Error as error:
            if answer is not None and not answer.done():
                answer.set_exception(connection_lost(str(error).strip()))
            else:
                self._drop()

    def _idle_input(self) -> None:
        """A notice, or the end: noticed at once, so that the next call reconnects instead of failing."""
        if self._connection is not None:
            self._connection.pgconn.consume_input()
            if self._connection.pgconn.status == pq.ConnStatus.BAD:
                self._drop()

    def _writable(self) -> None:
        assert self._loop is not None
        try:
            if self._exchange is None or self._exchange.flush():
                self._loop.remove_writer(self._fd)
        except psycopg.Error as error:
            self._loop.remove_writer(self._fd)
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(connection_lost(str(error).strip()))

    def _expire(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(connection_lost(f"no answer within {self._call_deadline:g} s"))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
        shut_down(self._fd)
        connection.pgconn.finish()


class Transaction:
    """What `Link.transaction` hands out: statements that all belong to it."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def run(self, *statements: Statement) -> list[Result]:
        return await self._link._converse(statements)


def shut_down(fd: int) -> None:
    """End a connection at the socket, so that nothing can wait on it, however dead the other side is."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fd)) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)
