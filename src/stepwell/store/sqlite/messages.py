"""Messages: sending them, and reading those that wait. A receive consumes one in the group commit."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from stepwell.model.messaging import Delivery, Message, NewMessage, Sent
from stepwell.model.rows import Checkpoint
from stepwell.store.sqlite.connection import Session, blob
from stepwell.store.sqlite.waits import wake_those_ripe


def send(db: Session, messages: Sequence[NewMessage]) -> list[Sent]:
    """Insert the messages in their order; then wake who is parked on them."""
    destinations: dict[str, tuple[bytes, bool, bool] | None] = {}
    sent = [_send_one(db, message, destinations) for message in messages]
    parked = [found[0] for found in destinations.values() if found is not None and found[2]]
    woken = {UUID(bytes=run_id) for run_id in wake_those_ripe(db, parked)}
    return [replace(one, woke=True) if one.run_id in woken else one for one in sent]


def _send_one(db: Session, message: NewMessage, destinations: dict[str, tuple[bytes, bool, bool] | None]) -> Sent:
    to = message.workflow_id
    if to not in destinations:
        row = db.one("messages/destination", (db.identity.namespace, to))
        destinations[to] = None if row is None else (row[0], bool(row[1]), bool(row[2]))
    found = destinations[to]
    if found is None:
        return Sent(Delivery.NOT_FOUND, None)
    run_id, ended, _ = found
    if ended:
        there = db.one("messages/stored", (run_id, message.key)) is not None
        return Sent(Delivery.DUPLICATE if there else Delivery.ENDED, UUID(bytes=run_id))
    inserted = db.run("messages/insert", _params(run_id, message)) == 1
    return Sent(Delivery.SENT if inserted else Delivery.DUPLICATE, UUID(bytes=run_id))


def _params(run_id: bytes, message: NewMessage) -> tuple[Any, ...]:
    return (
        run_id,
        message.key,
        message.topic or "",
        message.body,
        message.codec_id,
        blob(message.sender_run),
        message.reply_to,
    )


def unconsumed(db: Session, wanted: Sequence[tuple[UUID, str | None]], limit: int) -> list[Message]:
    """What no receive has consumed, by run and number; the oldest of each (run, topic)."""
    if limit <= 0:  # which SQLite would read as "no limit"
        return []
    found = [
        Message(run_id, *row)
        for run_id, topic in dict.fromkeys((run_id, topic or "") for run_id, topic in wanted)
        for row in db.rows("messages/unconsumed", {"run_id": run_id.bytes, "topic": topic, "limit": limit})
    ]
    return sorted(found, key=lambda message: (message.run_id, message.number))


def consume(db: Session, receives: Sequence[Checkpoint]) -> None:
    """Mark the messages that these checkpoints took, as far as they are recorded. Ignores those that took none."""
    params = [
        {"run_id": c.run_id.bytes, "key": c.consumes, "branch": c.branch, "seq": c.seq, "epoch": c.epoch}
        for c in receives
        if c.consumes is not None
    ]
    if params:
        db.many("messages/consume", params)
