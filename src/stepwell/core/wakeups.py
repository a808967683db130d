"""One timer for all parked runs of this process: it looks for due waits when the earliest is due."""

import asyncio
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from stepwell.core.alarms import Alarm
from stepwell.core.batcher import Batcher
from stepwell.core.heeding import Heed
from stepwell.model.rows import Wait

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

_LIMIT = 500
#: Before the next look when something is due already, seconds: doubled while it is the same thing (somebody's
#: transaction holds the run).
_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 1.0
#: Waits that somebody satisfies by writing a row; that a run has ended, `Watch` tells.
_FACTS = frozenset({"message", "event", "stream", "published"})


class Wakeups:
    """The sweep would find due waits too, but only every few seconds."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._parked: Batcher[UUID, None] = Batcher(self._wake_parked, _LIMIT, runtime.pause)
        self._timer: tuple[float, Alarm] | None = None
        self._stuck: float | None = None  # the earliest instant, as the last look left it
        self._pause = _PAUSE_SECONDS
        self._looking: asyncio.Task[None] | None = None
        self._again = False
        self._awaited: set[UUID] = set()
        #: Something was parked here since the beginning: before that no hint means anything here.
        self._any = False
        #: Who writes what a run is parked on wakes it too: a look at all of them is for those who died before.
        self._heed = Heed(runtime, self._look_at_all, _PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        self._at_all = False

    def at(self, instant: float) -> None:
        """Look at that instant of the database's clock, if nothing makes us look earlier. On the loop."""
        if self._runtime.closed:
            return
        if self._timer is not None:
            if self._timer[0] <= instant:
                return
            self._timer[1].cancel()
        runtime = self._runtime
        self._timer = (instant, runtime.alarms.at(instant, self._due))

    async def parked(self, run_id: UUID, waits: Collection[Wait]) -> None:
        """A run was parked here, with these waits. What they wait for may have come before they were there to be found:
        this looks once more. On the loop."""
        self._any = True
        for wait in waits:
            if wait.target_run is not None:
                self._when_ended(wait.target_run)
            if wait.wake_at is not None:
                self.at(wait.wake_at)
        if any(wait.kind in _FACTS for wait in waits):
            await self._parked.add(run_id)

    def awaits(self, run_id: UUID) -> bool:
        """Whether runs that were parked here wait for that one's end; then this wakes them."""
        return run_id in self._awaited

    def hint(self) -> None:
        """Something may have come that a parked run waits for: look soon."""
        if self._any:
            self._heed.hint()

    async def wake_waiters_of(self, run_id: UUID) -> None:
        """Wake who is parked until that run has ended, which it has."""
        await self._runtime.patient(self._runtime.store.wake_waiters_of, [run_id])
        self._runtime.work.set()

    async def close(self) -> None:
        """No more timers."""
        self._heed.close()
        if self._timer is not None:
            self._timer[1].cancel()
        await self._parked.close()

    # -- ends ----------------------------------------------------------------------------------------------------
    def _when_ended(self, run_id: UUID) -> None:
        if run_id not in self._awaited:
            self._awaited.add(run_id)
            self._runtime.watch.when_ended(run_id, self._ended)

    def _ended(self, run_id: UUID) -> None:
        self._awaited.discard(run_id)
        self._runtime.spawn(self.wake_waiters_of(run_id))

    async def _wake_parked(self, run_ids: Sequence[UUID]) -> list[None]:
        if await self._runtime.store.wake_parked(run_ids):
            self._runtime.work.set()
        return [None] * len(run_ids)

    # -- looking -------------------------------------------------------------------------------------------------
    def _due(self) -> None:
        self._timer = None
        self._look_now()

    def _look_at_all(self) -> None:
        self._at_all = True
        self._look_now()

    def _look_now(self) -> None:
        """One look at a time."""
        if self._runtime.closed:
            return
        if self._looking is not None:
            self._again = True
            return
        self._looking = self._runtime.spawn(self._look_and_rearm())
        self._looking.add_done_callback(self._looked, context=self._runtime.context)

    def _looked(self, looking: "asyncio.Task[None]") -> None:
        self._looking = None
        if self._again and not looking.cancelled():
            self._again = False
            self._look_now()

    async def _look(self) -> None:
        """Wake what is due, or after a hint what is satisfied too, and have it claimed."""
        runtime = self._runtime
        at_all, self._at_all = self._at_all, False
        verb = runtime.store.wake if at_all else runtime.store.wake_due
        found = 0
        while (woken := await runtime.patient(verb, _LIMIT)) == _LIMIT:
            found += woken
            runtime.work.set()
        runtime.work.set()
        if at_all:
            self._heed.looked(found + woken > 0)

    async def _look_and_rearm(self) -> None:
        """Whatever happens, the timer is set again: who is parked relies on it."""
        runtime = self._runtime
        try:
            await self._look()
            sent = runtime.env.monotonic()
            earliest, now = await runtime.patient(runtime.store.next_wake)
        except Exception:
            runtime.log.exception("looking for waits that are due failed; it repeats")
            self.at(runtime.clock.now() + _LONGEST_PAUSE_SECONDS)
            return
        runtime.clock.observe(now, sent, runtime.env.monotonic())
        if earliest is None:
            return
        stuck = earliest <= now and earliest == self._stuck
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS) if stuck else _PAUSE_SECONDS
        self._stuck = earliest
        # Our clock may be a little ahead of the database's: without a pause we would ask until it is not.
        self.at(max(earliest, now + self._pause))
