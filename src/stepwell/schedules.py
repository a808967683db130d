"""`engine.schedules` and `engine.aio.schedules`: schedules as they are now, changed while everything runs."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypeVar, Unpack, overload

from stepwell.core import scheduling
from stepwell.core.outside import from_any_loop
from stepwell.core.runtime import Runtime
from stepwell.core.schedule import Schedule, ScheduleKeywords
from stepwell.handle import AsyncHandle, Handle
from stepwell.hosting import Host
from stepwell.model.schedules import ScheduleInfo, Tick

T = TypeVar("T")

# Within the classes `list` is a verb.
Ticks: TypeAlias = list[Tick]
Infos: TypeAlias = list[ScheduleInfo]
Handles: TypeAlias = list[Handle[Any]]
AsyncHandles: TypeAlias = list[AsyncHandle[Any]]


class Schedules:
    """All schedules of the engine's namespace. Blocking; `engine.aio.schedules` awaits.

    ::

        engine.schedules.update("nightly", cron="0 4 * * *")
        for tick in engine.schedules.next_fires("nightly"):
            print(tick.at, tick.mark or "")

    A change counts from its commit on, in every process, and stays when the code that declares the schedule is
    launched again: a declaration changes only what nobody has changed since the last one.
    Every verb raises InvalidArgument before any effect, ScheduleNotFound, StoreUnavailable.
    """

    def __init__(self, host: Host) -> None:
        self._host = host

    def create(self, schedule: Schedule) -> ScheduleInfo:
        """A new one, of this engine's name: its processes fire it. Raises ScheduleConflict if the name is taken."""
        return self._host._block(lambda runtime: scheduling.create(runtime, schedule))

    def update(self, name: str, **fields: Unpack[ScheduleKeywords]) -> ScheduleInfo:
        """Replace some fields: those of `Schedule` but its name. With another cadence or time zone it begins anew: what
        was missed before is not made up for.

        engine.schedules.update("nightly", cron="0 4 * * *", overlap="queue")
        """
        return self._host._block(lambda runtime: scheduling.update(runtime, name, **fields))

    def get(self, name: str) -> ScheduleInfo:
        """One of them."""
        return self._host._block(lambda runtime: scheduling.get(runtime, name))

    def list(self) -> Infos:
        """All, by name; those of other engines too."""
        return self._host._block(scheduling.list_all)

    def pause(self, name: str) -> ScheduleInfo:
        """No tick is due from now on. What runs goes on."""
        return self._host._block(lambda runtime: scheduling.set_paused(runtime, name, True))

    def resume(self, name: str) -> ScheduleInfo:
        """Go on with the next tick from now; those of the pause are not missed ones."""
        return self._host._block(lambda runtime: scheduling.set_paused(runtime, name, False))

    def trigger(self, name: str) -> Handle[Any]:
        """Start a run now, beside the timetable: though it is paused, whatever else runs; `overlap` does not count it.

        engine.schedules.trigger("nightly").result(timeout=60)
        """
        return Handle(self._host._block(lambda runtime: scheduling.trigger(runtime, name)))

    @overload
    def backfill(self, name: str, start: datetime, end: datetime, *, preview: Literal[False] = False) -> Handles: ...
    @overload
    def backfill(self, name: str, start: datetime, end: datetime, *, preview: Literal[True]) -> Ticks: ...
    def backfill(self, name: str, start: datetime, end: datetime, *, preview: bool = False) -> Handles | Ticks:
        """Start the runs of all ticks of a range of the past, `start` included, `end` not; at most 10,000.

        With `preview` nothing is started: it returns the ticks. A tick whose run is there already is not started again,
        so a backfill may be repeated. All are enqueued at once, whatever `overlap` says: bind a queue with a limit
        to the call if that is too much.

        engine.schedules.backfill("nightly", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC))
        """
        if preview:
            return self._host._block(lambda runtime: scheduling.preview(runtime, name, start, end))
        refs = self._host._block(lambda runtime: scheduling.backfill(runtime, name, start, end))
        return [Handle(ref) for ref in refs]

    def next_fires(self, schedule: str | Schedule, count: int = 5) -> Ticks:
        """The ticks to come, in the schedule's time zone, marked where a change of clocks matters. Also of one that
        is paused, and of a `Schedule` that is not there yet. Jitter is not counted."""
        return self._host._block(lambda runtime: scheduling.upcoming(runtime, schedule, count))

    def delete(self, name: str) -> None:
        """Remove it; its runs stay. One that code declares comes back with the next launch: pause it instead."""
        self._host._block(lambda runtime: scheduling.delete(runtime, name))


class AsyncSchedules:
    """`Schedules`, awaited."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def _await(self, make: Callable[[Runtime], Coroutine[Any, Any, T]]) -> T:
        runtime = self._host.runtime
        return await from_any_loop(runtime, make(runtime))

    async def create(self, schedule: Schedule) -> ScheduleInfo:
        """See `Schedules.create`."""
        return await self._await(lambda runtime: scheduling.create(runtime, schedule))

    async def update(self, name: str, **fields: Unpack[ScheduleKeywords]) -> ScheduleInfo:
        """See `Schedules.update`."""
        return await self._await(lambda runtime: scheduling.update(runtime, name, **fields))

    async def get(self, name: str) -> ScheduleInfo:
        """See `Schedules.get`."""
        return await self._await(lambda runtime: scheduling.get(runtime, name))

    async def list(self) -> Infos:
        """See `Schedules.list`."""
        return await self._await(scheduling.list_all)

    async def pause(self, name: str) -> ScheduleInfo:
        """See `Schedules.pause`."""
        return await self._await(lambda runtime: scheduling.set_paused(runtime, name, True))

    async def resume(self, name: str) -> ScheduleInfo:
        """See `Schedules.resume`."""
        return await self._await(lambda runtime: scheduling.set_paused(runtime, name, False))

    async def trigger(self, name: str) -> AsyncHandle[Any]:
        """See `Schedules.trigger`."""
        return AsyncHandle(await self._await(lambda runtime: scheduling.trigger(runtime, name)))

    @overload
    async def backfill(
        self, name: str, start: datetime, end: datetime, *, preview: Literal[False] = False
    ) -> AsyncHandles: ...
    @overload
    async def backfill(self, name: str, start: datetime, end: datetime, *, preview: Literal[True]) -> Ticks: ...
    async def backfill(
        self, name: str, start: datetime, end: datetime, *, preview: bool = False
    ) -> AsyncHandles | Ticks:
        """See `Schedules.backfill`."""
        if preview:
            return await self._await(lambda runtime: scheduling.preview(runtime, name, start, end))
        refs = await self._await(lambda runtime: scheduling.backfill(runtime, name, start, end))
        return [AsyncHandle(ref) for ref in refs]

    async def next_fires(self, schedule: str | Schedule, count: int = 5) -> Ticks:
        """See `Schedules.next_fires`."""
        return await self._await(lambda runtime: scheduling.upcoming(runtime, schedule, count))

    async def delete(self, name: str) -> None:
        """See `Schedules.delete`."""
        await self._await(lambda runtime: scheduling.delete(runtime, name))
