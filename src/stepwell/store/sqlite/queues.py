"""Queues: their rows, and what is in them. Which of their runs may start is in limits.py."""

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from stepwell.model.queues import SETTINGS, Queue, QueueRow, QueueStanding, queue_of, settings_of
from stepwell.store.sqlite import rates
from stepwell.store.sqlite.connection import Session
from stepwell.store.sqlite.verbs import Verbs

#: Where counts stop.
_MANY = 100_000
#: The settings of a queue of which nothing was said yet.
_INITIAL: dict[str, Any] = json.loads(settings_of(Queue("initial")))


class QueueVerbs(Verbs):
    """The verbs of a store."""

    async def declare_queues(self, queues: Sequence[Queue]) -> None:
        if queues:
            await self._write.ask(len(queues), declare, queues)

    async def set_queue(self, queue: Queue, only: Collection[str] | None = None) -> None:
        await self._write.ask(1, put, queue, only)

    async def queue(self, name: str) -> Queue | None:
        return await self._read.ask(get, name)

    async def queues(self, name: str | None = None, most: int = _MANY) -> list[QueueRow]:
        return await self._read.ask(listed, name, most)

    async def purge_queue(self, name: str, limit: int) -> list[UUID]:
        return await self._write.ask(limit, purge, name, limit)

    async def delete_queue(self, name: str) -> bool:
        return await self._write.ask(1, delete, name)

    async def standing_in_queue(self, run_id: UUID) -> QueueStanding | None:
        return await self._read.ask(standing, run_id)


def declare(db: Session, queues: Sequence[Queue]) -> None:
    """See `Store.declare_queues`."""
    for queue in queues:
        stored, merged = get(db, queue.name), queue
        if stored is not None:
            before = _declared(db, queue.name)
            merged = queue.changed(
                **{s: getattr(stored, s) for s in SETTINGS if getattr(stored, s) != getattr(before, s)}
            )
        _put(db, merged, declared=settings_of(queue))


def _declared(db: Session, name: str) -> Queue:
    """A queue as it was declared last; if it was not, as one without settings."""
    declared = json.loads(db.value("queues/declared", _key(db, name)) or "{}")
    return queue_of((name, *({**_INITIAL, **declared}[setting] for setting in _INITIAL)))


def put(db: Session, queue: Queue, only: Collection[str] | None = None) -> None:
    """See `Store.set_queue`."""
    stored = None if only is None else get(db, queue.name)
    if only is not None and stored is not None:
        queue = stored.changed(**{setting: getattr(queue, setting) for setting in only})
    _put(db, queue, declared=None)


def _put(db: Session, queue: Queue, declared: str | None) -> None:
    db.run("queues/put", {**_key(db, queue.name), **json.loads(settings_of(queue)), "declared": declared})


def get(db: Session, name: str) -> Queue | None:
    """See `Store.queue`."""
    row = db.one("queues/get", _key(db, name))
    return None if row is None else queue_of(row)


def listed(db: Session, name: str | None, most: int = _MANY) -> list[QueueRow]:
    """See `Store.queues`."""
    names = [row[0] for row in db.rows("queues/names", {"namespace": db.identity.namespace})]
    return [_counted(db, each, most) for each in names if name is None or name == each]


def _counted(db: Session, name: str, most: int) -> QueueRow:
    queue, counting = get(db, name), {**_key(db, name), "limit": most}
    ready, delayed, oldest = db.rows("queues/depth", counting)[0]
    running = db.value("claims/running", counting)
    return QueueRow(queue or Queue(name), ready, delayed, running, oldest, declared=queue is not None)


def purge(db: Session, name: str, limit: int) -> list[UUID]:
    """See `Store.purge_queue`."""
    return [UUID(bytes=run_id) for (run_id,) in db.rows("queues/purge", {**_key(db, name), "limit": max(limit, 0)})]


def delete(db: Session, name: str) -> bool:
    """See `Store.delete_queue`."""
    return db.run("queues/delete", _key(db, name)) == 1


def standing(db: Session, run_id: UUID) -> QueueStanding | None:
    """See `Store.standing_in_queue`."""
    waiter = db.one("queues/waiter", (run_id.bytes,))
    if waiter is None:
        return None
    namespace, name, partition, ahead = waiter
    queue = get(db, name)
    if queue is None or namespace != db.identity.namespace:
        return None
    key, now = {**_key(db, name), "limit": _MANY}, db.now()
    opens = partition_opens = None
    if queue.rate is not None:
        _, opens = rates.room(db, name, "", queue.rate, now)
    if queue.partition_rate is not None and partition:
        _, partition_opens = rates.room(db, name, partition, queue.partition_rate, now)
    running = db.value("claims/running", key)
    in_partition = db.value("claims/running_in_partition", key | {"partition": partition}) if partition else 0
    if queue.keep_place:
        running += db.value("claims/kept", key | {"partition": None})
        in_partition += db.value("claims/kept", key | {"partition": partition}) if partition else 0
    is_full = queue.concurrency is not None and running >= queue.concurrency
    within = partition if partition and queue.partition_concurrency is not None and not is_full else None
    return QueueStanding(
        queue,
        running=running,
        running_in_partition=in_partition,
        ahead=ahead,
        opens_in=None if opens is None else opens - now,
        partition_opens_in=None if partition_opens is None else partition_opens - now,
        holders=tuple(
            row[0]
            for row in db.rows(
                "queues/holders", {**_key(db, name), "partition": within, "keep_place": queue.keep_place}
            )
        ),
    )


def _key(db: Session, name: str) -> dict[str, Any]:
    return {"namespace": db.identity.namespace, "queue": name}
