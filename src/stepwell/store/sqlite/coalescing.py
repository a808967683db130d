"""Starts that become one: debounced, batched, or in the place of another. In one write transaction each."""

from typing import Any
from uuid import UUID

from stepwell.model.rows import NewRun, Started
from stepwell.store.sqlite import cancellation, starts
from stepwell.store.sqlite.connection import Session
from stepwell.store.sqlite.verbs import Verbs


class CoalescingVerbs(Verbs):
    """The verbs of a store."""

    async def debounce(self, run: NewRun, limit: float | None) -> Started:
        return await self._write.ask(1, debounce, run, limit)

    async def add_to_batch(self, run: NewRun, item: str, most: int, most_bytes: int) -> Started:
        return await self._write.ask(1, add_to_batch, run, item, most, most_bytes)

    async def supersede(self, run: NewRun) -> Started:
        return await self._write.ask(1, supersede, run)


def debounce(db: Session, run: NewRun, limit: float | None) -> Started:
    """See `Store.debounce`."""
    if _is_there(db, run):
        return starts.start(db, [run])[0]
    values = {"input": run.input, "input_digest": run.input_digest, "codec_id": run.codec_id}
    found = _coalesced(db, "coalescing/debounce", run, **values, delay=run.delay, limit=limit)
    if found is not None:
        return found
    db.run("coalescing/free_key", {**_key(db, run), "waiting": False})
    return starts.start(db, [run])[0]


def add_to_batch(db: Session, run: NewRun, item: str, most: int, most_bytes: int) -> Started:
    """See `Store.add_to_batch`."""
    if _is_there(db, run):
        return starts.start(db, [run])[0]
    found = _coalesced(db, "coalescing/add_to_batch", run, item=item, most=most, most_bytes=most_bytes)
    if found is not None:
        return found
    db.run("coalescing/free_key", {**_key(db, run), "waiting": True})
    return starts.start(db, [run])[0]


def supersede(db: Session, run: NewRun) -> Started:
    """See `Store.supersede`."""
    if _is_there(db, run):
        return starts.start(db, [run])[0]
    key = _key(db, run)
    holder = db.one("workflows/started_dedup", tuple(key.values()))
    if holder is not None:
        cancellation.request_cancel(db, [UUID(bytes=holder[0])], "superseded", False, True)
        db.run("coalescing/free_key", {**key, "waiting": True})
    return starts.start(db, [run])[0]


def _is_there(db: Session, run: NewRun) -> bool:
    """Its first answer was lost: others may have come since, and are not to be undone."""
    return db.one("workflows/started_run", (run.run_id.bytes,)) is not None


def _key(db: Session, run: NewRun) -> dict[str, Any]:
    return {"namespace": db.identity.namespace, "queue": run.queue or "", "dedup_key": run.dedup_key}


def _coalesced(db: Session, statement: str, run: NewRun, **values: Any) -> Started | None:
    row = db.one(statement, {**_key(db, run), **values})
    if row is None:
        return None
    run_id, workflow_id, name, digest, status, deadline = row
    return Started(UUID(bytes=run_id), workflow_id, False, name, digest, status, deadline, deduplicated=True)
