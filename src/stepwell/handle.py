"""Handles: references to runs that outlive the process, in both colours."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from datetime import timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from stepwell.core import child, events, operate, sending, streams
from stepwell.core.context import Branch, frame
from stepwell.core.definition import WorkflowDefinition
from stepwell.core.engines import find_runtime
from stepwell.core.locked_file import refusal
from stepwell.core.outside import blocking, from_any_loop
from stepwell.core.ref import RunRef
from stepwell.errors import AsyncMismatch, TransactionMisuse
from stepwell.model.durations import seconds
from stepwell.model.info import StepInfo, WorkflowInfo
from stepwell.model.sentinel import RAISE

Limit = float | timedelta | None

T = TypeVar("T")
V = TypeVar("V")


class _Base(Generic[T]):
    """What both colours share."""

    __slots__ = ("_ref",)

    def __init__(self, ref: RunRef) -> None:
        self._ref = ref

    @property
    def id(self) -> str:
        """The workflow's id."""
        return self._ref.workflow_id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._ref.workflow_id!r}>"

    def _result(self, timeout: float | None) -> Coroutine[Any, Any, Any]:
        refused = refusal(self._ref.runtime, f"the result of {self.id!r} is waited for", "Wait for it before, or after")
        return self._ref.result(timeout) if refused is None else self._result_now(refused)

    async def _result_now(self, refused: TransactionMisuse) -> Any:
        if (await self._ref.row()).completed_at is None:
            raise refused
        return await self._ref.result()

    async def _status(self) -> WorkflowInfo:
        return WorkflowInfo.of(await self._ref.row())

    async def _steps(self) -> list[StepInfo]:
        run_id = await self._ref.bound()
        runtime = self._ref.runtime
        found: list[StepInfo] = []
        after = -1
        while True:
            rows = await runtime.patient(runtime.store.list_steps, run_id, True, 1000, after, outside=True)
            found += [StepInfo.of(row) for row in rows if row.pos is not None or after == -1]
            positions = [row.pos for row in rows if row.pos is not None]
            if len(positions) < 1000:
                return found
            after = positions[-1]

    def _cancel(self) -> Coroutine[Any, Any, None]:
        return operate.cancel_run(self._ref.runtime, self._ref)


class Handle(_Base[T]):
    """A run, for blocking code.

    ::

        handle = checkout.options(id="o-2").start("o-2")
        handle.result(timeout=60)
    """

    __slots__ = ()

    @classmethod
    def of(cls, definition: WorkflowDefinition, id: str, engine: object = None) -> "Handle[Any]":
        """The handle of the run with this id. Raises WorkflowNotFound."""
        ref = RunRef(find_runtime(engine), id, None, definition)
        handle: Handle[Any] = cls(ref)
        handle._run(ref.bound())
        return handle

    @property
    def run_id(self) -> UUID:
        """The run's own id, never reused."""
        return self._run(self._ref.bound())

    def result(self, timeout: float | timedelta | None = None) -> T:
        """Wait for the outcome: return the result, or raise the recorded exception as its own type.

        `timeout` in seconds. Raises WaitTimeout (the run goes on), WorkflowCancelled, WorkflowFailed if the type is
        not imported here. Within a workflow the outcome is recorded there.
        """
        limit = None if timeout is None else seconds(timeout, "timeout")
        here = frame.get()
        if isinstance(here, Branch):
            _check_colour()
            recorded: T = child.result(here, self._ref, limit)
            return recorded
        result: T = self._run(self._result(limit))
        return result

    def status(self) -> WorkflowInfo:
        """The run as it is now."""
        return self._run(self._status())

    def steps(self) -> list[StepInfo]:
        """What the run has recorded, in the order of delivery, then what it has begun."""
        return self._run(self._steps())

    def cancel(self) -> None:
        """Request the cancellation of the run and its children; it is delivered at their next step or wait."""
        self._run(self._cancel())

    def send(self, message: object, topic: str | None = None, key: str | None = None) -> None:
        """Send a message to the workflow; see `stepwell.send`."""
        sending.send(self._ref.runtime, self.id, message, topic, key)

    def get_event(self, key: str, *, type: Any = None, timeout: Limit = None, default: Any = RAISE) -> Any:
        """What this run has set under the key; see `stepwell.get_event`."""
        return events.get(self._ref, key, type, timeout, default)

    def read_stream(self, key: str, *, type: Any = None, start: int = 0) -> Iterator[Any]:
        """The values of this run's stream; see `stepwell.read_stream`."""
        return streams.StreamIterator(streams.Reading(self._ref, key, type, start))

    def _run(self, coroutine: Coroutine[Any, Any, V]) -> V:
        try:
            _check_colour()
        except AsyncMismatch:
            coroutine.close()
            raise
        return blocking(self._ref.runtime, coroutine)


def _check_colour() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise AsyncMismatch(
        "this handle blocks, and this thread runs an event loop: start with fn.aio.start(...) and await"
    )


class AsyncHandle(_Base[T]):
    """A run, for async code: the same, awaited.

    ::

        handle = await digest.start(urls)
        pages = await handle.result()
    """

    __slots__ = ()

    @classmethod
    def of(cls, definition: WorkflowDefinition, id: str, engine: object = None) -> "AsyncHandle[Any]":
        """The handle of the run with this id; whether there is one shows at the first await."""
        return cls(RunRef(find_runtime(engine), id, None, definition))

    @property
    def run_id(self) -> UUID | None:
        """The run's own id; None until the handle was first awaited."""
        return self._ref.run_id

    async def result(self, timeout: float | timedelta | None = None) -> T:
        """Wait for the outcome; see `Handle.result`."""
        limit = None if timeout is None else seconds(timeout, "timeout")
        here = frame.get()
        if isinstance(here, Branch):
            recorded: T = await child.result_async(here, self._ref, limit)
            return recorded
        result: T = await from_any_loop(self._ref.runtime, self._result(limit))
        return result

    async def status(self) -> WorkflowInfo:
        """The run as it is now."""
        return await from_any_loop(self._ref.runtime, self._status())

    async def steps(self) -> list[StepInfo]:
        """What the run has recorded, in the order of delivery, then what it has begun."""
        return await from_any_loop(self._ref.runtime, self._steps())

    async def cancel(self) -> None:
        """Request the cancellation of the run and its children."""
        await from_any_loop(self._ref.runtime, self._cancel())

    async def send(self, message: object, topic: str | None = None, key: str | None = None) -> None:
        """Send a message to the workflow; see `stepwell.send`."""
        await sending.send_async(self._ref.runtime, self.id, message, topic, key)

    async def get_event(self, key: str, *, type: Any = None, timeout: Limit = None, default: Any = RAISE) -> Any:
        """What this run has set under the key; see `stepwell.get_event`."""
        return await events.get_async(self._ref, key, type, timeout, default)

    def read_stream(self, key: str, *, type: Any = None, start: int = 0) -> AsyncIterator[Any]:
        """The values of this run's stream; see `stepwell.read_stream`."""
        return streams.AsyncStreamIterator(streams.Reading(self._ref, key, type, start))
