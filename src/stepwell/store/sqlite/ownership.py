"""Who executes a run: claims, leaving, and taking runs from the dead."""

import json
import sqlite3
from collections.abc import Sequence
from operator import itemgetter
from uuid import UUID

from stepwell.model.rows import Claimed, Leave, ParentRef, Recorded, RecordedIntent
from stepwell.model.status import Status
from stepwell.store.sqlite.connection import Row, Session, blob, uuid_of

#: priority, created_at, rowid among what ownership/claim returns: RETURNING itself has no order.
_ORDER = itemgetter(19, 16, 20)


def claim(db: Session, incarnation: UUID, routes: Sequence[str], queues: Sequence[str], limit: int) -> list[Claimed]:
    """Take ENQUEUED runs, by priority then age, with their histories."""
    if limit <= 0:  # which SQLite would read as "no limit"
        return []
    rows = db.rows(
        "ownership/claim",
        {
            "incarnation": incarnation.bytes,
            "app": db.identity.app,
            "namespace": db.identity.namespace,
            "routes": json.dumps(list(routes)),
            "queues": json.dumps(list(queues)),
            "limit": limit,
        },
    )
    rows.sort(key=_ORDER)
    return [claimed for row in rows if (claimed := _readable(db, row)) is not None]


def _readable(db: Session, row: Row) -> Claimed | None:
    """The run with its history. One that cannot be read is set aside, and does not spoil the claim."""
    try:
        history = [_recorded(r) for r in db.rows("steps/history", (row[0],))]
        intents = [RecordedIntent(*r) for r in db.rows("intents/begun", (row[0],))]
    except (sqlite3.OperationalError, UnicodeDecodeError) as error:
        if getattr(error, "sqlite_errorcode", None) is not None:
            raise  # the database itself failed, not this run's text
        params = {"run_id": row[0], "epoch": row[2], "reason": "its history is not readable", "hint": None}
        db.run("ownership/block", params)
        return None
    return _claimed(row, history, intents)


def _claimed(row: Row, history: list[Recorded], intents: list[RecordedIntent]) -> Claimed:
    parent = None if row[12] is None else ParentRef(UUID(bytes=row[12]), row[13], row[14])
    return Claimed(
        run_id=UUID(bytes=row[0]),
        workflow_id=row[1],
        epoch=row[2],
        name=row[3],
        version=row[4],
        instance=row[5],
        input=row[6],
        codec_id=row[7],
        attempts=row[8],
        deadline=row[9],
        cancel_reason=row[10],
        attributes=row[11],
        parent=parent,
        root_run_id=uuid_of(row[15]),
        created_at=row[16],
        database_now=row[17],
        engine_format=row[18],
        history=history,
        intents=intents,
    )


def _recorded(row: Row) -> Recorded:
    values = list(row)
    values[11] = uuid_of(values[11])
    return Recorded(*values)


def leave(db: Session, leaves: Sequence[Leave]) -> list[bool | None]:
    """End executions without an outcome; False where the epoch had moved on."""
    return [_leave_one(db, one) for one in leaves]


def _leave_one(db: Session, one: Leave) -> bool:
    key = (one.run_id.bytes, one.epoch)
    if one.status == Status.WAITING:
        held = db.run("ownership/park", (one.reason, *key)) == 1
        if held:
            db.many(
                "waits/insert",
                [
                    (key[0], w.branch, w.seq, w.kind, w.wake_at, blob(w.target_run), w.topic or "", w.key, w.number)
                    for w in one.waits
                ],
            )
        return held
    if one.status == Status.BLOCKED:
        params = {"run_id": key[0], "epoch": one.epoch, "reason": one.reason, "hint": one.code_hint}
        return db.run("ownership/block", params) == 1
    if one.status != Status.ENQUEUED:
        raise ValueError(f"a run cannot be left as {one.status}")
    if one.recovery:
        return recover(db, [key]) == 1
    return db.run("ownership/release", (one.reason, *key)) == 1


def recover(db: Session, executions: Sequence[tuple[bytes, int]]) -> int:
    """Take these (run_id, epoch) from executions that ended badly; how many still had that epoch."""
    if not executions:
        return 0
    return db.many("ownership/recover", [{"run_id": run_id, "epoch": epoch} for run_id, epoch in executions])


def reap(db: Session, dead: Sequence[tuple[UUID, int]], limit: int) -> tuple[int, int]:
    """Take the runs of dead executors; nothing is ever locked here, so nothing is skipped."""
    taken = 0
    for incarnation, beat in dead:
        executor = {"incarnation": incarnation.bytes, "beat": beat}
        rows = db.rows("ownership/reapable", {**executor, "limit": limit - taken})
        taken += recover(db, [(row[0], row[1]) for row in rows])
        db.run("executors/forget", executor)
    return taken, 0


def reap_orphans(db: Session, limit: int) -> int:
    """Take the runs whose owner has no executor row."""
    return recover(db, [(row[0], row[1]) for row in db.rows("ownership/orphans", {"limit": limit})])


def owned(db: Session, incarnation: UUID) -> list[tuple[UUID, int]]:
    """What this process owns, as the database sees it."""
    return [(UUID(bytes=row[0]), row[1]) for row in db.rows("ownership/owned", (incarnation.bytes,))]


def retry_blocked(db: Session, routes: Sequence[tuple[str, str]], limit: int) -> int:
    """BLOCKED runs that other code may try: to ENQUEUED."""
    freed = 0
    for route, hint in routes:
        params = {
            "route": route,
            "hint": hint,
            "app": db.identity.app,
            "namespace": db.identity.namespace,
            "limit": limit - freed,
        }
        freed += db.run("ownership/blocked", params)
    return freed
