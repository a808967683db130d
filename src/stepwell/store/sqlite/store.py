"""`SQLiteStore`: the verbs of `Store` on one SQLite file. What each does is told in `store/api.py`."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from time import time as machine_clock
from typing import TypeVar
from uuid import UUID

from stepwell.model.looking import ExecutorRow, Outcome, RunFilter, RunRow, StepRow
from stepwell.model.messaging import (
    EventRow,
    EventWrite,
    Message,
    NewMessage,
    Published,
    Sent,
    StreamEntry,
    StreamWrite,
)
from stepwell.model.resumption import Resumption
from stepwell.model.rows import Batch, Committed, Leave, NewRun, Started
from stepwell.model.transactions import Standing
from stepwell.store.api import MigrationState, StoreIdentity
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.hints import Ear
from stepwell.store.sqlite import (
    cancellation,
    executors,
    journal,
    listening,
    listing,
    messages,
    migrating,
    operators,
    ownership,
    publications,
    starts,
    tokens,
    waits,
)
from stepwell.store.sqlite.claims import ClaimVerbs
from stepwell.store.sqlite.coalescing import CoalescingVerbs
from stepwell.store.sqlite.connection import BUSY_TIMEOUT, WAL_LIMIT, WAL_PATIENCE, Session, connect
from stepwell.store.sqlite.heartbeat import SQLiteHeartbeat
from stepwell.store.sqlite.lanes import Reader, Writer
from stepwell.store.sqlite.published import PublishedEvents
from stepwell.store.sqlite.queues import QueueVerbs
from stepwell.store.sqlite.schedules import ScheduleVerbs
from stepwell.store.sqlite.transactions import SQLiteDialect, owns, standing
from stepwell.store.sqlite.wal import cut_back
from stepwell.store.sqlite.warn import warnings
from stepwell.store.sqlite.watching import WatchingVerbs

T = TypeVar("T")

#: Batches of more rows than this leave the event loop's thread; below, the hop costs more than it frees.
INLINE_ROWS = 64


class SQLiteStore(ClaimVerbs, QueueVerbs, CoalescingVerbs, ScheduleVerbs, PublishedEvents, WatchingVerbs):
    """All state in one file, in WAL mode; several processes may share it (not over a network file system).

    path: the file; `migrate` makes it, nothing else does.
    synchronous: "FULL" survives a crash of the machine; "NORMAL" only one of the process, and is faster.
    call_deadline: seconds to wait for other processes' transactions before StoreFault(CONTENTION).
    clock: unix seconds; it *is* the database's clock. None: the machine's, which is right here
        and nowhere else in the program, because this database lives on this machine.
    inline_rows: verbs with more rows than this run on a thread; None: nothing ever does, so that a
        simulation is deterministic.
    """

    def __init__(
        self,
        path: str | Path,
        identity: StoreIdentity,
        *,
        synchronous: str = "FULL",
        call_deadline: float = 10.0,
        clock: Callable[[], float] | None = None,
        inline_rows: int | None = INLINE_ROWS,
    ) -> None:
        if synchronous not in ("FULL", "NORMAL", "OFF", "EXTRA"):
            raise ValueError(f"synchronous must be FULL, NORMAL, EXTRA or OFF, not {synchronous!r}")
        self.path = Path(path)
        self.identity = identity
        self._synchronous = synchronous
        self._call_deadline = call_deadline
        self._clock = clock or machine_clock
        self._inline_rows = inline_rows
        self._writer: Writer | None = None
        self._reader: Reader | None = None

    # -- life of the store ------------------------------------------------------------------------------

    async def open(self) -> None:
        assert self._writer is None, "this store is open already"
        self._writer = Writer(self._session, self._call_deadline, self._inline_rows)
        self._reader = Reader(partial(self._session, read_only=True), self._call_deadline)

    async def close(self) -> None:
        writer, reader = self._writer, self._reader
        self._writer = self._reader = None
        if reader is not None:
            reader.close()
        if writer is not None:
            writer.close()

    async def migrate(self) -> list[str]:
        creator = Writer(partial(self._session, create=True), self._call_deadline, None)
        try:
            return await creator.ask(0, migrating.migrate)
        finally:
            creator.close()

    async def migrations(self) -> list[MigrationState]:
        if not self.path.exists():
            return [MigrationState(m.number, m.name, m.kind, None) for m in migrating.known()]
        return await self._read.ask(migrating.states)

    async def warnings(self) -> list[str]:
        return await self._read.ask(warnings, self._synchronous)

    async def tidy(self) -> str | None:
        opener = partial(connect, self.path, self._clock, synchronous=self._synchronous, busy_timeout=WAL_PATIENCE)
        if self._inline_rows is None:
            return cut_back(self.path, WAL_LIMIT, opener)
        return await asyncio.to_thread(cut_back, self.path, WAL_LIMIT, opener)

    async def now(self) -> float:
        return self._clock()

    def heartbeat_port(self) -> SQLiteHeartbeat:
        return SQLiteHeartbeat(partial(self._session, busy_timeout=self._call_deadline), self._call_deadline)

    async def listen(self, ear: Ear) -> None:
        await listening.listen(self._write, self._read, ear)

    # -- starts and the journal ------------------------------------------------------------------------

    async def start(self, runs: Sequence[NewRun]) -> list[Started]:
        return await self._write.ask(len(runs), starts.start, runs)

    async def commit(self, batch: Batch) -> Committed:
        return await self._write.ask(len(batch), journal.commit, batch)

    # -- ownership -------------------------------------------------------------------------------------

    async def register(
        self, incarnation: UUID, label: str, lease: float, serves: Sequence[str], queues: Sequence[str]
    ) -> float:
        return await self._write.ask(1, executors.register, incarnation, label, lease, serves, queues)

    async def set_draining(self, incarnation: UUID) -> None:
        await self._write.ask(1, executors.set_draining, incarnation)

    async def unregister(self, incarnation: UUID) -> None:
        await self._write.ask(1, executors.unregister, incarnation)

    async def executors(self) -> list[ExecutorRow]:
        return await self._read.ask(executors.executors)

    async def cancels(self, incarnation: UUID) -> dict[UUID, str]:
        return await self._read.ask(executors.cancels, incarnation)

    async def leave(self, leaves: Sequence[Leave]) -> list[bool | None]:
        return await self._write.ask(len(leaves), ownership.leave, leaves)

    async def wake(self, limit: int) -> int:
        return await self._write.ask(limit, waits.wake, limit)

    async def wake_due(self, limit: int) -> int:
        return await self._write.ask(limit, waits.wake_due, limit)

    async def wake_parked(self, run_ids: Sequence[UUID]) -> int:
        return await self._write.ask(len(run_ids), waits.wake_parked, run_ids)

    async def wake_waiters_of(self, ended: Sequence[UUID]) -> int:
        return await self._write.ask(len(ended), waits.wake_waiters_of, ended)

    async def next_wake(self) -> tuple[float | None, float]:
        return await self._read.ask(waits.next_wake)

    # -- messages, events, streams ---------------------------------------------------------------------

    async def send(self, new: Sequence[NewMessage]) -> list[Sent]:
        return await self._write.ask(len(new), messages.send, new)

    async def unconsumed(self, wanted: Sequence[tuple[UUID, str | None]], limit: int) -> list[Message]:
        return await self._read.ask(messages.unconsumed, wanted, limit)

    async def publish(self, events: Sequence[EventWrite], entries: Sequence[StreamWrite]) -> list[Published]:
        return await self._write.ask(len(events) + len(entries), publications.publish, events, entries)

    async def events(self, wanted: Sequence[tuple[UUID, str]]) -> list[EventRow]:
        return await self._read.ask(publications.events, wanted)

    async def streams(self, wanted: Sequence[tuple[UUID, str, int]], limit: int) -> list[list[StreamEntry]]:
        return await self._read.ask(publications.streams, wanted, limit)

    async def secret(self, name: str, proposal: str) -> str:
        return await self._write.ask(1, tokens.secret, name, proposal)

    async def answered_by(self, run_id: UUID, key: str) -> str | None:
        return await self._read.ask(tokens.answered_by, run_id, key)

    # -- sweeps ----------------------------------------------------------------------------------------

    async def acquire_sweep(self, incarnation: UUID, ttl: float) -> bool:
        return await self._write.ask(1, executors.acquire_sweep, incarnation, ttl)

    async def acquire_retention(self, incarnation: UUID, ttl: float) -> bool:
        return await self._write.ask(1, executors.acquire_retention, incarnation, ttl)

    async def reap(self, dead: Sequence[tuple[UUID, int]], limit: int) -> tuple[int, int]:
        return await self._write.ask(limit, ownership.reap, dead, limit)

    async def reap_orphans(self, limit: int) -> int:
        return await self._write.ask(limit, ownership.reap_orphans, limit)

    async def owned(self, incarnation: UUID) -> list[tuple[UUID, int]]:
        return await self._read.ask(ownership.owned, incarnation)

    async def expire_deadlines(self, limit: int) -> int:
        return await self._write.ask(limit, cancellation.expire_deadlines, limit)

    async def children_left(self, after: UUID | None, parents: int, limit: int) -> tuple[list[UUID], UUID | None]:
        return await self._read.ask(cancellation.children_left, after, parents, limit)

    async def retry_blocked(self, routes: Sequence[tuple[str, str]], limit: int) -> int:
        return await self._write.ask(limit, ownership.retry_blocked, routes, limit)

    async def purge(self, older_than: float, limit: int) -> int:
        return await self._write.ask(limit, operators.purge, older_than, limit)

    # -- looking ---------------------------------------------------------------------------------------

    async def outcomes(self, run_ids: Sequence[UUID]) -> list[Outcome]:
        return await self._read.ask(listing.outcomes, run_ids)

    async def find_run(self, workflow_id: str) -> RunRow | None:
        return await self._read.ask(listing.find_run, workflow_id)

    async def get_run(self, run_id: UUID) -> RunRow | None:
        return await self._read.ask(listing.get_run, run_id)

    async def list_runs(self, where: RunFilter, payloads: bool = False) -> list[RunRow]:
        return await self._read.ask(listing.list_runs, where, payloads)

    async def count_runs(self, where: RunFilter) -> int:
        return await self._read.ask(listing.count_runs, where)

    async def list_steps(
        self, run_id: UUID, payloads: bool = True, limit: int = 1000, after_pos: int = -1
    ) -> list[StepRow]:
        return await self._read.ask(listing.list_steps, run_id, payloads, limit, after_pos)

    # -- users' transactions in this file ----------------------------------------------------------------

    def dialect(self) -> SQLiteDialect:
        return SQLiteDialect(self.identity, self._clock, self.path)

    async def standing(self, run_id: UUID, epoch: int, branch: str, seq: int) -> Standing:
        return await self._read.ask(standing, run_id, epoch, branch, seq)

    async def owns(self, run_id: UUID, epoch: int) -> bool:
        return await self._read.ask(owns, run_id, epoch)

    async def touch(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        return await call()

    async def stand_back(self) -> None:
        await self._write.lend()

    def come_back(self) -> None:
        if self._writer is not None:
            self._writer.take_back()

    # -- operators' verbs ------------------------------------------------------------------------------

    async def request_cancel(self, run_ids: Sequence[UUID], reason: str, force: bool, children: bool) -> list[UUID]:
        return await self._write.ask(len(run_ids), cancellation.request_cancel, run_ids, reason, force, children)

    async def abandon_children(self, run_id: UUID) -> None:
        await self._write.ask(1, cancellation.abandon_children, run_id)

    async def resume(self, run_id: UUID) -> bool:
        return await self._write.ask(1, operators.resume, run_id)

    async def resume_failed(self, runs: Sequence[Resumption]) -> bool:
        return await self._write.ask(len(runs), operators.resume_failed, runs)

    async def rewind(self, run_id: UUID, branch: str, seq: int) -> bool:
        return await self._write.ask(1, operators.rewind, run_id, branch, seq)

    async def fork(self, run_id: UUID, branch: str, seq: int, new: NewRun) -> bool:
        return await self._write.ask(1, operators.fork, run_id, branch, seq, new)

    async def delete(self, run_id: UUID) -> bool:
        return await self._write.ask(1, operators.delete, run_id)

    async def update_attributes(self, run_id: UUID, attributes: str) -> None:
        await self._write.ask(1, operators.update_attributes, run_id, attributes)

    # -- inside ----------------------------------------------------------------------------------------

    @property
    def _write(self) -> Writer:
        if self._writer is None:
            raise StoreFault(FaultKind.CONNECTION, "the store is not open")
        return self._writer

    @property
    def _read(self) -> Reader:
        if self._reader is None:
            raise StoreFault(FaultKind.CONNECTION, "the store is not open")
        return self._reader

    def _session(self, *, create: bool = False, read_only: bool = False, busy_timeout: float = BUSY_TIMEOUT) -> Session:
        connection = connect(
            self.path,
            self._clock,
            create=create,
            read_only=read_only,
            synchronous=self._synchronous,
            busy_timeout=busy_timeout,
        )
        return Session(connection, self.identity)
