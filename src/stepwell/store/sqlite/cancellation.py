"""Requests to cancel, by a caller or by a deadline."""

from collections.abc import Sequence
from uuid import UUID

from stepwell.store.sqlite.connection import Session


def request_cancel(db: Session, run_ids: Sequence[UUID], reason: str, force: bool, children: bool) -> list[UUID]:
    """Record the request on the runs, and on those below that follow; returns those that had not ended."""
    statement = "cancellation/force" if force else "cancellation/request"
    targets = dict.fromkeys(run_id.bytes for run_id in run_ids)
    if children:
        for run_id in list(targets):
            below = db.rows("cancellation/descendants", {"run_id": run_id})
            targets.update(dict.fromkeys(row[0] for row in below))
    return [UUID(bytes=run_id) for run_id in targets if _cancel(db, statement, run_id, reason)]


def expire_deadlines(db: Session, limit: int) -> int:
    """Cancel what is over its deadline and not cancelled yet."""
    expired = db.rows("cancellation/expired", {"limit": limit})
    return sum(_cancel(db, "cancellation/request", row[0], "deadline") for row in expired)


def children_left(db: Session, after: UUID | None, parents: int, limit: int) -> tuple[list[UUID], UUID | None]:
    """Children that nobody has asked to end with their parent, and the parent where to go on looking."""
    start = UUID(int=0) if after is None else after
    seen = [row[0] for row in db.rows("cancellation/parents_left", {"after": start.bytes, "parents": parents})]
    found: list[UUID] = []
    for parent in seen:
        if len(found) < limit:
            left = db.rows("cancellation/children_left", {"parent": parent, "limit": limit - len(found)})
            found.extend(UUID(bytes=row[0]) for row in left)
    return found, UUID(bytes=seen[-1]) if len(seen) == parents else None


def abandon_children(db: Session, run_id: UUID) -> None:
    """They no longer end with their parent."""
    db.run("cancellation/abandon_children", (run_id.bytes,))


def _cancel(db: Session, statement: str, run_id: bytes, reason: str) -> bool:
    if db.run(statement, {"run_id": run_id, "reason": reason}) == 0:
        return False
    db.run("waits/clear", (run_id,))  # WAITING is over, whatever it became
    return True
