"""A client of the database: starts, looks, cancels; never executes."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from stepwell.async_verbs import AsyncVerbs, workflow_view
from stepwell.core import events, explain, operate, sending, streams, tokens
from stepwell.core.ref import RunRef
from stepwell.decorators import Workflow
from stepwell.handle import Handle
from stepwell.hosting import Host
from stepwell.model.info import ExecutorInfo, Page, WorkflowInfo
from stepwell.model.sentinel import RAISE

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
    ) -> Page[WorkflowInfo]:
        """Runs, newest first, without payloads. `after` is the page before's `after`."""
        where = operate.run_filter(name, status, id_prefix, attributes, since, until, limit, after)
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
    ) -> int:
        """How many runs match."""
        where = operate.run_filter(name, status, id_prefix, attributes, since, until)
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
