"""What people and code do with schedules: make, change, look, start a tick by hand, make up for a range."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Unpack

from stepwell.core import sealing
from stepwell.core.locked_file import writes
from stepwell.core.next_fires import marked, next_fires
from stepwell.core.ref import RunRef
from stepwell.core.schedule import Checked, Schedule, ScheduleKeywords, check_schedule_name, checked
from stepwell.core.schedule_rows import anchored, changed, declared, is_same, new_row, run_of
from stepwell.core.timetable import timetable
from stepwell.errors import ConfigurationError, InvalidArgument, ScheduleConflict, ScheduleNotFound
from stepwell.model.durations import instant, is_integer
from stepwell.model.rows import Started
from stepwell.model.schedules import ScheduleInfo, ScheduleRow, Tick

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: Ticks of one backfill, and runs of one of its transactions.
MOST_BACKFILLED = 10_000
_CHUNK = 500
#: Ticks that one question for the next ones gets.
MOST_SHOWN = 1000


@writes("schedules.create")
async def create(runtime: "Runtime", schedule: Schedule) -> ScheduleInfo:
    """A new schedule, of this engine's app. Raises ScheduleConflict."""
    if not isinstance(schedule, Schedule):
        raise InvalidArgument(f"create takes a Schedule, not {type(schedule).__name__}")
    row = await sealing.patiently(runtime, new_row, runtime, schedule, await _now(runtime), declared=False)
    if not await runtime.patient(runtime.store.add_schedule, row, outside=True):
        raise ScheduleConflict(f"there is a schedule {schedule.name!r} already: use schedules.update, or another name")
    runtime.schedules.set()
    return await get(runtime, schedule.name)


async def declare(runtime: "Runtime", schedule: Schedule) -> None:
    """At launch: make it, or let its row follow where nobody has changed it at run time. Raises ConfigurationError."""
    while True:
        now = await _now(runtime)
        code = await sealing.patiently(runtime, new_row, runtime, schedule, now, declared=True)
        row = await runtime.patient(runtime.store.schedule, schedule.name, outside=True)
        if row is None:
            if await runtime.patient(runtime.store.add_schedule, code, outside=True):
                break
            continue  # another process was first
        if row.app != code.app:
            raise ConfigurationError(
                f"the schedule {schedule.name!r} belongs to the engine {row.app!r} in this namespace: use another name"
            )
        new = declared(row, code, now)
        if is_same(row, new) or await runtime.patient(runtime.store.change_schedule, new, outside=True):
            break
    runtime.schedules.set()


@writes("schedules.update")
async def update(runtime: "Runtime", name: str, **fields: Unpack[ScheduleKeywords]) -> ScheduleInfo:
    """Change some fields; from now on. Raises ScheduleNotFound, InvalidArgument."""
    said = checked(**fields)
    return await _change(runtime, name, lambda row, now: changed(runtime, row, said, now))


@writes("schedules.pause or resume")
async def set_paused(runtime: "Runtime", name: str, paused: bool) -> ScheduleInfo:
    """Pause or resume; ticks that are due meanwhile are not missed ones."""
    return await _change(runtime, name, lambda row, now: changed(runtime, row, Checked(paused=paused), now))


async def get(runtime: "Runtime", name: str) -> ScheduleInfo:
    """Raises ScheduleNotFound."""
    return ScheduleInfo.of(await _row(runtime, name))


async def list_all(runtime: "Runtime") -> list[ScheduleInfo]:
    """All of this namespace, by name."""
    return [ScheduleInfo.of(row) for row in await runtime.patient(runtime.store.schedules, outside=True)]


@writes("schedules.delete")
async def delete(runtime: "Runtime", name: str) -> None:
    """Its runs stay. Raises ScheduleNotFound."""
    check_schedule_name(name)
    if not await runtime.patient(runtime.store.delete_schedule, name, outside=True):
        raise _not_found(name)
    runtime.schedules.set()


