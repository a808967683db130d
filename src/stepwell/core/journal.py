"""The journal: group commit of everything that runs must remember.

Executions append rows; one writer takes all that waits, sends it in one round trip and one commit, and tells each
run's waiters. There is no linger: while one batch is in flight the next one gathers. Rows of one run stay in the
order in which they were appended, so "durable" is a count per run: appended against flushed.
"""

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepwell.core import cancel
from stepwell.core.env import Env
from stepwell.core.faults import PASSING, StoreHealth, backoff
from stepwell.core.inbox import Inbox
from stepwell.core.unwind import Fate
from stepwell.model.rows import Batch, Checkpoint, Committed, Finish, Intent, NewRun, Verdict
from stepwell.model.words import counted
from stepwell.store.api import Store
from stepwell.store.faults import FaultKind, StoreFault

if TYPE_CHECKING:
    from stepwell.core.execution import Execution

log = logging.getLogger("stepwell.journal")

Row = NewRun | Intent | Checkpoint | Finish
Entry = tuple["Execution", Row]

#: Wider batches are slower: the server digests 300-400 rows best (measured on PostgreSQL 15).
BATCH_ROWS = 350

#: Above this many waiting rows new steps wait before their bodies: back-pressure.
QUEUE_ROWS = 20_000

_UNKNOWN_TRIES = 5

#: What threads append and nobody waits for is sent this soon; the ticker ends after so many idle rounds.
_TICK_SECONDS = 0.005
_IDLE_TICKS = 20


