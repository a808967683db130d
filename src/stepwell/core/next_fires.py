"""The ticks to come, or those of a range, with what changes of the clocks do to them, in words."""

from datetime import UTC, datetime, timedelta, tzinfo

from stepwell.core.timetable import Cron, timetable, zone
from stepwell.model.schedules import Cadence, Tick


def next_fires(cadence: Cadence, after: float, count: int) -> list[Tick]:
    """The next `count` ticks after that instant, or as many as there are."""
    table = timetable(cadence)
    ticks: list[float] = []
    instant: float | None = after
    while instant is not None and len(ticks) < count:
        instant = table.after(instant)
        if instant is not None:
            ticks.append(instant)
    return marked(cadence, after, ticks)


def marked(cadence: Cadence, start: float, instants: list[float]) -> list[Tick]:
    """These ticks, in the schedule's time zone; `start`: from when on a change of the clocks is news."""
    where = zone(cadence.timezone)
    cron = Cron(cadence.expression, where) if cadence.kind == "cron" else None
    offset = datetime.fromtimestamp(start, where).utcoffset()
    found: list[Tick] = []
    for instant in instants:
        local = datetime.fromtimestamp(instant, where)
        found.append(Tick(local, _mark(cron, local, offset)))
        offset = local.utcoffset()
    return found


def _mark(cron: Cron | None, local: datetime, offset: timedelta | None) -> str | None:
    if cron is not None and (left_out := _left_out(cron, local)) is not None:
        return f"clocks go forward: there is no {left_out} on this day"
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        if cron is not None and cron.has_fixed_times:
            return "clocks go back: the first of two such times"
        return f"clocks go back: the {'second' if local.fold else 'first'} of two such times"
    if local.utcoffset() != offset:
        return f"from here on UTC{local.strftime('%z')[:3]}:{local.strftime('%z')[3:5]}"
    return None


def _left_out(cron: Cron, local: datetime) -> str | None:
    """The local time of which this tick takes the place, if there is none such on that day."""
    if not cron.has_fixed_times or (local.hour in cron.hours and local.minute in cron.minutes):
        return None
    for hour in sorted(cron.hours):
        for minute in sorted(cron.minutes):
            meant = local.replace(hour=hour, minute=minute, second=0, fold=0)
            if not _exists(meant, local.tzinfo):
                return f"{hour:02}:{minute:02}"
    return None


def _exists(meant: datetime, where: tzinfo | None) -> bool:
    return meant.astimezone(UTC).astimezone(where).replace(tzinfo=None) == meant.replace(tzinfo=None)
