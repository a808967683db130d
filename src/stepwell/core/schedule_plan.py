"""What becomes of a schedule that is due: pure, so that every policy can be tried without a database.

A tick is *late* by the time since it was due; one that is queued behind the run before it, by the time since that
ended: to wait is not to be missed.
"""

import math
from dataclasses import dataclass, field
from uuid import UUID

from stepwell.core.timetable import Timetable, timetable
from stepwell.model.schedules import DueSchedule

#: A tick that is later than this was missed, seconds.
GRACE_SECONDS = 60.0


@dataclass(slots=True)
class Plan:
    """What to do: start these ticks, oldest first, and go on at `next_fire`; or wait."""

    next_fire: float | None
    ticks: list[float] = field(default_factory=list)
    skipped: float | None = None  # the newest tick that is passed over
    cancels: UUID | None = None
    waits_for: UUID | None = None  # nothing changes before that run has ended


def plan(found: DueSchedule, now: float, limit: int) -> Plan:
    """What to do with a schedule whose next tick is reached. `limit`: missed ticks that catch_up="all" makes up for.

    Raises InvalidArgument if this process cannot read its cadence.
    """
    row = found.row
    assert row.next_fire is not None, "it is due"
    now = max(now, row.next_fire)
    table = timetable(row.cadence)
    following = table.after(now)
    ticks = _newest(table, row.next_fire, now, limit if row.catch_up == "all" else 1)
    queues = row.overlap == "queue"
    late = now - max(ticks[-1], (queues and found.ended_at) or -math.inf)
    if row.catch_up == "skip" and late > GRACE_SECONDS and not (queues and found.is_live):
        return Plan(following, skipped=ticks[-1])
    dropped = _dropped(table, row.next_fire, ticks[0])
    if row.overlap == "allow":
        return Plan(following, ticks, dropped)
    if row.overlap == "cancel":  # each would cancel the one before
        passed = ticks[-2] if len(ticks) > 1 else dropped
        return Plan(following, ticks[-1:], passed, cancels=row.last_run if found.is_live else None)
    if found.is_live:
        if queues or (row.catch_up == "all" and now - ticks[0] > GRACE_SECONDS):
            return Plan(row.next_fire, waits_for=row.last_run)
        return Plan(following, skipped=ticks[-1])
    return Plan(ticks[1] if len(ticks) > 1 else following, ticks[:1], dropped)


def _newest(table: Timetable, due: float, now: float, count: int) -> list[float]:
    """Never none: what is due was due when its row was written, whatever the timetable says of it today."""
    return table.newest(due, now, count) or [due]


def _dropped(table: Timetable, due: float, oldest: float) -> float | None:
    """The newest tick before the oldest that is started."""
    if due >= oldest:
        return None
    before = table.newest(due, oldest, 2)
    return before[0] if len(before) == 2 else due