class Journal:
    """One per engine. `append` is for the loop's thread, `append_from_thread` for all others."""

    def __init__(self, store: Store, env: Env, inbox: Inbox, health: StoreHealth) -> None:
        self._store = store
        self._env = env
        self._inbox = inbox
        self._health = health
        self._waiting: deque[Entry] = deque()
        self._sleeper: asyncio.Future[None] | None = None
        self._writing = False
        self._ticking = False
        self._idle_ticks = 0
        self._context = contextvars.Context()
        self._relieved = asyncio.Event()
        self._closed = False
        self.batches = 0
        self.rows = 0

    # -- appending ---------------------------------------------------------------------------------------
    def append(self, execution: "Execution", row: Row) -> None:
        """Queue a row; durable when `execution.flushed` has reached today's `execution.appended`."""
        if execution.unsent_start is not None:
            self._unshift_start(execution)
        execution.appended += 1
        self._waiting.append((execution, row))
        if self._sleeper is not None:
            self._wake()

    def append_from_thread(self, execution: "Execution", row: Row) -> None:
        """The same from a worker thread or the caller's.

        The writer is not woken for it: whoever needs it durable does that (`hurry`), usually some microseconds
        later, and with more to write. If nobody does, the ticker sends it soon.
        """
        with execution.lock:
            if execution.unsent_start is not None:
                self._unshift_start(execution)
            execution.appended += 1
            self._waiting.append((execution, row))
        if not self._ticking:
            self._ticking = True
            self._inbox.post(self._tick)

    def hurry(self) -> None:
        """Somebody waits for what is appended. From any thread."""
        if self._sleeper is not None:
            self._inbox.post(self._wake)

    def _tick(self) -> None:
        if self._waiting:
            self._wake()
            self._idle_ticks = 0
        else:
            self._idle_ticks += 1
        if self._idle_ticks > _IDLE_TICKS:
            self._idle_ticks = 0
            self._ticking = False
            if not self._waiting:  # else a thread has appended between the two lines above, and saw us ticking
                return
            self._ticking = True
        self._inbox.loop.call_later(_TICK_SECONDS, self._tick, context=self._context)

    def send_start(self, execution: "Execution") -> None:
        """A start that waits for its first checkpoint goes now."""
        with execution.lock:
            if execution.unsent_start is None:
                return
            self._unshift_start(execution)
        self.hurry()

    def _unshift_start(self, execution: "Execution") -> None:
        start = execution.unsent_start
        execution.unsent_start = None
        if start is not None:
            execution.appended += 1
            self._waiting.append((execution, start))

    @property
    def congested(self) -> bool:
        """More rows wait than the journal lets gather: new bodies wait until it has caught up."""
        return len(self._waiting) > QUEUE_ROWS

    async def relief(self) -> None:
        """Wait until the journal has caught up."""
        while self.congested:
            self._relieved.clear()
            await self._relieved.wait()

    def _wake(self) -> None:
        sleeper, self._sleeper = self._sleeper, None
        if sleeper is not None and not sleeper.done():
            sleeper.set_result(None)

    # -- the writer --------------------------------------------------------------------------------------
    async def run(self) -> None:
        """The writer's loop; ends after `close` when nothing waits."""
        while True:
            while self._waiting:
                self._writing = True
                await self._write_next()
                self._relieved.set()
            self._writing = False
            if self._closed:
                return
            self._sleeper = asyncio.get_running_loop().create_future()
            # A thread may have appended between the test above and this line, and seen no sleeper to wake.
            if self._waiting:
                self._sleeper = None
                continue
            await self._sleeper

    async def _write_next(self) -> None:
        entries = self._take()  # in a frame of its own: a sleeping writer must not keep the last runs alive
        try:
            await self._write(entries)
        except Exception as error:
            # A bug of ours must not stop everybody's checkpoints: these runs are given back.
            log.exception("the journal failed on %s; their runs are released", counted(len(entries), "row"))
            for execution, _ in entries:
                execution.unwind(Fate.RELEASED, f"internal error: {type(error).__name__}", recovery=True)
            _flush(entries)

    def close(self) -> None:
        """Let the writer end once everything that waits is written."""
        self._closed = True
        self._wake()

    def _take(self) -> list[Entry]:
        waiting = self._waiting
        if len(waiting) <= BATCH_ROWS:
            entries = []
            # Not list() and clear(): a thread may append in between.
            while waiting:
                entries.append(waiting.popleft())
            return entries
        return [waiting.popleft() for _ in range(BATCH_ROWS)]

    async def _write(self, entries: list[Entry]) -> None:
        """Commit these, whatever it takes, and settle every one of them."""
        attempt = unknown = 0
        while True:
            # What was found lost or forced meanwhile must not be sent again.
            batch = _batch(entries)
            try:
                committed = await self._store.commit(batch)
            except StoreFault as fault:
                if fault.kind in PASSING:
                    self._health.failed(fault)
                elif fault.kind is FaultKind.PAYLOAD or unknown + 1 >= _UNKNOWN_TRIES:
                    return await self._isolate(entries, fault)
                else:
                    unknown += 1
                await asyncio.sleep(backoff(attempt, self._env.random(), fault.kind))
                attempt += 1
                continue
            if self._health.fault is not None:
                self._health.worked()
            self.batches += 1
            self.rows += len(entries)
            if committed.all_written:
                if batch.intents:
                    _settle_dues(batch, committed, entries)
                _flush(entries)
                if committed.cancels:
                    _deliver_cancels(batch, committed, entries)
                return None
            entries = self._settle(batch, committed, entries)
            if not entries:
                return None
            # Busy rows: somebody's open transaction holds the run. Others must not wait for it.
            await asyncio.sleep(backoff(attempt, self._env.random(), FaultKind.CONTENTION))
            attempt += 1
            if attempt > 2 or self._waiting:
                self._waiting.extendleft(reversed(entries))  # in front: rows of one run keep their order
                return None

    async def _isolate(self, entries: list[Entry], fault: StoreFault) -> None:
        """Something in this batch cannot be written: halve it by runs until the culprit stands alone."""
        runs = list(dict.fromkeys(execution.run_id for execution, _ in entries))
        if len(runs) == 1:
            entries[0][0].unwritable(fault)
            return _flush(entries)
        first = set(runs[: len(runs) // 2])
        await self._write([entry for entry in entries if entry[0].run_id in first])
        await self._write([entry for entry in entries if entry[0].run_id not in first])

    def _settle(self, batch: Batch, committed: Committed, entries: list[Entry]) -> list[Entry]:
        """Apply verdicts run by run; returns the entries to send again."""
        verdicts: dict[int, Verdict] = {}
        pairs: list[tuple[list[Any], list[Verdict]]] = [
            (batch.starts, committed.starts),
            (batch.intents, committed.intents),
            (batch.checkpoints, committed.checkpoints),
            (batch.finishes, committed.finishes),
        ]
        for rows, given in pairs:
            for row, verdict in zip(rows, given, strict=True):
                verdicts[id(row)] = verdict
        _settle_dues(batch, committed, entries)
        again: list[Entry] = []
        held: set[UUID] = set()
        for execution, row in entries:
            verdict = verdicts[id(row)]
            if verdict is Verdict.BUSY or execution.run_id in held:
                # And all that the run appended after it: "durable" is a count, in order. Sent again, they are MINE.
                held.add(execution.run_id)
                again.append((execution, row))
                continue
            if verdict is Verdict.LOST:
                execution.lost()
            elif verdict is Verdict.CONFLICT:
                execution.conflict(row)
            execution.flushed += 1
        for execution in {id(e): e for e, _ in entries}.values():
            if execution.waiters:
                execution.release_waiters()
            reason = committed.cancels.get(execution.run_id)
            if reason is not None:
                cancel.requested(execution, reason)
        return [entry for entry in again if entry[0].fate is None]


def _batch(entries: list[Entry]) -> Batch:
    batch = Batch()
    sinks: dict[type, Callable[[Any], None]] = {
        Checkpoint: batch.checkpoints.append,
        Finish: batch.finishes.append,
        NewRun: batch.starts.append,
        Intent: batch.intents.append,
    }
    for _, row in entries:
        sinks[type(row)](row)
    return batch


def _flush(entries: list[Entry]) -> None:
    """The usual case: everything was written."""
    for execution, _ in entries:
        execution.flushed += 1
        if execution.waiters:
            execution.release_waiters()


def _deliver_cancels(batch: Batch, committed: Committed, entries: list[Entry]) -> None:
    """The commit is often the first to know of a request that another process has recorded."""
    ended = {finish.run_id for finish in batch.finishes}
    for execution in {id(execution): execution for execution, _ in entries}.values():
        reason = committed.cancels.get(execution.run_id)
        if reason is not None and execution.run_id not in ended:
            cancel.requested(execution, reason)


def _settle_dues(batch: Batch, committed: Committed, entries: list[Entry]) -> None:
    dues = {id(intent): due for intent, due in zip(batch.intents, committed.dues, strict=True)}
    for execution, row in entries:
        if isinstance(row, Intent) and (due := dues.get(id(row))) is not None:
            execution.due_known(row, due)
