"""`engine.aio`: the verbs of a client and an engine, awaited."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from stepwell.core import (
    event_publishing,
    events,
    explain,
    operate,
    operate_events,
    operate_many,
    sending,
    streams,
    tokens,
)
from stepwell.core.outside import from_any_loop
from stepwell.core.ref import RunRef
from stepwell.core.registry import REGISTRY
from stepwell.core.runtime import Runtime
from stepwell.decorators import AsyncWorkflow, Workflow
from stepwell.errors import WorkflowNotFound
from stepwell.handle import AsyncHandle
from stepwell.hosting import Host
from stepwell.model.ids import check_name
from stepwell.model.info import ExecutorInfo, Page, WorkflowInfo
from stepwell.model.published import SubscriptionInfo
from stepwell.model.queues import Queue
from stepwell.model.sentinel import RAISE
from stepwell.queues import AsyncQueues
from stepwell.schedules import AsyncSchedules

T = TypeVar("T")

Limit = float | timedelta | None


class AsyncVerbs:
    """`engine.aio`: every verb of `Client`, awaited."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @cached_property
    def queues(self) -> AsyncQueues:
        """See `Client.queues`."""
        return AsyncQueues(self._host)

    @cached_property
    def schedules(self) -> AsyncSchedules:
        """See `Client.schedules`."""
        return AsyncSchedules(self._host)

    async def _await(self, make: Callable[[Runtime], Coroutine[Any, Any, T]]) -> T:
        runtime = self._host.runtime
        return await from_any_loop(runtime, make(runtime))

    async def launch(self) -> None:
        """Start on the running event loop, like `async with engine:`. Returns when it serves, or raises."""
        await self._host.launch_here()

    async def close(self, drain: float | None = None) -> None:
        """See `Client.close`; also for an engine that was launched elsewhere, on a thread or another loop."""
        await self._host.close_from_here(drain)

    async def start(self, fn: AsyncWorkflow[..., T], *args: Any, **kwargs: Any) -> AsyncHandle[T]:
        """See `Client.start`."""
        return await fn.options(engine=self._host).start(*args, **kwargs)

    def workflow(self, name: str) -> AsyncWorkflow[..., Any]:
        """See `Client.workflow`; the awaited view."""
        return workflow_view(self._host, name).aio

    async def handle(self, id: str) -> AsyncHandle[Any]:
        """See `Client.handle`."""
        return AsyncHandle(await self._await(lambda runtime: operate.reference(runtime, id)))

    async def find(
        self,
        *,
        name: str | None = None,
        status: str | Sequence[str] | None = None,
        id_prefix: str | None = None,
        attributes: dict[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        after: str | None = None,
        queue: str | Queue | None = None,
    ) -> Page[WorkflowInfo]:
        """See `Client.find`."""
        where = operate.run_filter(name, status, id_prefix, attributes, since, until, limit, after, queue)
        return await self._await(lambda runtime: operate.find(runtime, where))

    async def count(
        self,
        *,
        name: str | None = None,
        status: str | Sequence[str] | None = None,
        id_prefix: str | None = None,
        attributes: dict[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        queue: str | Queue | None = None,
    ) -> int:
        """See `Client.count`."""
        where = operate.run_filter(name, status, id_prefix, attributes, since, until, queue=queue)
        return await self._await(lambda runtime: operate.count(runtime, where))

    async def cancel(self, id: str, force: bool = False, children: bool = True) -> None:
        """See `Client.cancel`."""
        await self._await(lambda runtime: operate.cancel(runtime, id, force, children))

    async def resume(self, id: str) -> AsyncHandle[Any]:
        """See `Client.resume`."""
        return AsyncHandle(await self._await(lambda runtime: operate.resume(runtime, id)))

    async def cancel_many(
        self,
        *,
        name: str | None = None,
        status: str | Sequence[str] | None = None,
        id_prefix: str | None = None,
        attributes: dict[str, Any] | None = None,
        queue: str | Queue | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        all: bool = False,
        reason: str = "cancel",
        progress: Callable[[int], object] | None = None,
    ) -> int:
        """See `Client.cancel_many`."""
        given = operate.run_filter(name, status, id_prefix, attributes, since, until, queue=queue)
        where = operate_many.checked(given, all, operate_many.CANCELLED_BY_DEFAULT)
        page = operate_many.cancelling_page(check_name(reason, "reason"))
        return await operate_many.all_pages_async(
            lambda where: self._await(lambda runtime: page(runtime, where)), where, progress
        )

    async def resume_many(
        self,
        *,
        name: str | None = None,
        status: str | Sequence[str] | None = None,
        id_prefix: str | None = None,
        attributes: dict[str, Any] | None = None,
        queue: str | Queue | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        all: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> int:
        """See `Client.resume_many`."""
        given = operate.run_filter(name, status, id_prefix, attributes, since, until, queue=queue)
        where = operate_many.checked(given, all, operate_many.RESUMED_BY_DEFAULT)
        return await operate_many.all_pages_async(
            lambda where: self._await(lambda runtime: operate_many.resuming_page(runtime, where)), where, progress
        )

    async def rewind(self, id: str, step: str) -> AsyncHandle[Any]:
        """See `Client.rewind`."""
        return AsyncHandle(await self._await(lambda runtime: operate.rewind(runtime, id, step)))

    async def fork(self, id: str, step: str, input: Any = None, *, new_id: str | None = None) -> AsyncHandle[Any]:
        """See `Client.fork`."""
        return AsyncHandle(await self._await(lambda runtime: operate.fork(runtime, id, step, input, new_id)))

    async def delete(self, id: str) -> None:
        """See `Client.delete`."""
        await self._await(lambda runtime: operate.delete(runtime, id))

    async def explain(self, id: str) -> str:
        """See `Client.explain`."""
        return await self._await(lambda runtime: explain.explain(runtime, id))

    async def executors(self) -> list[ExecutorInfo]:
        """See `Client.executors`."""
        return await self._await(operate.executors)

    async def publish(self, event: str, payload: object, *, id: str | None = None) -> str:
        """See `Client.publish`."""
        return await event_publishing.publish_async(self._host.runtime, event, payload, id)

    async def subscriptions(self, event: str | None = None) -> list[SubscriptionInfo]:
        """See `Client.subscriptions`."""
        return await self._await(lambda runtime: operate_events.subscriptions(runtime, event))

    async def unsubscribe(self, event: str, workflow: str) -> int:
        """See `Client.unsubscribe`."""
        return await self._await(lambda runtime: operate_events.unsubscribe(runtime, event, workflow))

    async def send(
        self, id: str, message: object, topic: str | None = None, key: str | None = None, *, conn: object = None
    ) -> None:
        """See `stepwell.send`."""
        await sending.send_async(self._host.runtime, id, message, topic, key, conn)

    async def get_event(
        self, id: str, key: str, *, type: Any = None, timeout: Limit = None, default: Any = RAISE
    ) -> Any:
        """See `stepwell.get_event`."""
        return await events.get_async(RunRef(self._host.runtime, id, None, None), key, type, timeout, default)

    def read_stream(self, id: str, key: str, *, type: Any = None, start: int = 0) -> AsyncIterator[Any]:
        """See `stepwell.read_stream`."""
        ref = RunRef(self._host.runtime, id, None, None)
        return streams.AsyncStreamIterator(streams.Reading(ref, key, type, start))

    async def complete(self, id: str, value: object) -> None:
        """See `Client.complete`."""
        await tokens.complete_async(self._host.runtime, "complete", id, value)

    async def fail(self, id: str, error: Exception | str) -> None:
        """See `Client.fail`."""
        await tokens.complete_async(self._host.runtime, "fail", id, error)

    async def health(self) -> dict[str, Any]:
        """See `Client.health`."""
        return operate.health(self._host.runtime)

    async def run_until_idle(self, timeout: float = 60.0) -> None:
        """See `Stepwell.run_until_idle`."""
        await self._await(lambda runtime: operate.run_until_idle(runtime, timeout))


def workflow_view(host: Host, name: str) -> Workflow[..., Any]:
    """A workflow by its registered name, bound to that engine. Raises WorkflowNotFound."""
    definition = REGISTRY.find(name)
    if definition is None:
        raise WorkflowNotFound(f"no workflow {name!r} is defined in this process: import the module that defines it")
    return Workflow(definition, definition.default_options.merged(engine=host), None, {"__name__": name})
