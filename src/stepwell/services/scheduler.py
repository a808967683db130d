"""Starts what schedules say, when the database's clock says that it is time.

Every process of an app has one, and nothing else is needed to agree: a step along a timetable is one transaction with a
compare-and-set on the row, and a tick's run has the id of the tick. Level-triggered: a process that dies between two
steps leaves a row that is due, for whoever looks next.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from stepwell.core import cancel
from stepwell.core.schedule_plan import plan
from stepwell.core.schedule_rows import iso, run_of
from stepwell.errors import InvalidArgument
from stepwell.model.schedules import DueSchedule, DueSchedules, Firing
from stepwell.services.service import Service
from stepwell.store.faults import FaultKind, StoreFault

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: Schedules of one look, and of one transaction.
_LIMIT = 200
_TOGETHER = 50
#: How often it looks for safety's sake, seconds.
LONGEST_PAUSE_SECONDS = 30.0
#: Our estimate of the database's time may be a little ahead of it: without a pause we would ask until it is not.
_SHORTEST_PAUSE_SECONDS = 0.01
#: After a look or a step that has failed, seconds.
_RETRY_SECONDS = 1.0


class Scheduler(Service):
    """Looks when the earliest tick is due, when a schedule was changed, when a run has ended for which a tick waits."""

    def __init__(self, runtime: "Runtime") -> None:
        super().__init__(runtime)
        self._earliest: float | None = None
        self._waits_for: set[UUID] = set()
        self._unreadable: dict[str, int] = {}  # name -> the revision of which it was said

    async def once(self) -> None:
        """Fire what is due, until nothing moves any more."""
        runtime = self.runtime
        runtime.schedules.clear()
        self._earliest = runtime.clock.now() + _RETRY_SECONDS  # unless a look says better
        moved, found = True, DueSchedules([], None, 0.0)
        while moved and not runtime.draining:
            found = await self._look()
            planned = [step for due in found.due if (step := self._step(due, found.now)) is not None]
            moved = False  # or others were first: look where those schedules stand now
            for first in range(0, len(planned), _TOGETHER):
                moved = await self._fire(planned[first : first + _TOGETHER]) or moved
        self._earliest = found.earliest

    async def _look(self) -> DueSchedules:
        runtime = self.runtime
        sent = runtime.env.monotonic()
        found = await runtime.store.due_schedules(_LIMIT)
        runtime.clock.observe(found.now, sent, runtime.env.monotonic())
        return found

    def _step(self, due: DueSchedule, now: float) -> Firing | None:
        """Its next step along its timetable; None if there is none yet, or none that can be read here."""
        runtime, row = self.runtime, due.row
        try:
            planned = plan(due, now, runtime.settings.catch_up_limit)
        except InvalidArgument as error:  # a time zone that this machine does not know, a row of a later release
            if self._unreadable.get(row.name) != row.revision:
                self._unreadable[row.name] = row.revision
                runtime.log.error("the schedule %r cannot be read here: %s", row.name, error)
            return None
        if planned.waits_for is not None:
            self._wait_for(planned.waits_for)
            return None
        return Firing(
            row.name,
            row.revision,
            planned.next_fire,
            [run_of(runtime, row, tick, now) for tick in planned.ticks],
            fired=planned.ticks[-1] if planned.ticks else None,
            skipped=planned.skipped,
            cancels=planned.cancels,
        )

    async def _fire(self, firings: Sequence[Firing]) -> bool:
        """Together; if the database refuses a value of one of them, each by itself. Whether any schedule moved."""
        runtime = self.runtime
        try:
            fired = await runtime.store.fire(firings)
        except StoreFault as fault:
            if fault.kind is not FaultKind.PAYLOAD:
                raise
            if len(firings) == 1:
                runtime.log.error("the schedule %r cannot be fired: %s", firings[0].name, fault.told)
                return False
            return any([await self._fire([firing]) for firing in firings])
        for firing, started in zip(firings, fired, strict=True):
            if started is not None:
                self._fired(firing)
        return True

    def _fired(self, firing: Firing) -> None:
        runtime = self.runtime
        runtime.work.set()
        if firing.skipped is not None:
            runtime.log.info("the schedule %r passes ticks over, the newest of %s", firing.name, iso(firing.skipped))
        if firing.cancels is not None:
            cancel.known(runtime, firing.cancels, "schedule")
            runtime.watch.elsewhere(firing.cancels)
            runtime.hints.cancels.set()  # of its children that run here

    def _wait_for(self, run_id: UUID) -> None:
        if run_id not in self._waits_for:
            self._waits_for.add(run_id)
            self.runtime.watch.when_ended(run_id, self._ended)

    def _ended(self, run_id: UUID) -> None:
        self._waits_for.discard(run_id)
        self.runtime.schedules.set()

    async def pause(self) -> None:
        """Until the earliest tick by the database's clock, whatever that clock does; a change; or half a minute."""
        runtime = self.runtime
        alarm = None
        try:
            async with asyncio.timeout(LONGEST_PAUSE_SECONDS):
                if self._earliest is not None:
                    soonest = runtime.clock.now() + _SHORTEST_PAUSE_SECONDS
                    alarm = runtime.alarms.at(max(self._earliest, soonest), runtime.schedules.set)
                await runtime.schedules.wait()
        except TimeoutError:
            pass
        finally:
            if alarm is not None:
                alarm.cancel()
