"""Parked runs: which of them may go on, and when the next one may."""

from collections.abc import Sequence
from uuid import UUID

from stepwell.store.sqlite.connection import Session


def wake(db: Session, limit: int) -> int:
    """Wake runs with a wait that is due or satisfied, or with a cancellation to deliver."""
    return wake_runs(db, [row[0] for row in db.rows("waits/satisfied", {"limit": limit})])


def wake_due(db: Session, limit: int) -> int:
    """Wake runs with a wait that is due."""
    return wake_runs(db, [row[0] for row in db.rows("waits/due", {"limit": limit})])


def wake_parked(db: Session, run_ids: Sequence[UUID]) -> int:
    """Wake those of these runs that are parked on what is there already."""
    return len(wake_those_ripe(db, [run_id.bytes for run_id in run_ids]))


def wake_those_ripe(db: Session, run_ids: Sequence[bytes]) -> list[bytes]:
    """The same; returns which."""
    ripe = [run_id for run_id in dict.fromkeys(run_ids) if db.one("waits/ripe", {"run_id": run_id}) is not None]
    wake_runs(db, ripe)
    return ripe


def wake_waiters_of(db: Session, ended: Sequence[UUID]) -> int:
    """Wake the runs that wait for one of these, as far as they have ended."""
    waiting = {row[0] for target in ended for row in db.rows("waits/of_target", {"target": target.bytes})}
    return wake_runs(db, sorted(waiting))


def wake_runs(db: Session, run_ids: Sequence[bytes]) -> int:
    """WAITING -> ENQUEUED, without waits; how many were WAITING."""
    if not run_ids:
        return 0
    keys = [(run_id,) for run_id in run_ids]
    woken = db.many("waits/wake", keys)
    db.many("waits/clear", keys)
    return woken


def next_wake(db: Session) -> tuple[float | None, float]:
    """(The next moment at which something is due, now), by the database's clock."""
    row = db.one("waits/next")
    assert row is not None, "a SELECT without FROM has one row"
    due, start, now = row
    moments = [moment for moment in (due, start) if moment is not None]
    return min(moments, default=None), now
