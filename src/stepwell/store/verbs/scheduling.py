"""Schedules: rows that start runs when they are due. Names are unique in a namespace; each belongs to one app."""

from collections.abc import Sequence
from typing import Protocol

from stepwell.model.rows import NewRun, Started
from stepwell.model.schedules import DueSchedules, Firing, ScheduleRow


class SchedulingVerbs(Protocol):
    """See `store.api.Store`."""

    async def add_schedule(self, row: ScheduleRow) -> bool:
        """Insert it, with revision 1, for its app; False if the namespace has one of that name."""
        ...

    async def change_schedule(self, row: ScheduleRow) -> bool:
        """Replace everything but the app and what fires write (last_fire, last_skipped, last_run), if the revision is
        still the row's; revision + 1. False if it is not, or the schedule is gone."""
        ...

    async def delete_schedule(self, name: str) -> bool:
        """Its runs stay. False if there is none."""
        ...

    async def schedule(self, name: str) -> ScheduleRow | None:
        """Of this namespace, whatever its app."""
        ...

    async def schedules(self) -> list[ScheduleRow]:
        """All of this namespace, by name."""
        ...

    async def due_schedules(self, limit: int) -> DueSchedules:
        """Of this app, not paused, next_fire reached: at most `limit`, those whose last run is live (neither ended
        nor DEAD) behind the others, then by next_fire. `earliest` is the first next_fire that is not reached."""
        ...

    async def fire(self, firings: Sequence[Firing]) -> list[list[Started] | None]:
        """One transaction. For each, of schedules of different names: if the revision is still that, next_fire and what
        else the firing says, revision + 1; its runs, for the schedule's app, as `start` inserts them, so that a tick
        whose run is there already is not started twice; the cancellation of `cancels` with its children. None:
        somebody else was first, and nothing happened. Raises StoreFault(PAYLOAD) for all, if the database refuses a
        value."""
        ...

    async def start_beside(self, app: str, runs: Sequence[NewRun]) -> list[Started]:
        """`start` for another app of this namespace: ticks that people ask for, which leave the timetable alone."""
        ...
