"""Verbs of people: let a run go on, go back in it, branch off it, remove it."""

import json
from collections.abc import Sequence
from uuid import UUID

from stepwell.model.resumption import Resumption
from stepwell.model.rows import NewRun
from stepwell.model.status import TRANSITIONS, Status
from stepwell.store.sqlite.connection import Session
from stepwell.store.sqlite.starts import insert_run

_RESUMABLE = (Status.BLOCKED, Status.DEAD, Status.CANCELLED, Status.ERROR)
assert all((status, Status.ENQUEUED) in TRANSITIONS for status in _RESUMABLE)


def resume(db: Session, run_id: UUID) -> bool:
    """Go on from where the run stopped; a delivered cancellation is taken back with all that followed."""
    if db.value("workflows/stands", (run_id.bytes,)) not in _RESUMABLE:
        return False
    _reopen(db, run_id, db.value("steps/cancel_pos", (run_id.bytes,)))
    return True


def resume_failed(db: Session, runs: Sequence[Resumption]) -> bool:
    """Let failed runs go on, each without what its plan says; all of them or none."""
    for plan in runs:
        stands = db.one("operators/stands", (plan.run_id.bytes,))
        if stands is None or stands[0] not in _RESUMABLE or stands[1] != plan.epoch:
            return False
    for plan in runs:
        again = [(plan.run_id.bytes, branch, seq) for branch, seq in plan.again]
        undone = [(plan.run_id.bytes, branch, seq) for branch, seq in plan.undone]
        db.many("steps/archive_one", [*again, *undone])
        db.many("steps/close_gate", undone)
        db.many("messages/give_back_one", [*again, *undone])
        db.many("publications/forget_one", [*again, *undone])
        db.many("steps/clear_one", [*again, *undone])
        _reopen(db, plan.run_id, db.value("steps/cancel_pos", (plan.run_id.bytes,)))
    return True


def rewind(db: Session, run_id: UUID, branch: str, seq: int) -> bool:
    """Go on from before one recorded outcome."""
    pos = db.value("steps/pos", (run_id.bytes, branch, seq))
    if pos is None or db.value("workflows/stands", (run_id.bytes,)) == Status.PENDING:
        return False
    db.run("waits/clear", (run_id.bytes,))
    db.run("intents/clear", (run_id.bytes,))
    _reopen(db, run_id, _uncancelled(db, run_id, pos))
    db.run("publications/forget_begun", {"run_id": run_id.bytes})
    return True


def _uncancelled(db: Session, run_id: UUID, pos: int) -> int:
    """A delivered cancellation is taken back too, with all that followed: nobody goes on as a cancelled run."""
    cancelled_at: int | None = db.value("steps/cancel_pos", (run_id.bytes,))
    return pos if cancelled_at is None else min(pos, cancelled_at)


def _reopen(db: Session, run_id: UUID, pos: int | None) -> None:
    """To ENQUEUED; the run's outcome and its operations from `pos` on are archived."""
    db.run("operators/archive_outcome", (run_id.bytes,))
    if pos is not None:
        history = {"run_id": run_id.bytes, "pos": pos}
        db.run("steps/archive", history)
        db.run("steps/close_gates", history)
        db.run("messages/give_back", history)
        db.run("publications/forget", history)
        db.run("steps/clear", history)
    db.run("operators/reopen", (run_id.bytes,))


def fork(db: Session, run_id: UUID, branch: str, seq: int, new: NewRun) -> bool:
    """A new run that knows what came before one recorded outcome of another."""
    pos = db.value("steps/pos", (run_id.bytes, branch, seq))
    if pos is None:
        return False
    if insert_run(db, new, forked_from=run_id) is None:
        return db.one("workflows/started_run", (new.run_id.bytes,)) is not None
    db.run("operators/same_app", (new.run_id.bytes,))
    copying = {"into": new.run_id.bytes, "run_id": run_id.bytes, "pos": _uncancelled(db, run_id, pos)}
    db.run("steps/copy", copying)
    db.run("publications/copy_events", copying)
    return True


def delete(db: Session, run_id: UUID) -> bool:
    """Remove an ended run with all that belongs to it."""
    return db.run("workflows/delete", (run_id.bytes,)) == 1


def purge(db: Session, older_than: float, limit: int) -> int:
    """Retention of this app's runs; how many were removed."""
    own = {"namespace": db.identity.namespace, "app": db.identity.app}
    return db.run("workflows/purge", {"older_than": older_than, "limit": limit, **own})


def update_attributes(db: Session, run_id: UUID, attributes: str) -> None:
    """Merge at the top level; null removes a key. A run that is not there is left alone."""
    row = db.one("workflows/attributes", (run_id.bytes,))
    if row is None:
        return
    merged = {**json.loads(row[0] or "{}"), **json.loads(attributes)}
    kept = {key: value for key, value in merged.items() if value is not None}
    db.run("workflows/put_attributes", (run_id.bytes, json.dumps(kept)))
