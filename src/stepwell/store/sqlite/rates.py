"""Rates of queues: how many starts the last period has had, in a few buckets. The rules are those of rate_room and
note_starts in Postgres."""

from typing import Any

from stepwell.model.queues import Rate
from stepwell.store.sqlite.connection import Session

#: A rate of more starts than this has buckets of a period divided by it; of fewer, each instant counts for itself.
_BUCKETS = 128
#: Old buckets that are removed at a time. More than what is added, so there are never many.
_FORGOTTEN = 100


def room(db: Session, queue: str, partition: str, rate: Rate, now: float) -> tuple[int, float | None]:
    """How many more starts a rate allows now; if none, when the next one. Partition '': of the whole queue."""
    row = db.one("claims/starts_of_late", _place(db, queue, partition) | {"period": rate.period, "now": now})
    assert row is not None, "an aggregate has one row"
    started, opens_at = row
    left = max(rate.limit - started, 0)
    return left, None if left else opens_at


def note(db: Session, queue: str, partition: str, rate: Rate, now: float, number: int) -> None:
    """Count starts. Those of a large rate within a fraction of its period count as the last of them: the rate is never
    exceeded, and opens that much late at most."""
    noted = _place(db, queue, partition) | {
        "period": rate.period,
        "grain": rate.period / _BUCKETS if rate.limit > _BUCKETS else 0.0,
        "now": now,
        "number": number,
    }
    if db.run("claims/note_in_last", noted) == 0:
        db.run("claims/note_new", noted)
    db.run("claims/forget_starts", (now, _FORGOTTEN))


def _place(db: Session, queue: str, partition: str) -> dict[str, Any]:
    return {"namespace": db.identity.namespace, "queue": queue, "partition": partition}
