"""Looks for what dead processes left, for waits that are due and deadlines that are over; and audits itself.

Every process has one, one at a time sweeps (a row lease). "Dead" takes two proofs: the lease is over by the database's
clock, and the beat has not moved for a full lease of *our* monotonic clock during
which our own reads worked. So neither an outage nor a jump of the database's clock makes everybody reap everybody.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

from stepwell.core import cancel, event_sweeping
from stepwell.model.looking import ExecutorRow
from stepwell.model.rows import Leave
from stepwell.model.status import Status
from stepwell.model.words import counted
from stepwell.services.service import Service

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

_LIMIT = 500
#: Runs of dead processes: more, because claims wait while they are taken over.
_REAP_LIMIT = 2000

#: So many parents with live children are looked at per round; the next round goes on after them.
_PARENTS = 2000


class Sweeper(Service):
    """Rounds every `sweep_interval`, jittered."""

    def __init__(self, runtime: "Runtime") -> None:
        super().__init__(runtime)
        self._seen: dict[UUID, tuple[int, float]] = {}  # incarnation -> (beat, our clock when it was first seen)
        #: (run, epoch) that only we (True) or only the database (False) say are ours -> when first seen.
        self._doubts: dict[tuple[tuple[UUID, int], bool], float] = {}
        self._last_round = float("-inf")
        self._closed_until: UUID | None = None

    async def once(self) -> None:
        """One round; every part is bounded and repeats while it finds as much as it may take."""
        runtime = self.runtime
        if runtime.draining:
            return
        await self._audit()
        await self._retry_blocked()
        await event_sweeping.sweep(runtime)
        # Everybody observes: whoever sweeps next need not begin to.
        dead = self._dead(await runtime.store.executors())
        if not await runtime.store.acquire_sweep(runtime.incarnation, runtime.settings.sweep_interval * 3):
            return
        found = await self._reap(dead) if dead else 0
        store = runtime.store
        found += await self._all(lambda: store.reap_orphans(_LIMIT))
        found += await self._all(lambda: store.wake(_LIMIT))
        found += await self._all(lambda: store.expire_deadlines(_LIMIT))
        # What the process of a parent does at once, unless it dies between the parent's outcome and this.
        self._closed_until = await cancel.close_children(runtime, self._closed_until, _PARENTS)
        if found:
            runtime.work.set()
            runtime.watch.hint()

    async def _retry_blocked(self) -> None:
        """Whoever sweeps for all: only this process knows which code it has."""
        served = sorted({(route, d.code_hint) for route, d in self.runtime.served().items()})
        if served:
            await self._all(lambda: self.runtime.store.retry_blocked(served, _LIMIT))

    async def _all(self, part: Callable[[], Awaitable[int]], limit: int = _LIMIT) -> int:
        """Repeat a bounded part while it finds as much as it may take, and let what it found begin meanwhile."""
        found = 0
        while (count := await part()) > 0:
            found += count
            self.runtime.work.set()
            if count < limit:
                break
        return found

    async def _reap(self, dead: list[tuple[UUID, int]]) -> int:
        runtime = self.runtime
        skipped = 0

        async def part() -> int:
            nonlocal skipped
            taken, skipped = await runtime.store.reap(dead, _REAP_LIMIT)
            return taken

        found = await self._all(part, _REAP_LIMIT)
        if found:
            whose = counted(len(dead), "dead process", "dead processes")
            runtime.log.warning("took %s over from %s", counted(found, "run"), whose)
        if skipped:
            what = counted(skipped, "run of dead processes is", "runs of dead processes are")
            runtime.log.warning("%s locked by open transactions; next round", what)
        return found

    async def pause(self) -> None:
        """The interval, jittered, so that processes do not sweep in step."""
        await asyncio.sleep(self.runtime.settings.sweep_interval * (0.8 + 0.4 * self.runtime.env.random()))

    def _dead(self, executors: list[ExecutorRow]) -> list[tuple[UUID, int]]:
        now = self.runtime.env.monotonic()
        lease = self.runtime.settings.lease
        if now - self._last_round > lease:
            self._seen.clear()  # our own reads did not work for a while: what we saw before proves nothing
        self._last_round = now
        # A locked file, a read-only server: reads work, nobody's beats do. Silence counts while ours come through.
        steady_since = self.runtime.steady_since if self.runtime.beats_steadily(now) else now
        seen = {}
        dead = []
        for row in executors:
            beat, since = self._seen.get(row.incarnation, (-1, now))
            if beat != row.beat:
                beat, since = row.beat, now
            since = max(since, steady_since)
            seen[row.incarnation] = (beat, since)
            if row.lease_over and now - since >= lease and row.incarnation != self.runtime.incarnation:
                dead.append((row.incarnation, beat))
        self._seen = seen
        return dead

    async def _audit(self) -> None:
        """Rows that the database says are ours and that we do not execute: given back, never re-adopted. Runs that we
        execute and that it says are not ours: lost; one that only waits would not notice for as long as it waits. Of
        one that has rows on their way, perhaps its first, the journal will hear."""
        runtime = self.runtime
        owned = set(await runtime.store.owned(runtime.incarnation))
        executed = {(run_id, execution.epoch): execution for run_id, execution in runtime.executions.items()}
        quiet = {doubt for doubt, execution in executed.items() if not execution.has_rows_on_their_way}
        doubts = {(doubt, True) for doubt in quiet - owned} | {(doubt, False) for doubt in owned - executed.keys()}
        for doubt, by_us in self._doubted_for_long(doubts):
            if by_us:
                executed[doubt].lost()
            else:
                await runtime.leave(Leave(*doubt, Status.ENQUEUED, "its owner did not know it"), patience=0.0)
                runtime.work.set()

    def _doubted_for_long(self, doubts: set[tuple[tuple[UUID, int], bool]]) -> list[tuple[tuple[UUID, int], bool]]:
        """Those seen before, longer ago than any answer or commit can be on its way."""
        now = self.runtime.env.monotonic()
        self._doubts = {doubt: self._doubts.get(doubt, now) for doubt in doubts}
        limit = 2 * self.runtime.settings.call_deadline
        return [doubt for doubt, first in self._doubts.items() if now - first > limit]
