"""A client of the database: starts, looks, cancels; never executes."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from stepwell.async_verbs import AsyncVerbs, workflow_view
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
from stepwell.core.ref import RunRef
from stepwell.decorators import Workflow
from stepwell.handle import Handle
from stepwell.hosting import Host
from stepwell.model.ids import check_name
from stepwell.model.info import ExecutorInfo, Page, WorkflowInfo
from stepwell.model.published import SubscriptionInfo
from stepwell.model.queues import Queue
from stepwell.model.sentinel import RAISE
from stepwell.queues import Queues
from stepwell.schedules import Schedules

T = TypeVar("T")

Limit = float | timedelta | None


class Client(Host):
    """The verbs of an engine without its execution: starts are ENQUEUED for the engines that serve them.

    `database` as in `stepwell.config.database_url`; `schema` is the Postgres schema; `name` tells the services of one
    schema apart and `namespace` the tenants. The constructor opens nothing.

    ::

        with Client("postgresql://localhost/shop") as client:
            client.workflow("shop:checkout").start("o-1", "anvil", 4200)
    """

    # -- verbs -----------------------------------------------------------------------------------------------
    @cached_property
    def aio(self) -> "AsyncVerbs":
        """The same verbs, awaited."""
        return AsyncVerbs(self)

    @cached_property
    def queues(self) -> Queues:
        """The queues of this namespace: make, change, look, pause, empty."""
        return Queues(self)

    @cached_property
    def schedules(self) -> Schedules:
        """The schedules of this namespace: make, change, pause, trigger, backfill."""
        return Schedules(self)

    def register(self, name: str, instance: object, *, replace: bool = False) -> None:
        """Name an instance, so that its method workflows can be taken over by any process that has it too."""
        self.instances.register(name, instance, replace=replace)

    def start(self, fn: Workflow[..., T], *args: Any, **kwargs: Any) -> Handle[T]:
        """`fn.start(...)` on this engine."""
        return fn.options(engine=self).start(*args, **kwargs)

    def workflow(self, name: str) -> Workflow[..., Any]:
        """A workflow by its registered name, for callers that cannot import it.

        Raises WorkflowNotFound if this process does not define it.
        """
        return workflow_view(self, name)

    def handle(self, id: str) -> Handle[Any]:
        """The handle of the current run with this id. Raises WorkflowNotFound."""
        ref = self._block(lambda runtime: operate.reference(runtime, id))
        return Handle(ref)

    def find(
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
        """Runs, newest first, without payloads. `after` is the page before's `after`."""
        where = operate.run_filter(name, status, id_prefix, attributes, since, until, limit, after, queue)
        return self._block(lambda runtime: operate.find(runtime, where))

    def count(
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
        """How many runs match."""
        where = operate.run_filter(name, status, id_prefix, attributes, since, until, queue=queue)
        return self._block(lambda runtime: operate.count(runtime, where))

    def cancel(self, id: str, force: bool = False, children: bool = True) -> None:
        """Request a cancellation; with `force` the run is CANCELLED at once, whatever it does."""
        self._block(lambda runtime: operate.cancel(runtime, id, force, children))

    def resume(self, id: str) -> Handle[Any]:
        """Go on from where a BLOCKED, DEAD, CANCELLED or ERROR run stopped.

        ERROR: the steps whose failure ended it are tried again, and so are its children that failed; what the run did
        because of the failure is forgotten, everything else stays recorded. The old outcome is archived. A step that
        ended in `StepInterrupted` is not tried again: that takes a rewind."""
        return Handle(self._block(lambda runtime: operate.resume(runtime, id)))

    def cancel_many(
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
        """Request the cancellation of all runs that match (filters as in `find`), and of their children; how many.

            engine.cancel_many(name="shop:checkout", until=noon, reason="withdrawn")

        Without `status`: of all that have not ended. In transactions of at most 500 runs: after an interruption
        call it again, and the rest follows. `progress` is called after each page with the number so far. `reason`: what
        those who wait are told. Raises InvalidArgument without any filter, unless `all=True`.
        """
        given = operate.run_filter(name, status, id_prefix, attributes, since, until, queue=queue)
        where = operate_many.checked(given, all, operate_many.CANCELLED_BY_DEFAULT)
        page = operate_many.cancelling_page(check_name(reason, "reason"))
        return operate_many.all_pages(lambda where: self._block(lambda runtime: page(runtime, where)), where, progress)

    def resume_many(
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
        """`resume` all runs that match (filters as in `find`); how many.

            engine.resume_many(name="shop:checkout", status="ERROR", since=yesterday)

        Without `status`: BLOCKED, DEAD and ERROR ones; what was cancelled only if asked for. Otherwise like
        `cancel_many`.
        """
        given = operate.run_filter(name, status, id_prefix, attributes, since, until, queue=queue)
        where = operate_many.checked(given, all, operate_many.RESUMED_BY_DEFAULT)
        return operate_many.all_pages(
            lambda where: self._block(lambda runtime: operate_many.resuming_page(runtime, where)), where, progress
        )

    def rewind(self, id: str, step: str) -> Handle[Any]:
        """Run the same run from that step (a `StepInfo.id`) again; what is replaced is archived."""
        return Handle(self._block(lambda runtime: operate.rewind(runtime, id, step)))

    def fork(self, id: str, step: str, input: Any = None, *, new_id: str | None = None) -> Handle[Any]:
        """A new run that keeps what came before that step. `input`: (args, kwargs) to replace the recorded ones."""
        return Handle(self._block(lambda runtime: operate.fork(runtime, id, step, input, new_id)))

    def delete(self, id: str) -> None:
        """Remove an ended run with everything recorded of it. Raises UsageError if it has not ended."""
        self._block(lambda runtime: operate.delete(runtime, id))

    def explain(self, id: str) -> str:
        """Why the run is not running, or what it waits for, in words."""
        return self._block(lambda runtime: explain.explain(runtime, id))

    def executors(self) -> list[ExecutorInfo]:
        """The processes of this schema: live, draining, and silent ones that are not removed yet."""
        return self._block(operate.executors)

    # -- published events ------------------------------------------------------------------------------------
    def publish(self, event: str, payload: object, *, id: str | None = None) -> str:
        """Publish an event for whoever subscribed to it, whether or not this process has their code; its id. See
        `stepwell.publish`."""
        return event_publishing.publish(self.runtime, event, payload, id)

    def subscriptions(self, event: str | None = None) -> list[SubscriptionInfo]:
        """Which workflows an event starts, and whose runs it cancels; without one, all of the namespace."""
        return self._block(lambda runtime: operate_events.subscriptions(runtime, event))

    def unsubscribe(self, event: str, workflow: str) -> int:
        """Remove what a workflow, by its registered name, subscribed to the event; how many rows that were. For
        workflows that are no more: those that still declare it subscribe again when their process is launched."""
        return self._block(lambda runtime: operate_events.unsubscribe(runtime, event, workflow))

    # -- messages, events, streams, tokens -------------------------------------------------------------------
    def send(
        self, id: str, message: object, topic: str | None = None, key: str | None = None, *, conn: object = None
    ) -> None:
        """Send a message to the workflow with this id; see `stepwell.send`."""
        sending.send(self.runtime, id, message, topic, key, conn)

    def get_event(self, id: str, key: str, *, type: Any = None, timeout: Limit = None, default: Any = RAISE) -> Any:
        """What the run has set under the key, or will set; see `stepwell.get_event`."""
        return events.get(RunRef(self.runtime, id, None, None), key, type, timeout, default)

    def read_stream(self, id: str, key: str, *, type: Any = None, start: int = 0) -> Iterator[Any]:
        """The values of the run's stream; see `stepwell.read_stream`."""
        return streams.StreamIterator(streams.Reading(RunRef(self.runtime, id, None, None), key, type, start))

    def complete(self, id: str, value: object) -> None:
        """Answer a token (`Token.id`): its `wait` returns this value. From any process on the same database, once.

        Raises TokenUsed, TokenExpired, TokenInvalid, WorkflowEnded; no run is touched then.
        """
        tokens.complete(self.runtime, "complete", id, value)

    def fail(self, id: str, error: Exception | str) -> None:
        """Answer a token with a failure: its `wait` raises it, a text as TokenFailed. Otherwise like `complete`."""
        tokens.complete(self.runtime, "fail", id, error)

    def health(self) -> dict[str, Any]:
        """Whether the engine serves: its state, its database, what it executes."""
        return operate.health(self.runtime)
