"""Who executes a run: leaving, and taking runs from the dead. Claims are in claims.py."""

from collections.abc import Sequence
from uuid import UUID

from stepwell.model.rows import Leave
from stepwell.model.status import Status
from stepwell.store.sqlite.connection import Session, blob


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
                    (
                        key[0],
                        w.branch,
                        w.seq,
                        w.kind,
                        w.wake_at,
                        blob(w.target_run),
                        w.topic or "",
                        w.key,
                        w.number,
                        w.position,
                        w.filter,
                    )
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
