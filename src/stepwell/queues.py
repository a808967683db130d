"""`engine.queues` and `engine.aio.queues`: queues as they are now, changed while everything runs."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, TypedDict, TypeVar, Unpack

from stepwell.core import queueing
from stepwell.core.outside import from_any_loop
from stepwell.core.runtime import Runtime
from stepwell.hosting import Host
from stepwell.model.durations import Duration
from stepwell.model.queues import Queue, QueueInfo, Rate

T = TypeVar("T")

# Within the classes `list` is a verb.
Infos: TypeAlias = list[QueueInfo]


class QueueKeywords(TypedDict, total=False):
    """What `update` changes: see `Queue`. None takes a limit away."""

    concurrency: int | None
    worker_concurrency: int | None
    rate: Rate | None
    partition_concurrency: int | None
    partition_rate: Rate | None
    fair: bool
    paused: bool
    keep_place: bool


class Queues:
    """All queues of the engine's namespace, of all its engines. Blocking; `engine.aio.queues` awaits.

    ::

        engine.queues.update("emails", concurrency=5)
        for info in engine.queues.list():
            print(info.name, info.waiting, info.running)

    A change counts from its commit on, in every process: what is executed goes on, what is claimed next keeps the
    new limits. It stays when the code that declares the queue is launched again: a declaration changes only what
    nobody has changed since the last one.
    Every verb raises InvalidArgument before any effect, and StoreUnavailable.
    """

    def __init__(self, host: Host) -> None:
        self._host = host

    def create(self, queue: Queue) -> QueueInfo:
        """Make a queue, or give one that is there exactly these settings."""
        return self._host._block(lambda runtime: queueing.create(runtime, queue))

    def update(self, name: str | Queue, **fields: Unpack[QueueKeywords]) -> QueueInfo:
        """Change some settings; the others stay. Raises QueueNotFound.

        engine.queues.update("emails", concurrency=5, rate=Rate(100, per=60))
        """
        return self._host._block(lambda runtime: queueing.update(runtime, name, **fields))

    def get(self, name: str | Queue) -> QueueInfo:
        """One queue, with its settings and what is in it. Raises QueueNotFound."""
        return self._host._block(lambda runtime: queueing.get(runtime, name))

    def list(self) -> Infos:
        """All that are declared or have runs that wait or are executed, by name."""
        return self._host._block(queueing.list_all)

    def pause(self, name: str | Queue) -> QueueInfo:
        """Start nothing of it from now on. What is executed goes on; new runs wait."""
        return self._host._block(lambda runtime: queueing.set_paused(runtime, name, True))

    def resume(self, name: str | Queue) -> QueueInfo:
        """Go on with a queue that is paused."""
        return self._host._block(lambda runtime: queueing.set_paused(runtime, name, False))

    def purge(self, name: str | Queue) -> int:
        """Cancel all runs of it that wait and never started (reason "purged"); how many. In transactions of 1,000:
        after a crash, call it again."""
        return self._host._block(lambda runtime: queueing.purge(runtime, name))

    def drain(self, name: str | Queue, timeout: Duration | None = None) -> int:
        """Block until nothing is left to start (delayed runs included) or executed in it, at most `timeout` seconds:
        WaitTimeout. It stops nothing itself: who sends is to be stopped before.

        How many runs of it wait parked then, in a long `sleep`, a `recv` or for a child. They are not waited for, which
        could take years; when what they wait for comes, they are in the queue again.

            if engine.queues.drain("emails", timeout=60) == 0:
                engine.queues.delete("emails")
        """
        return self._host._block(lambda runtime: queueing.drain(runtime, name, timeout))

    def delete(self, name: str | Queue) -> None:
        """Forget a queue's limits. Raises QueueNotFound, and QueueNotEmpty while runs of it wait, are executed or are
        parked: they would go on without limits."""
        self._host._block(lambda runtime: queueing.delete(runtime, name))


class AsyncQueues:
    """`Queues`, awaited."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def _await(self, make: Callable[[Runtime], Coroutine[Any, Any, T]]) -> T:
        runtime = self._host.runtime
        return await from_any_loop(runtime, make(runtime))

    async def create(self, queue: Queue) -> QueueInfo:
        """See `Queues.create`."""
        return await self._await(lambda runtime: queueing.create(runtime, queue))

    async def update(self, name: str | Queue, **fields: Unpack[QueueKeywords]) -> QueueInfo:
        """See `Queues.update`."""
        return await self._await(lambda runtime: queueing.update(runtime, name, **fields))

    async def get(self, name: str | Queue) -> QueueInfo:
        """See `Queues.get`."""
        return await self._await(lambda runtime: queueing.get(runtime, name))

    async def list(self) -> Infos:
        """See `Queues.list`."""
        return await self._await(queueing.list_all)

    async def pause(self, name: str | Queue) -> QueueInfo:
        """See `Queues.pause`."""
        return await self._await(lambda runtime: queueing.set_paused(runtime, name, True))

    async def resume(self, name: str | Queue) -> QueueInfo:
        """See `Queues.resume`."""
        return await self._await(lambda runtime: queueing.set_paused(runtime, name, False))

    async def purge(self, name: str | Queue) -> int:
        """See `Queues.purge`."""
        return await self._await(lambda runtime: queueing.purge(runtime, name))

    async def drain(self, name: str | Queue, timeout: Duration | None = None) -> int:
        """See `Queues.drain`."""
        return await self._await(lambda runtime: queueing.drain(runtime, name, timeout))

    async def delete(self, name: str | Queue) -> None:
        """See `Queues.delete`."""
        await self._await(lambda runtime: queueing.delete(runtime, name))
