"""Which verbs tell the other processes what: each tells after its commit, and only if it has changed something.

A start or a release concerns the processes of this app; what a person asks for or an end concerns its namespace; the
sweeps and wake-ups work for the whole schema.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from stepwell.model.messaging import Delivery, EventWrite, NewMessage, Published, Sent, StreamWrite
from stepwell.model.published import Announced, NewPublished
from stepwell.model.queues import Queue
from stepwell.model.resumption import Resumption
from stepwell.model.rows import Batch, Committed, Leave, NewRun, Started
from stepwell.model.schedules import Firing, ScheduleRow
from stepwell.model.status import Status
from stepwell.store.hints import Hint
from stepwell.store.postgres.claims import Claims
from stepwell.store.postgres.coalescing import Coalescing
from stepwell.store.postgres.commit import Journal
from stepwell.store.postgres.messages import Messages
from stepwell.store.postgres.notifier import Notifier
from stepwell.store.postgres.operators import Operators
from stepwell.store.postgres.publications import Publications
from stepwell.store.postgres.published import PublishedEvents
from stepwell.store.postgres.queues import Queues
from stepwell.store.postgres.schedules import Schedules
from stepwell.store.postgres.starts import Starts
from stepwell.store.postgres.sweeps import Sweeps

#: A cancellation may have to be delivered, may have put a run back for its cleanup, may have ended it, or may have
#: come just before its run parked.
_CANCELLED = Hint.WORK | Hint.ENDED | Hint.CANCEL | Hint.MESSAGE


class Telling(
    Starts, Claims, Messages, Publications, PublishedEvents, Sweeps, Operators, Schedules, Queues, Coalescing
):
    """The changing verbs, with the hints that follow them."""

    _notifier: Notifier
    _journal: Journal

    async def start(self, runs: Sequence[NewRun]) -> list[Started]:
        """See `Store.start`."""
        started = await super().start(runs)
        if any(run.status == Status.ENQUEUED for run in runs):
            self._notifier.hint(Hint.WORK)
        return started

    async def commit(self, batch: Batch) -> Committed:
        """See `Store.commit`."""
        committed = await self._journal.commit(batch)
        if batch.finishes:
            self._notifier.hint(Hint.ENDED)
        return committed

    def _ended_unstarted(self) -> None:
        self._notifier.hint(_CANCELLED)

    async def add_to_batch(self, run: NewRun, item: str, most: int, most_bytes: int) -> Started:
        """See `Store.add_to_batch`."""
        started = await super().add_to_batch(run, item, most, most_bytes)
        self._notifier.hint(Hint.WORK)
        return started

    async def declare_queues(self, queues: Sequence[Queue]) -> None:
        """See `Store.declare_queues`."""
        await super().declare_queues(queues)
        if queues:
            self._notifier.hint(Hint.WORK, any_app=True)

    async def set_queue(self, queue: Queue, only: Collection[str] | None = None) -> None:
        """See `Store.set_queue`."""
        await super().set_queue(queue, only)
        self._notifier.hint(Hint.WORK, any_app=True)

    async def purge_queue(self, name: str, limit: int) -> list[UUID]:
        """See `Store.purge_queue`."""
        purged = await super().purge_queue(name, limit)
        if purged:
            self._notifier.hint(_CANCELLED)
        return purged

    async def leave(self, leaves: Sequence[Leave]) -> list[bool | None]:
        """See `Store.leave`."""
        left = await super().leave(leaves)
        if any(leave.status == Status.ENQUEUED for leave in leaves):
            self._notifier.hint(Hint.WORK)
        if any(leave.queue for leave in leaves):
            self._notifier.hint(Hint.ENDED)  # a place in a queue is free: see Hints.heard
        return left

    async def wake(self, limit: int) -> int:
        """See `Store.wake`."""
        return self._tell_all(await super().wake(limit), Hint.WORK)

    async def wake_due(self, limit: int) -> int:
        """See `Store.wake_due`."""
        return self._tell_all(await super().wake_due(limit), Hint.WORK)

    async def wake_parked(self, run_ids: Sequence[UUID]) -> int:
        """See `Store.wake_parked`."""
        return self._tell_all(await super().wake_parked(run_ids), Hint.WORK)

    async def wake_waiters_of(self, ended: Sequence[UUID]) -> int:
        """See `Store.wake_waiters_of`."""
        return self._tell_all(await super().wake_waiters_of(ended), Hint.WORK)

    async def send(self, messages: Sequence[NewMessage]) -> list[Sent]:
        """See `Store.send`."""
        sent = await super().send(messages)
        # A duplicate may be our own: its first answer was lost, and then nobody was told.
        there = any(one.delivery in (Delivery.SENT, Delivery.DUPLICATE) for one in sent)
        self._tell_of(there, any(one.woke for one in sent))
        return sent

    async def publish(self, events: Sequence[EventWrite], entries: Sequence[StreamWrite]) -> list[Published]:
        """See `Store.publish`."""
        verdicts, woken = await self.published(events, entries)
        self._tell_of(Published.WRITTEN in verdicts, woken > 0)
        return verdicts

    async def announce(self, events: Sequence[NewPublished]) -> list[Announced]:
        """See `Store.announce`."""
        announced = await super().announce(events)
        # One that was there already may be our own: its first answer was lost, and then nobody was told.
        self._tell_of(bool(events), any(event.subscribers for event in events))
        return announced

    async def reap(self, dead: Sequence[tuple[UUID, int]], limit: int) -> tuple[int, int]:
        """See `Store.reap`."""
        taken, skipped = await super().reap(dead, limit)
        return self._tell_all(taken, Hint.WORK), skipped

    async def reap_orphans(self, limit: int) -> int:
        """See `Store.reap_orphans`."""
        return self._tell_all(await super().reap_orphans(limit), Hint.WORK)

    async def expire_deadlines(self, limit: int) -> int:
        """See `Store.expire_deadlines`."""
        return self._tell_all(await super().expire_deadlines(limit), _CANCELLED)

    async def retry_blocked(self, routes: Sequence[tuple[str, str]], limit: int) -> int:
        """See `Store.retry_blocked`."""
        return self._tell_all(await super().retry_blocked(routes, limit), Hint.WORK)

    async def request_cancel(self, run_ids: Sequence[UUID], reason: str, force: bool, children: bool) -> list[UUID]:
        """See `Store.request_cancel`."""
        touched = await super().request_cancel(run_ids, reason, force, children)
        if touched:
            self._notifier.hint(_CANCELLED)
        return touched

    async def resume(self, run_id: UUID) -> bool:
        """See `Store.resume`."""
        return self._tell_if(await super().resume(run_id))

    async def resume_failed(self, runs: Sequence[Resumption]) -> bool:
        """See `Store.resume_failed`."""
        return self._tell_if(await super().resume_failed(runs))

    async def rewind(self, run_id: UUID, branch: str, seq: int) -> bool:
        """See `Store.rewind`."""
        return self._tell_if(await super().rewind(run_id, branch, seq))

    async def fork(self, run_id: UUID, branch: str, seq: int, new: NewRun) -> bool:
        """See `Store.fork`."""
        return self._tell_if(await super().fork(run_id, branch, seq, new))

    async def add_schedule(self, row: ScheduleRow) -> bool:
        """See `Store.add_schedule`."""
        return self._tell_if(await super().add_schedule(row), Hint.SCHEDULES)

    async def change_schedule(self, row: ScheduleRow) -> bool:
        """See `Store.change_schedule`."""
        return self._tell_if(await super().change_schedule(row), Hint.SCHEDULES)

    async def fire(self, firings: Sequence[Firing]) -> list[list[Started] | None]:
        """See `Store.fire`."""
        fired = await super().fire(firings)
        hints = Hint.WORK if any(fired) else Hint(0)
        if any(
            firing.cancels is not None for firing, started in zip(firings, fired, strict=True) if started is not None
        ):
            hints |= _CANCELLED
        self._tell_if(bool(hints), hints)
        return fired

    async def start_beside(self, app: str, runs: Sequence[NewRun]) -> list[Started]:
        """See `Store.start_beside`."""
        started = await super().start_beside(app, runs)
        self._tell_if(bool(started))
        return started

    def _tell_of(self, written: bool, woke: bool) -> None:
        """Somebody may wait for what was written; a parked receiver or reader may be claimed, whatever its app."""
        hints = (Hint.MESSAGE if written else Hint(0)) | (Hint.WORK if woke else Hint(0))
        if hints:
            self._notifier.hint(hints, any_app=True)

    def _tell_all(self, count: int, hints: Hint) -> int:
        if count:
            self._notifier.hint(hints, whole_schema=True)
        return count

    def _tell_if(self, done: bool, hints: Hint = Hint.WORK) -> bool:
        if done:
            self._notifier.hint(hints, any_app=True)
        return done
