"""What people and code do with queues: make, change, look, pause, empty."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stepwell.core.locked_file import writes
from stepwell.errors import InvalidArgument, QueueNotEmpty, QueueNotFound, WaitTimeout
from stepwell.model.durations import Duration, seconds
from stepwell.model.looking import RunFilter
from stepwell.model.queues import Queue, QueueInfo, QueueRow, queue_name
from stepwell.model.status import Status

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: Runs of one transaction of a purge.
_CHUNK = 1000
#: Between two looks at a queue that is to become empty, seconds.
_LOOK_SECONDS = 0.2


async def declare(runtime: "Runtime", queues: Sequence[Queue]) -> None:
    """At launch: make them, or let their rows follow where nobody has changed them at run time."""
    if queues:
        await runtime.patient(runtime.store.declare_queues, queues, outside=True)


@writes("queues.create")
async def create(runtime: "Runtime", queue: Queue) -> QueueInfo:
    """Make a queue, or give one that is there exactly these settings."""
    if not isinstance(queue, Queue):
        raise InvalidArgument(f"create takes a Queue, not {type(queue).__name__}")
    await _set(runtime, queue)
    return await get(runtime, queue)


@writes("queues.update")
async def update(runtime: "Runtime", name: str | Queue, **fields: Any) -> QueueInfo:
    """Change some settings. Raises QueueNotFound, InvalidArgument."""
    name = queue_name(name)
    changed = Queue(name).changed(**fields)
    if await runtime.patient(runtime.store.queue, name, outside=True) is None:
        # One that was never declared has runs all the same: what is set now is what it is from now on.
        await get(runtime, name)
    if fields:
        await _set(runtime, changed, fields)
    return await get(runtime, name)


async def _set(runtime: "Runtime", queue: Queue, only: Collection[str] | None = None) -> None:
    await runtime.patient(runtime.store.set_queue, queue, only, outside=True)
    runtime.work.set()


async def get(runtime: "Runtime", name: str | Queue) -> QueueInfo:
    """One queue. Raises QueueNotFound if it has neither a row nor runs."""
    name = queue_name(name)
    for row in await runtime.patient(runtime.store.queues, name, outside=True):
        return info_of(row)
    raise QueueNotFound(
        f"there is no queue {name!r}: nothing waits or runs in it, and nobody has declared it "
        f"(queues.create(Queue({name!r}, ...)) does)"
    )


async def list_all(runtime: "Runtime") -> list[QueueInfo]:
    """All of them, by name."""
    return [info_of(row) for row in await runtime.patient(runtime.store.queues, outside=True)]


@writes("queues.pause or resume")
async def set_paused(runtime: "Runtime", name: str | Queue, paused: bool) -> QueueInfo:
    """Pause or go on; a queue that nobody has declared gets a row."""
    name = queue_name(name)
    await _set(runtime, Queue(name).changed(paused=paused), ["paused"])
    return await get(runtime, name)


@writes("queues.purge")
async def purge(runtime: "Runtime", name: str | Queue) -> int:
    """Cancel what waits in it and never started. How many runs."""
    name = queue_name(name)
    number = 0
    while purged := await runtime.patient(runtime.store.purge_queue, name, _CHUNK, outside=True):
        number += len(purged)
        for run_id in purged:
            runtime.watch.elsewhere(run_id)
        await runtime.patient(runtime.store.wake_waiters_of, purged, outside=True)
        runtime.work.set()
    return number


@writes("queues.drain")
async def drain(runtime: "Runtime", name: str | Queue, timeout: Duration | None) -> int:
    """Wait until nothing is to be started or runs in it; how many runs wait parked then. Raises WaitTimeout, saying
    what is left."""
    name = queue_name(name)
    patience = float("inf") if timeout is None else seconds(timeout, "timeout")
    until = runtime.env.monotonic() + patience
    while True:
        left = next(iter(await runtime.patient(runtime.store.queues, name, outside=True)), None)
        if left is None or not (left.waiting or left.delayed or left.running):
            return await runtime.patient(runtime.store.count_runs, _parked_in(name), outside=True)
        if runtime.env.monotonic() >= until:
            raise WaitTimeout(
                f"after {patience:g} s the queue {name!r} has {left.waiting} runs that wait, {left.delayed} that are "
                f"delayed and {left.running} that are executed"
            )
        await asyncio.sleep(min(_LOOK_SECONDS, max(0.0, until - runtime.env.monotonic())))


def _parked_in(name: str, *others: Status) -> RunFilter:
    return RunFilter(status=(Status.WAITING, *others), queue=name)


@writes("queues.delete")
async def delete(runtime: "Runtime", name: str | Queue) -> None:
    """Remove its row. Raises QueueNotFound, and QueueNotEmpty while runs of it wait, are executed or are parked."""
    info = await get(runtime, name)
    parked = await runtime.patient(runtime.store.count_runs, _parked_in(info.name, Status.BLOCKED), outside=True)
    if info.waiting or info.delayed or info.running or parked:
        raise QueueNotEmpty(
            f"the queue {info.name!r} has {info.waiting + info.delayed} runs that wait, {info.running} that are "
            f"executed and {parked} that are parked or BLOCKED, and without its row they would have no limits: purge "
            "or drain it first, and let those that are parked end, or cancel them"
        )
    if info.declared and not await runtime.patient(runtime.store.delete_queue, info.name, outside=True):
        raise QueueNotEmpty(f"the queue {info.name!r} got runs just now: purge or drain it first")


def info_of(row: QueueRow) -> QueueInfo:
    """What people see of a store's row."""
    oldest = None if row.oldest is None else datetime.fromtimestamp(row.oldest, UTC)
    return QueueInfo(row.queue, row.waiting, row.delayed, row.running, oldest, row.declared)
