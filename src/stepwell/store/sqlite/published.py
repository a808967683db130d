"""Published events, their subscriptions, and who is parked on one. What each verb does is told in `store/verbs`."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from stepwell.model.published import Announced, EventWait, NewPublished, PublishedRow, Subscription
from stepwell.store.sqlite.connection import Session, blob
from stepwell.store.sqlite.starts import insert_run
from stepwell.store.sqlite.verbs import Verbs


class PublishedEvents(Verbs):
    """The verbs of published events."""

    async def subscribe(self, declared: Sequence[Subscription], workflows: Sequence[str]) -> None:
        await self._write.ask(len(workflows), subscribe, declared, workflows)

    async def subscriptions(self, event: str | None) -> list[Subscription]:
        return await self._read.ask(subscriptions, event)

    async def unsubscribe(self, event: str, workflow: str) -> int:
        return await self._write.ask(1, unsubscribe, event, workflow)

    async def announce(self, events: Sequence[NewPublished]) -> list[Announced]:
        return await self._write.ask(sum(1 + len(event.subscribers) for event in events), announce, events)

    async def event_head(self, event: str) -> int:
        return await self._read.ask(event_head, event)

    async def events_above(self, wanted: Sequence[tuple[str, int]], limit: int) -> list[list[PublishedRow]]:
        return await self._read.ask(events_above, wanted, limit)

    async def event_waits(
        self, event: str, below: int, after: tuple[UUID, str, int] | None, limit: int
    ) -> list[EventWait]:
        return await self._read.ask(event_waits, event, below, after, limit)

    async def event_waits_behind(self, limit: int) -> list[EventWait]:
        return await self._read.ask(event_waits_behind, limit)

    async def advance_event_waits(self, waits: Sequence[EventWait]) -> None:
        await self._write.ask(len(waits), advance_event_waits, waits)

    async def events_cancelling(self, older_than: float, limit: int) -> list[PublishedRow]:
        return await self._read.ask(events_cancelling, older_than, limit)

    async def event_cancelled(self, id: str) -> None:
        await self._write.ask(1, event_cancelled, id)

    async def live_runs(
        self, app: str, names: Sequence[str], until: float | None, after: UUID | None, limit: int
    ) -> list[UUID]:
        return await self._read.ask(live_runs, app, names, until, after, limit)

    async def run_inputs(self, run_ids: Sequence[UUID]) -> list[tuple[UUID, str, str | None]]:
        return await self._read.ask(run_inputs, run_ids)

    async def purge_events(self, older_than: float, limit: int) -> int:
        return await self._write.ask(limit, purge_events, older_than, limit)


# -- subscriptions -------------------------------------------------------------------------------------------------


def subscribe(db: Session, declared: Sequence[Subscription], workflows: Sequence[str]) -> None:
    """Put what is declared, remove what these workflows do not declare any more."""
    namespace, app = db.identity.namespace, db.identity.app
    wanted = {(each.event, each.workflow, each.mode) for each in declared}
    ours = set(workflows)
    for event, workflow, mode in db.rows("subscriptions/of_app", (namespace, app)):
        if workflow in ours and (event, workflow, mode) not in wanted:
            db.run("subscriptions/remove_one", (namespace, event, app, workflow, mode))
    for each in declared:
        db.run("subscriptions/put", {"namespace": namespace, "app": app, **_columns(each)})


def _columns(each: Subscription) -> dict[str, Any]:
    return {
        "event": each.event,
        "mode": each.mode,
        "workflow": each.workflow,
        "route": each.route,
        "filter": each.filter,
        "parameters": each.parameters,
        "version": each.version,
        "queue": each.queue,
        "timeout": each.timeout,
        "max_recoveries": each.max_recoveries,
    }


def subscriptions(db: Session, event: str | None) -> list[Subscription]:
    """To this event, or all."""
    rows = db.rows("subscriptions/list", {"namespace": db.identity.namespace, "event": event})
    return [Subscription(*row) for row in rows]


def unsubscribe(db: Session, event: str, workflow: str) -> int:
    """How many rows were removed."""
    return db.run("subscriptions/remove", (db.identity.namespace, event, workflow))


# -- events --------------------------------------------------------------------------------------------------------


def announce(db: Session, events: Sequence[NewPublished]) -> list[Announced]:
    """Insert what is new, with the runs of its subscribers."""
    return [_announce_one(db, event) for event in events]


def _announce_one(db: Session, event: NewPublished) -> Announced:
    namespace = db.identity.namespace
    row = (namespace, event.event, event.id, event.payload, event.codec_id, int(event.cancelling))
    fresh = db.run("published/insert", row) == 1
    if fresh:
        for subscriber in event.subscribers:
            theirs = Session(db.connection, replace(db.identity, app=subscriber.app))
            insert_run(theirs, subscriber.run)
    stored = db.one("published/stored", (namespace, event.id))
    assert stored is not None, "the write lock is ours: an event that was refused is there"
    number, published_at, cancelling = stored
    return Announced(number, published_at, bool(cancelling), fresh)


def event_head(db: Session, event: str) -> int:
    """The number of the last event of a name, or 0."""
    return int(db.value("published/head", (db.identity.namespace, event)))


def events_above(db: Session, wanted: Sequence[tuple[str, int]], limit: int) -> list[list[PublishedRow]]:
    """The events above each number."""
    if limit <= 0:  # which SQLite would read as "no limit"
        return [[] for _ in wanted]
    namespace = db.identity.namespace
    return [
        [PublishedRow(*row) for row in db.rows("published/after", (namespace, event, number, limit))]
        for event, number in wanted
    ]


def purge_events(db: Session, older_than: float, limit: int) -> int:
    """Retention; how many were removed."""
    where = {"namespace": db.identity.namespace, "older_than": older_than, "limit": limit}
    return db.run("published/purge", where)


# -- who waits, and who is cancelled -------------------------------------------------------------------------------


def event_waits(
    db: Session, event: str, below: int, after: tuple[UUID, str, int] | None, limit: int
) -> list[EventWait]:
    """A page of the waits for an event."""
    run_id, branch, seq = after or (None, None, None)
    where = {
        "namespace": db.identity.namespace,
        "event": event,
        "below": below,
        "run_id": blob(run_id),
        "branch": branch,
        "seq": seq,
        "limit": limit,
    }
    return [_wait(*row) for row in db.rows("published/waits", where)]


def event_waits_behind(db: Session, limit: int) -> list[EventWait]:
    """Waits with a filter that have not seen all events."""
    where = {"namespace": db.identity.namespace, "limit": limit}
    return [_wait(*row) for row in db.rows("published/waits_behind", where)]


def _wait(run_id: bytes, *rest: Any) -> EventWait:
    return EventWait(UUID(bytes=run_id), *rest)


def advance_event_waits(db: Session, waits: Sequence[EventWait]) -> None:
    """Up to their positions, never back."""
    db.many(
        "published/advance_wait",
        [{"run_id": w.run_id.bytes, "branch": w.branch, "seq": w.seq, "position": w.position} for w in waits],
    )


def events_cancelling(db: Session, older_than: float, limit: int) -> list[PublishedRow]:
    """Events because of which runs may have to be cancelled still."""
    where = {"namespace": db.identity.namespace, "older_than": older_than, "limit": limit}
    return [PublishedRow(*row) for row in db.rows("published/cancelling", where)]


def event_cancelled(db: Session, id: str) -> None:
    """It is done."""
    db.run("published/cancelled", (db.identity.namespace, id))


def live_runs(
    db: Session, app: str, names: Sequence[str], until: float | None, after: UUID | None, limit: int
) -> list[UUID]:
    """A page of the runs that have not ended."""
    where = {
        "namespace": db.identity.namespace,
        "app": app,
        "names": json.dumps(list(names)),
        "until": until,
        "after": blob(after),
        "limit": limit,
    }
    return [UUID(bytes=run_id) for (run_id,) in db.rows("published/live_runs", where)]


def run_inputs(db: Session, run_ids: Sequence[UUID]) -> list[tuple[UUID, str, str | None]]:
    """What the runs were started with."""
    found = ((run_id, db.one("published/input", (run_id.bytes,))) for run_id in run_ids)
    return [(run_id, row[0], row[1]) for run_id, row in found if row is not None]