@writes("schedules.trigger")
async def trigger(runtime: "Runtime", name: str) -> RunRef:
    """Start a run now, beside the timetable: paused or not, whatever else runs. Raises ScheduleNotFound."""
    row = await _row(runtime, name)
    tick = await _now(runtime)
    while True:
        run = run_of(runtime, row, tick, tick, jittered=False)
        (started,) = await runtime.patient(runtime.store.start_beside, row.app, [run], outside=True)
        if started.created:
            break
        tick += 1e-6  # two at one moment, or a tick of the timetable
    runtime.work.set()
    return _ref(runtime, row, started)


async def preview(runtime: "Runtime", name: str, start: datetime, end: datetime) -> list[Tick]:
    """What `backfill` would start."""
    row = await _row(runtime, name)
    return marked(row.cadence, instant(start, "start"), _range(row, start, end, await _now(runtime)))


@writes("schedules.backfill")
async def backfill(runtime: "Runtime", name: str, start: datetime, end: datetime) -> list[RunRef]:
    """Start the runs of all ticks from `start` to before `end`, and not later than now: those to come are the
    timetable's. What is there already is not started again."""
    row = await _row(runtime, name)
    now = await _now(runtime)
    ticks = _range(row, start, end, now)
    refs: list[RunRef] = []
    for first in range(0, len(ticks), _CHUNK):
        runs = [run_of(runtime, row, tick, now) for tick in ticks[first : first + _CHUNK]]
        found = await runtime.patient(runtime.store.start_beside, row.app, runs, outside=True)
        refs += [_ref(runtime, row, started) for started in found]
        runtime.work.set()
    return refs


async def upcoming(runtime: "Runtime", which: str | Schedule, count: int) -> list[Tick]:
    """The next ticks of a schedule that is there, paused or not, or of one that is not."""
    if not is_integer(count, 1, MOST_SHOWN):
        raise InvalidArgument(f"count must be 1 to {MOST_SHOWN}, not {count!r}")
    now = await _now(runtime)
    if isinstance(which, Schedule):
        assert which.checked.cadence is not None
        return next_fires(anchored(which.checked.cadence, now), now, count)
    return next_fires((await _row(runtime, which)).cadence, now, count)


# -- inside --------------------------------------------------------------------------------------------------------


async def _change(runtime: "Runtime", name: str, change: Callable[[ScheduleRow, float], ScheduleRow]) -> ScheduleInfo:
    while True:
        row = await _row(runtime, name)
        new = await sealing.patiently(runtime, change, row, await _now(runtime))
        if await runtime.patient(runtime.store.change_schedule, new, outside=True):
            break
    runtime.schedules.set()
    return await get(runtime, name)


async def _row(runtime: "Runtime", name: str) -> ScheduleRow:
    check_schedule_name(name)
    row = await runtime.patient(runtime.store.schedule, name, outside=True)
    if row is None:
        raise _not_found(name)
    return row


async def _now(runtime: "Runtime") -> float:
    return await runtime.patient(runtime.store.now, outside=True)


def _range(row: ScheduleRow, start: datetime, end: datetime, now: float) -> list[float]:
    first, last = instant(start, "start"), instant(end, "end")
    if first >= last:
        raise InvalidArgument(f"start must be before end: {start.isoformat()}, {end.isoformat()}")
    ticks = timetable(row.cadence).newest(first, min(last, now), MOST_BACKFILLED + 2)
    ticks = [tick for tick in ticks if tick < last]
    if len(ticks) > MOST_BACKFILLED:
        raise InvalidArgument(f"the range has more than {MOST_BACKFILLED} ticks of {row.name!r}: take a part of it")
    return ticks


def _ref(runtime: "Runtime", row: ScheduleRow, started: Started) -> RunRef:
    return RunRef(runtime, started.workflow_id, started.run_id, runtime.registry.find(row.target.workflow))


def _not_found(name: str) -> ScheduleNotFound:
    return ScheduleNotFound(f"there is no schedule {name!r} in this database and namespace")
