"""Schedules: their rows, which of them are due, and the one transaction in which a tick becomes a run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stepwell.model.rows import NewRun, Started
from stepwell.model.schedules import Cadence, DueSchedule, DueSchedules, Firing, Placing, ScheduleRow, Target
from stepwell.store.sqlite import cancellation, starts
from stepwell.store.sqlite.connection import Row, Session, uuid_of
from stepwell.store.sqlite.verbs import Verbs

#: Columns of a row in `get`, `list` and `due`.
_COLUMNS = 32


class ScheduleVerbs(Verbs):
    """The verbs of a store."""

    async def add_schedule(self, row: ScheduleRow) -> bool:
        return await self._write.ask(1, add, row)

    async def change_schedule(self, row: ScheduleRow) -> bool:
        return await self._write.ask(1, change, row)

    async def delete_schedule(self, name: str) -> bool:
        return await self._write.ask(1, delete, name)

    async def schedule(self, name: str) -> ScheduleRow | None:
        return await self._read.ask(schedule, name)

    async def schedules(self) -> list[ScheduleRow]:
        return await self._read.ask(schedules)

    async def due_schedules(self, limit: int) -> DueSchedules:
        return await self._read.ask(due, limit)

    async def fire(self, firings: Sequence[Firing]) -> list[list[Started] | None]:
        return await self._write.ask(sum(1 + len(firing.runs) for firing in firings), fire, firings)

    async def start_beside(self, app: str, runs: Sequence[NewRun]) -> list[Started]:
        return await self._write.ask(len(runs), start_beside, app, runs)


def add(db: Session, row: ScheduleRow) -> bool:
    """See `Store.add_schedule`."""
    return db.run("schedules/add", _said(db, row)) == 1


def change(db: Session, row: ScheduleRow) -> bool:
    """See `Store.change_schedule`."""
    return db.run("schedules/change", _said(db, row)) == 1


def delete(db: Session, name: str) -> bool:
    """See `Store.delete_schedule`."""
    return db.run("schedules/delete", _key(db, name)) == 1


def schedule(db: Session, name: str) -> ScheduleRow | None:
    """See `Store.schedule`."""
    found = db.one("schedules/get", _key(db, name))
    return None if found is None else _row(found)


def schedules(db: Session) -> list[ScheduleRow]:
    """See `Store.schedules`."""
    return [_row(found) for found in db.rows("schedules/list", {"namespace": db.identity.namespace})]


def due(db: Session, limit: int) -> DueSchedules:
    """See `Store.due_schedules`."""
    own = {"namespace": db.identity.namespace, "app": db.identity.app}
    # What becomes due between the two is seen by neither if the look for later ones comes second.
    earliest = db.value("schedules/next", own)
    found = [
        DueSchedule(_row(row), bool(row[_COLUMNS]), row[_COLUMNS + 1])
        for row in db.rows("schedules/due", {**own, "limit": limit})
    ]
    return DueSchedules(found, earliest, db.now())


def fire(db: Session, firings: Sequence[Firing]) -> list[list[Started] | None]:
    """See `Store.fire`."""
    return [_fire_one(db, firing) for firing in firings]


def _fire_one(db: Session, firing: Firing) -> list[Started] | None:
    moved = {
        **_key(db, firing.name),
        "revision": firing.revision,
        "next_fire": firing.next_fire,
        "fired": firing.fired,
        "skipped": firing.skipped,
    }
    app = db.value("schedules/advance", moved)
    if app is None:
        return None
    started = start_beside(db, app, firing.runs)
    if started:
        db.run("schedules/name_run", {**_key(db, firing.name), "run_id": started[-1].run_id.bytes})
    if firing.cancels is not None:
        cancellation.request_cancel(db, [firing.cancels], "schedule", force=False, children=True)
    return started


def start_beside(db: Session, app: str, runs: Sequence[NewRun]) -> list[Started]:
    """See `Store.start_beside`."""
    return starts.start(Session(db.connection, replace(db.identity, app=app)), runs)


def _key(db: Session, name: str) -> dict[str, Any]:
    return {"namespace": db.identity.namespace, "name": name}


def _said(db: Session, row: ScheduleRow) -> dict[str, Any]:
    """What people and code say of a schedule."""
    cadence, target, placing = row.cadence, row.target, row.placing
    return {
        **_key(db, row.name),
        "app": row.app,
        "kind": cadence.kind,
        "expression": cadence.expression,
        "timezone": cadence.timezone,
        "anchor": cadence.anchor,
        "workflow": target.workflow,
        "route": target.route,
        "version": target.version,
        "instance": target.instance,
        "input": target.input,
        "input_digest": target.input_digest,
        "codec_id": target.codec_id,
        "max_recoveries": target.max_recoveries,
        "queue": placing.queue,
        "priority": placing.priority,
        "partition_key": placing.partition_key,
        "timeout": placing.timeout,
        "attributes": placing.attributes,
        "expires": placing.expires,
        "catch_up": row.catch_up,
        "overlap": row.overlap,
        "jitter": row.jitter,
        "paused": row.paused,
        "next_fire": row.next_fire,
        "declared": row.declared,
        "revision": row.revision,
    }


def _row(found: Row) -> ScheduleRow:
    name, app, *rest = found[:_COLUMNS]
    catch_up, overlap, jitter, paused, next_fire, last_fire, last_skipped, last_run, *others = rest[18:]
    return ScheduleRow(
        name,
        app,
        Cadence(*rest[:4]),
        Target(*rest[4:12]),
        Placing(*rest[12:18]),
        catch_up,
        overlap,
        jitter,
        bool(paused),
        next_fire,
        last_fire,
        last_skipped,
        uuid_of(last_run),
        *others,
    )
