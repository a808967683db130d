"""From what code and people say of a schedule to its row, and from a tick to its run."""

import hashlib
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stepwell.core.definition import BoundCall
from stepwell.core.registry import route
from stepwell.core.schedule import Checked, Schedule
from stepwell.core.starting import checked_call, digest_of
from stepwell.core.timetable import timetable
from stepwell.model.rows import NewRun
from stepwell.model.schedules import SCHEDULE, SCHEDULED_AT, Cadence, Placing, ScheduleRow, Target
from stepwell.model.status import Status

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

Said = dict[str, Any]


def new_row(runtime: "Runtime", schedule: Schedule, now: float, *, declared: bool) -> ScheduleRow:
    """The row of a schedule that begins now. Raises what is wrong with its call."""
    said = schedule.checked
    assert said.cadence is not None
    assert said.call is not None
    target, placing = called(runtime, said.call)
    row = ScheduleRow(
        name=schedule.name,
        app=runtime.name,
        cadence=anchored(said.cadence, now),
        target=target,
        placing=placing,
        catch_up=said.catch_up or "latest",
        overlap=said.overlap or "skip",
        jitter=said.jitter or 0.0,
        paused=said.paused or False,
    )
    row = replace(row, next_fire=first_fire(row.cadence, now))
    return replace(row, declared=json.dumps(sayings(row))) if declared else row


def called(runtime: "Runtime", call: BoundCall[Any]) -> tuple[Target, Placing]:
    """What a start of this call would write. Raises what is wrong with it."""
    d, o = call.definition, call.options
    checked = checked_call(runtime, d, o, call.instance, call.args, call.kwargs)
    target = Target(
        workflow=d.name,
        route=route(d.name, d.version, checked.instance),
        version=d.version,
        instance=checked.instance,
        input=checked.text,
        input_digest=digest_of(checked.inputs),
        codec_id=checked.codec_id,
        max_recoveries=d.max_recoveries,
    )
    return target, Placing(o.queue, o.priority or 0, o.partition, o.timeout, checked.attributes, o.expires)


def anchored(cadence: Cadence, now: float) -> Cadence:
    """Intervals are counted from now, in whole seconds."""
    return replace(cadence, anchor=float(int(now)))


def first_fire(cadence: Cadence, now: float) -> float | None:
    """The first tick of a schedule that begins now: the one instant of `at` even if it is over."""
    return float(cadence.expression) if cadence.kind == "at" else timetable(cadence).after(now)


def changed(runtime: "Runtime", row: ScheduleRow, said: Checked, now: float) -> ScheduleRow:
    """The row after a change at run time. Another cadence begins now; so does one that is resumed."""
    cadence = row.cadence if said.cadence is None else said.cadence
    target, placing = (row.target, row.placing) if said.call is None else called(runtime, said.call)
    new = replace(
        row,
        cadence=replace(cadence, timezone=said.tz or row.cadence.timezone),
        target=target,
        placing=placing,
        catch_up=said.catch_up or row.catch_up,
        overlap=said.overlap or row.overlap,
        jitter=row.jitter if said.jitter is None else said.jitter,
        paused=row.paused if said.paused is None else said.paused,
    )
    return replanned(row, new, now)


def replanned(old: ScheduleRow, new: ScheduleRow, now: float) -> ScheduleRow:
    """`new` with the next tick that it has from now on, if that may be another one than before."""
    if _when(new) != _when(old):
        cadence = anchored(new.cadence, now)
        return replace(new, cadence=cadence, next_fire=first_fire(cadence, now))
    if old.paused and not new.paused and new.next_fire is not None:
        return replace(new, next_fire=max(new.next_fire, timetable(new.cadence).after(now) or new.next_fire))
    return new


def _when(row: ScheduleRow) -> tuple[str, str, str]:
    return row.cadence.kind, row.cadence.expression, row.cadence.timezone


# -- declarations: code says defaults, people's changes at run time stay -------------------------------------------


def sayings(row: ScheduleRow) -> Said:
    """What can be said of a schedule, by field; of payloads the digest: a codec may write one value in many ways."""
    said = {name: getattr(row, name) for name in ("catch_up", "overlap", "jitter", "paused")}
    when, target, placing = asdict(row.cadence), asdict(row.target), asdict(row.placing)
    del when["anchor"], target["input"], target["codec_id"]
    timezone = when.pop("timezone")
    return {**said, **placing, "when": when, "timezone": timezone, "target": target}


def declared(row: ScheduleRow, code: ScheduleRow, now: float) -> ScheduleRow:
    """The row after a declaration (`code`, as `new_row` made it). A field that still is what was declared last follows
    the code; one that was changed at run time stays."""
    before: Said = json.loads(row.declared or "{}")
    current = sayings(row)
    follows = {name for name, value in current.items() if before.get(name, value) == value}

    def pick(name: str) -> Any:
        return getattr(code if name in follows else row, name)

    cadence = code.cadence if "when" in follows else row.cadence
    placing = {name: value for name, value in asdict(code.placing).items() if name in follows}
    new = replace(
        row,
        cadence=replace(cadence, timezone=(code if "timezone" in follows else row).cadence.timezone),
        target=code.target if "target" in follows else row.target,
        placing=replace(row.placing, **placing),
        catch_up=pick("catch_up"),
        overlap=pick("overlap"),
        jitter=pick("jitter"),
        paused=pick("paused"),
        declared=code.declared,
    )
    if _when(new) == _when(row):
        new = replace(new, cadence=row.cadence)  # with its anchor
    return replanned(row, new, now)


def is_same(one: ScheduleRow, other: ScheduleRow) -> bool:
    """Whether writing one over the other would change nothing."""
    return sayings(one) == sayings(other) and one.declared == other.declared and one.next_fire == other.next_fire


# -- ticks ---------------------------------------------------------------------------------------------------------


def run_of(runtime: "Runtime", row: ScheduleRow, tick: float, now: float, *, jittered: bool = True) -> NewRun:
    """The run of a tick: its id is the schedule's name and the tick, so it is there once."""
    stamp = iso(tick)
    begins = tick + (share(row.name, stamp) * row.jitter if jittered else 0.0)
    waits = max(0.0, begins - now)
    attributes = {**json.loads(row.placing.attributes or "{}"), SCHEDULE: row.name, SCHEDULED_AT: stamp}
    target, placing = row.target, row.placing
    return NewRun(
        run_id=runtime.env.uuid7(),
        workflow_id=f"{row.name}@{stamp}",
        name=target.workflow,
        route=target.route,
        status=Status.ENQUEUED,
        owner=None,
        input=target.input,
        input_digest=target.input_digest,
        version=target.version,
        instance=target.instance,
        codec_id=target.codec_id,
        queue=placing.queue,
        priority=placing.priority,
        partition_key=placing.partition_key,
        not_before=begins if waits else None,
        timeout=None if placing.timeout is None else placing.timeout + waits,
        expires=None if placing.expires is None else placing.expires + waits,
        attributes=json.dumps(attributes),
        max_recoveries=target.max_recoveries,
    )


def iso(tick: float) -> str:
    """A tick as text, in UTC: 2026-03-29T01:00:00Z."""
    return datetime.fromtimestamp(tick, UTC).isoformat().replace("+00:00", "Z")


def share(name: str, stamp: str) -> float:
    """Where in the jitter a tick lies, in [0, 1): the same for whoever asks."""
    digest = hashlib.sha256(f"{name}\0{stamp}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
