"""`Schedule`: when a workflow is to be started, by whichever process is up."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypedDict, Unpack, get_args

from stepwell.core.definition import BoundCall
from stepwell.core.timetable import SHORTEST_INTERVAL, Cron, zone
from stepwell.errors import InvalidArgument
from stepwell.model.durations import Duration, instant, seconds
from stepwell.model.ids import check_name
from stepwell.model.schedules import SCHEDULE, SCHEDULED_AT, Cadence, CatchUp, Overlap

#: The id of a tick's run is the schedule's name and the tick, and has at most 255 characters.
LONGEST_NAME = 200

#: Of a call's options, those that a tick has itself, or that would make no sense for more than one run.
_NOT_HERE = ("id", "on_conflict", "dedup", "delay", "at", "deadline", "conn", "parent_close")


class ScheduleKeywords(TypedDict, total=False):
    """The keywords of `Schedule` and of `engine.schedules.update`."""

    cron: str
    every: Duration
    at: datetime
    tz: str
    call: BoundCall[Any]
    catch_up: CatchUp
    overlap: Overlap
    jitter: Duration
    paused: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """Keywords in the form in which they are kept; None was not said."""

    cadence: Cadence | None = None  # with anchor 0, and without a time zone if none was named
    tz: str | None = None
    call: BoundCall[Any] | None = None
    catch_up: str | None = None
    overlap: str | None = None
    jitter: float | None = None
    paused: bool | None = None


class Schedule:
    """Starts a workflow by a cron expression, at fixed intervals, or once; each tick once, however many processes run.

    Kept as a row: declare it with `Stepwell(declare=[...])` or make it with `engine.schedules.create`.

    ::

        Schedule("nightly", cron="0 3 * * *", tz="Europe/Berlin", call=report.bind("eu"))
        Schedule("poll", every=90, call=poll.options(queue="slow").bind(), catch_up="skip")
        Schedule("launch", at=datetime(2030, 1, 1, tzinfo=UTC), call=announce.bind())

    - One of `cron` (minute hour day month weekday, or six fields with the second first), `every` (seconds or
      timedelta, at least one second; counted from its creation, by elapsed time) and `at` (an aware datetime).
    - `tz`: the IANA time zone in which cron is read. A local time that a change of clocks leaves out happens right
      after the gap, one that comes twice the first time; `*` in the minutes or hours goes by elapsed time.
    - `call`: what is started, `fn.bind(...)`; queue, priority, partition, timeout, expires and attributes bound with
      `fn.options(...)` go with it.
    - `catch_up`, after a time in which no process was up: the "latest" tick missed, "all" of them (at most
      `Settings.catch_up_limit`, the newest), or none ("skip"; a tick is missed when it is over a minute late).
    - `overlap`, while the run of the tick before has not ended: "skip" the tick, "queue" it until then, "cancel" the
      run before, or "allow" both.
    - `jitter`: runs begin up to so many seconds after their tick, each by a share of its own.

    Raises InvalidArgument at once, also for an expression that never comes.
    """

    __slots__ = ("checked", "name")

    def __init__(
        self,
        name: str,
        *,
        call: BoundCall[Any],
        cron: str | None = None,
        every: Duration | None = None,
        at: datetime | None = None,
        tz: str = "UTC",
        catch_up: CatchUp = "latest",
        overlap: Overlap = "skip",
        jitter: Duration = 0.0,
        paused: bool = False,
    ) -> None:
        self.name = check_schedule_name(name)
        given = {"cron": cron, "every": every, "at": at}
        cadences: Any = {kind: value for kind, value in given.items() if value is not None}
        if not cadences:
            raise InvalidArgument(f"schedule {name!r}: give cron=, every= or at=")
        self.checked = checked(
            call=call, tz=tz, catch_up=catch_up, overlap=overlap, jitter=jitter, paused=paused, **cadences
        )

    def __repr__(self) -> str:
        cadence = self.checked.cadence
        return f"<Schedule {self.name!r} {cadence.kind} {cadence.expression!r}>" if cadence else ""


def check_schedule_name(name: str) -> str:
    """The name itself, if a schedule may have it: at most 200 characters, no '/'. Raises InvalidArgument."""
    check_name(name, "the name of a schedule")
    if len(name) > LONGEST_NAME:
        raise InvalidArgument(f"the name of a schedule must be at most {LONGEST_NAME} characters, and has {len(name)}")
    if "/" in name:
        raise InvalidArgument(f"the name of a schedule must not contain '/', which ids of children do ({name!r})")
    return name


def checked(**given: Unpack[ScheduleKeywords]) -> Checked:
    """Keywords in the form in which they are kept. Raises InvalidArgument for what cannot work."""
    known = ScheduleKeywords.__annotations__
    for option in given:
        if option not in known:
            raise InvalidArgument(f"schedules have no {option}=; they have {', '.join(known)}")
    tz = given.get("tz")
    if tz is not None:
        zone(tz)
    return Checked(
        cadence=_cadence(given, tz),
        tz=tz,
        call=_call(given["call"]) if "call" in given else None,
        catch_up=_one_of("catch_up", given.get("catch_up"), get_args(CatchUp)),
        overlap=_one_of("overlap", given.get("overlap"), get_args(Overlap)),
        jitter=None if "jitter" not in given else seconds(given["jitter"], "jitter"),
        paused=_flag(given.get("paused")),
    )


def _cadence(given: ScheduleKeywords, tz: str | None) -> Cadence | None:
    kinds = [kind for kind in ("cron", "every", "at") if kind in given]
    if len(kinds) > 1:
        raise InvalidArgument(f"a schedule has one of cron=, every= and at=, not {' and '.join(kinds)}")
    if "cron" in given:
        Cron(given["cron"], zone("UTC"))  # raises what is wrong with it
        return Cadence("cron", " ".join(given["cron"].split()), tz or "UTC")
    if "every" in given:
        interval = seconds(given["every"], "every")
        if interval < SHORTEST_INTERVAL:
            raise InvalidArgument(f"every must be at least {SHORTEST_INTERVAL:g} second, and is {interval:g}")
        return Cadence("every", repr(interval), tz or "UTC")
    if "at" in given:
        return Cadence("at", repr(instant(given["at"], "at")), tz or "UTC")
    return None


def _call(call: object) -> BoundCall[Any]:
    if not isinstance(call, BoundCall):
        raise InvalidArgument(f"call must be fn.bind(...), a call as a value, not {type(call).__name__}")
    defaults = call.definition.default_options
    bound = [
        field.name
        for field in fields(call.options)
        if field.name in _NOT_HERE and getattr(call.options, field.name) != getattr(defaults, field.name)
    ]
    if bound:
        raise InvalidArgument(f"call has {bound[0]}= bound, which is for a single start: each tick makes its own run")
    attributes: Mapping[str, object] = call.options.attributes or {}
    for own in (SCHEDULE, SCHEDULED_AT):
        if own in attributes:
            raise InvalidArgument(f"the attribute {own!r} is the schedule's own: give yours another name")
    return call


def _one_of(option: str, value: object, choices: tuple[str, ...]) -> str | None:
    if value is not None and value not in choices:
        raise InvalidArgument(f"{option} must be one of {', '.join(choices)}, not {value!r}")
    return value if isinstance(value, str) else None


def _flag(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise InvalidArgument(f"paused must be True or False, not {value!r}")
    return value
