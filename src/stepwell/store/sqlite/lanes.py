"""Who may use which connection when: the writer, one transaction at a time, and the reader.

A small unit of work runs right on the event loop's thread: a commit takes less than the hop to another
thread and back. A large one runs on a thread of the lane's own, and whoever else wants to write waits.
When another process holds the file's write lock, only BEGIN has failed: nothing has been done, and the
loop goes on with other things until the next attempt.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from typing import Concatenate, ParamSpec, TypeVar

from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.sqlite.connection import Session
from stepwell.store.sqlite.errors import BROKEN, REFUSED_VALUES, fault_of
from stepwell.store.sqlite.forks import mind_forks

P = ParamSpec("P")
R = TypeVar("R")

#: Pauses between attempts to get a lock, seconds; the last one repeats until the deadline.
PAUSES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)


class Lane:
    """One connection, opened when it is first needed and again after it broke."""

    def __init__(self, opener: Callable[[], Session], begin: str, deadline: float) -> None:
        self._opener = opener
        self._begin = begin
        self._deadline = deadline
        self._session: Session | None = None
        self._sessions = 0
        #: Held while the connection is in use: a fork waits for it.
        self.in_use = threading.RLock()
        mind_forks(self)

    def transact(self, verb: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run one verb in one transaction, once, on this thread. Raises StoreFault for the database."""
        with self.in_use:
            return self._transact(verb, *args, **kwargs)

    def _transact(self, verb: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            session = self._opened()
            session.connection.execute(self._begin)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        try:
            result = verb(session, *args, **kwargs)
        except (sqlite3.Error, *REFUSED_VALUES) as error:
            raise self._failed(error) from error
        except BaseException:
            self._roll_back()
            raise
        try:
            session.connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed(error, committing=True) from error
        return result

    def close(self) -> None:
        """Give the connection back; the next use opens another. Safe to call twice."""
        self.disconnect()

    def disconnect(self) -> None:
        """Close the connection, if there is one."""
        with self.in_use:
            session, self._session = self._session, None
            if session is not None:
                session.connection.close()

    def _opened(self) -> Session:
        if self._session is None:
            self._session = self._opener()
            self._sessions += 1
        return self._session

    def version(self) -> tuple[int, int] | None:
        """What changes with every commit over another connection; None if this one is in use now. Raises StoreFault."""
        if not self.in_use.acquire(blocking=False):
            return None
        try:
            (number,) = self._opened().connection.execute("PRAGMA data_version").fetchone()
            return self._sessions, number  # each session counts anew
        except sqlite3.Error as error:
            raise self._failed(error) from error
        finally:
            self.in_use.release()

    async def _patiently(
        self, give_up: float, attempt: Callable[[], R], threads: ThreadPoolExecutor | None = None
    ) -> R:
        """Try until the lock is ours, here or on one of `threads`. A failed attempt leaves nothing behind.

        `give_up`: on the loop's clock; the first attempt is made even if it is over.
        """
        loop = asyncio.get_running_loop()
        for pause in chain(PAUSES, repeat(PAUSES[-1])):
            try:
                return attempt() if threads is None else await loop.run_in_executor(threads, attempt)
            except StoreFault as fault:
                if fault.kind is not FaultKind.CONTENTION or loop.time() + pause > give_up:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the pauses never end")

    def _give_up(self) -> float:
        """When a call that begins now has waited long enough, on the loop's clock."""
        return asyncio.get_running_loop().time() + self._deadline

    def _failed(self, error: Exception, *, committing: bool = False) -> StoreFault:
        fault = fault_of(error, committing=committing)
        if fault.kind in BROKEN:
            self.disconnect()  # which rolls back
        else:
            self._roll_back()
        return fault

    def _roll_back(self) -> None:
        if self._session is None or not self._session.connection.in_transaction:
            return
        try:
            self._session.connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.disconnect()


class Reader(Lane):
    """Reads a snapshot; never waits for a writer."""

    def __init__(self, opener: Callable[[], Session], deadline: float) -> None:
        super().__init__(opener, "BEGIN", deadline)

    async def ask(self, verb: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a verb that only reads."""

        def attempt() -> R:
            return self.transact(verb, *args, **kwargs)

        return await self._patiently(self._give_up(), attempt)


class Writer(Lane):
    """Holds the file's write lock for one verb at a time. `inline_rows`: see `SQLiteStore`."""

    def __init__(self, opener: Callable[[], Session], deadline: float, inline_rows: int | None) -> None:
        super().__init__(opener, "BEGIN IMMEDIATE", deadline)
        self._inline_rows = inline_rows
        self._turn = asyncio.Lock()
        self._threads: ThreadPoolExecutor | None = None

    async def ask(self, size: int, verb: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a verb that writes about `size` rows."""

        def attempt() -> R:
            return self.transact(verb, *args, **kwargs)

        give_up = self._give_up()  # waiting for our turn counts
        if self._inline_rows is None or size <= self._inline_rows:
            async with self._turn:
                return await self._patiently(give_up, attempt)
        return await self._on_thread(give_up, attempt)

    async def lend(self) -> None:
        """Somebody else in this process is about to write to the file: our own verbs wait, in order, for
        `take_back`."""
        await self._turn.acquire()

    def take_back(self) -> None:
        """The other is done."""
        self._turn.release()

    async def _on_thread(self, give_up: float, attempt: Callable[[], R]) -> R:
        """The turn ends when the thread is done, also if the caller is cancelled before."""
        await self._turn.acquire()
        try:
            self._threads = self._threads or ThreadPoolExecutor(1, "stepwell-sqlite")
            work = asyncio.ensure_future(self._patiently(give_up, attempt, self._threads))
        except BaseException:
            self._turn.release()
            raise
        work.add_done_callback(self._end_turn)
        return await asyncio.shield(work)

    def _end_turn(self, work: "asyncio.Future[R]") -> None:
        self._turn.release()
        if not work.cancelled():
            work.exception()  # seen, even if the caller has gone

    def close(self) -> None:
        """Also waits for the thread."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=True)
        super().close()
