"""The processes that execute: who they are, what they serve, and whether they still live."""

import json
from collections.abc import Sequence
from uuid import UUID

from stepwell.model.looking import ExecutorRow
from stepwell.model.rows import Beat
from stepwell.store.api import retention_lease
from stepwell.store.sqlite.connection import Row, Session


def register(
    db: Session, incarnation: UUID, label: str, lease: float, serves: Sequence[str], queues: Sequence[str]
) -> float:
    """Make this process known, or change what it serves; returns the database's now."""
    params = {
        "incarnation": incarnation.bytes,
        "namespace": db.identity.namespace,
        "app": db.identity.app,
        "label": label,
        "lease": lease,
        "serves": json.dumps(list(serves)),
        "queues": json.dumps(list(queues)),
    }
    db.run("executors/register", params)
    return db.now()


def set_draining(db: Session, incarnation: UUID) -> None:
    db.run("executors/drain", (incarnation.bytes,))


def unregister(db: Session, incarnation: UUID) -> None:
    db.run("executors/unregister", (incarnation.bytes,))


def executors(db: Session) -> list[ExecutorRow]:
    return [_executor(row) for row in db.rows("executors/list")]


def _executor(row: Row) -> ExecutorRow:
    incarnation, label, namespace, app, beat, until, over, draining, serves, queues, started = row
    return ExecutorRow(
        UUID(bytes=incarnation),
        label,
        namespace,
        app,
        beat,
        until,
        bool(over),
        bool(draining),
        tuple(json.loads(serves)),
        tuple(json.loads(queues)),
        started,
    )


def beat(db: Session, incarnation: UUID, lease: float) -> Beat:
    """Prolong the lease and look for cancellations of what this process owns."""
    now = db.value("executors/beat", (lease, incarnation.bytes))
    if now is None:
        return Beat(known=False, database_now=db.now(), cancels={})
    return Beat(known=True, database_now=now, cancels=cancels(db, incarnation))


def cancels(db: Session, incarnation: UUID) -> dict[UUID, str]:
    """Pending cancellations of what this process owns."""
    return {UUID(bytes=row[0]): row[1] for row in db.rows("executors/cancels", (incarnation.bytes,))}


def acquire_sweep(db: Session, incarnation: UUID, ttl: float) -> bool:
    """Whether this process is the sweeper for the next `ttl` seconds."""
    return _acquire(db, "sweep", incarnation, ttl)


def acquire_retention(db: Session, incarnation: UUID, ttl: float) -> bool:
    """Whether this process does its app's retention for the next `ttl` seconds."""
    return _acquire(db, retention_lease(db.identity), incarnation, ttl)


def _acquire(db: Session, job: str, incarnation: UUID, ttl: float) -> bool:
    params = {"name": job, "holder": incarnation.bytes, "ttl": ttl}
    return db.one("executors/acquire_lease", params) is not None
