"""Short words for messages, events and streams."""

from typing import Any
from uuid import UUID

from stepwell.model.messaging import EventWrite, NewMessage, Published, Sent, StreamEntry, StreamWrite
from stepwell.model.rows import Wait
from stepwell.store.api import Store
from tests.store.conformance.kit import Executing, World


def message(to: UUID | str, key: str = "k", **fields: Any) -> NewMessage:
    """To the run whose workflow_id is `to`."""
    return NewMessage(str(to), key, **{"body": f'"body of {key}"', **fields})


async def sent(world: World, *messages: NewMessage, store: Store | None = None) -> list[Sent]:
    return await (store or world.store).send(messages)


async def keys(world: World, run: UUID | Executing, topic: str | None = None, limit: int = 1000) -> list[str]:
    """The keys of what waits for a run, in order."""
    run_id = run if isinstance(run, UUID) else run.run_id
    return [found.key for found in await world.store.unconsumed([(run_id, topic)], limit)]


def event(run: Executing, key: str = "status", value: str = '"v"', seq: int = 0, branch: str = "0") -> EventWrite:
    return EventWrite(run.run_id, run.epoch, branch, seq, key, value)


def entry(
    run: Executing, value: str | None, key: str = "log", seq: int | None = None, branch: str = "0"
) -> StreamWrite:
    """One more entry; without a `seq`, as from within a step. None closes."""
    return StreamWrite(run.run_id, run.epoch, branch, seq, key, value)


async def published(world: World, *writes: EventWrite | StreamWrite, store: Store | None = None) -> list[Published]:
    events = [write for write in writes if isinstance(write, EventWrite)]
    entries = [write for write in writes if isinstance(write, StreamWrite)]
    return await (store or world.store).publish(events, entries)


async def value(world: World, run: UUID | Executing, key: str = "status") -> str | None:
    """What an event is set to."""
    run_id = run if isinstance(run, UUID) else run.run_id
    found = await world.store.events([(run_id, key)])
    return found[0].value if found else None


async def entries(world: World, run: UUID | Executing, key: str = "log", start: int = 0) -> list[StreamEntry]:
    run_id = run if isinstance(run, UUID) else run.run_id
    (found,) = await world.store.streams([(run_id, key, start)], 10_000)
    return found


async def values(world: World, run: UUID | Executing, key: str = "log", start: int = 0) -> list[str | None]:
    return [found.value for found in await entries(world, run, key, start)]


def for_message(topic: str | None = None, seq: int = 0, wake_at: float | None = None) -> Wait:
    return Wait("0", seq, "message", wake_at=wake_at, topic=topic)


def for_event(target: UUID, key: str = "status", seq: int = 0, wake_at: float | None = None) -> Wait:
    return Wait("0", seq, "event", wake_at=wake_at, target_run=target, key=key)


def for_entry(target: UUID, number: int, key: str = "log", seq: int = 0, wake_at: float | None = None) -> Wait:
    return Wait("0", seq, "stream", wake_at=wake_at, target_run=target, key=key, number=number)
