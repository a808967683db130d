"""Schedules as values: the row, what a fire does to it, and what people see.

In rows instants are `float` unix seconds of the database's clock and durations `float` seconds; payloads are `str`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from stepwell.model.info import moment
from stepwell.model.rows import NewRun

CatchUp = Literal["latest", "skip", "all"]
Overlap = Literal["skip", "queue", "cancel", "allow"]
#: A cron expression, a fixed interval, or once.
Kind = Literal["cron", "every", "at"]

#: Attributes of every run that a schedule starts: its name, and the tick in ISO 8601.
SCHEDULE = "schedule"
SCHEDULED_AT = "scheduled_at"


@dataclass(slots=True, frozen=True)
class Cadence:
    """When a schedule is due. `expression`: the cron expression; the seconds between two ticks, counted from `anchor`;
    or the one instant in unix seconds. `timezone`: an IANA name, which cron reads and people see."""

    kind: str
    expression: str
    timezone: str
    anchor: float = 0.0


@dataclass(slots=True, frozen=True)
class Target:
    """What a tick starts: the workflow with its arguments, as a start of it has them."""

    workflow: str
    route: str
    version: str | None
    instance: str | None
    input: str
    input_digest: str
    codec_id: str | None
    max_recoveries: int


@dataclass(slots=True, frozen=True)
class Placing:
    """The options with which a tick starts it."""

    queue: str | None = None
    priority: int = 0
    partition_key: str | None = None
    timeout: float | None = None
    attributes: str | None = None  # a JSON object
    expires: float | None = None  # seconds after which a run that has not begun never does


@dataclass(slots=True, frozen=True)
class ScheduleRow:
    """One schedule. `declared` is what code last said of it, as JSON: see `core.schedule_rows`."""

    name: str
    app: str
    cadence: Cadence
    target: Target
    placing: Placing
    catch_up: str = "latest"
    overlap: str = "skip"
    jitter: float = 0.0
    paused: bool = False
    next_fire: float | None = None  # None: never again
    last_fire: float | None = None  # the tick that was fired last
    last_skipped: float | None = None  # the newest tick that was passed over
    last_run: UUID | None = None  # the run of `last_fire`
    declared: str | None = None
    revision: int = 0  # rises with every change: what a change is compared with
    created_at: float = 0.0
    updated_at: float = 0.0


@dataclass(slots=True, frozen=True)
class DueSchedule:
    """A schedule whose next tick is reached, and how its last run stands."""

    row: ScheduleRow
    is_live: bool  # the last run has not ended, and is not DEAD
    ended_at: float | None  # when it did


@dataclass(slots=True, frozen=True)
class DueSchedules:
    """What is due, those that wait for a live run last; and when the next of the others will be."""

    due: list[DueSchedule]
    earliest: float | None
    now: float


@dataclass(slots=True)
class Firing:
    """One step of a schedule along its timetable: compare-and-set on `revision`, then the runs."""

    name: str
    revision: int
    next_fire: float | None
    runs: list[NewRun] = field(default_factory=list)  # ENQUEUED, oldest tick first
    fired: float | None = None  # the newest tick of `runs`
    skipped: float | None = None  # the newest tick that is passed over
    cancels: UUID | None = None  # the run before, whose end is asked for


@dataclass(frozen=True, slots=True)
class Tick:
    """An instant of a schedule, in its time zone. `mark` says in words what the change of clocks does to it, else None.

    For a tick whose local time is left out by a change of clocks, `at` is the moment at which it happens instead.
    """

    at: datetime
    mark: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleInfo:
    """One schedule as it is now. Exactly one of `cron`, `every` (seconds) and `at` is set. `next_fire` is None once no
    tick is left; while `paused` it is when the next would have been. `last_run` is the run_id of the last tick."""

    name: str
    app: str
    workflow: str
    version: str | None
    cron: str | None
    every: float | None
    at: datetime | None
    tz: str
    catch_up: str
    overlap: str
    jitter: float
    paused: bool
    queue: str | None
    priority: int
    timeout: float | None
    expires: float | None
    attributes: dict[str, Any]
    input: str
    next_fire: datetime | None
    last_fire: datetime | None
    last_skipped: datetime | None
    last_run: UUID | None
    is_declared: bool
    created_at: datetime | None
    updated_at: datetime | None

    @classmethod
    def of(cls, row: ScheduleRow) -> "ScheduleInfo":
        """From a store's row."""
        kind, expression = row.cadence.kind, row.cadence.expression
        return cls(
            name=row.name,
            app=row.app,
            workflow=row.target.workflow,
            version=row.target.version,
            cron=expression if kind == "cron" else None,
            every=float(expression) if kind == "every" else None,
            at=moment(float(expression)) if kind == "at" else None,
            tz=row.cadence.timezone,
            catch_up=row.catch_up,
            overlap=row.overlap,
            jitter=row.jitter,
            paused=row.paused,
            queue=row.placing.queue,
            priority=row.placing.priority,
            timeout=row.placing.timeout,
            expires=row.placing.expires,
            attributes={} if row.placing.attributes is None else msgspec.json.decode(row.placing.attributes),
            input=row.target.input,
            next_fire=moment(row.next_fire),
            last_fire=moment(row.last_fire),
            last_skipped=moment(row.last_skipped),
            last_run=row.last_run,
            is_declared=row.declared is not None,
            created_at=moment(row.created_at),
            updated_at=moment(row.updated_at),
        )
