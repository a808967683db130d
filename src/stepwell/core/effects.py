"""What a workflow does to others: an operation with one effect, or within a step the effect itself.

In a workflow the effect waits until everything earlier is durable, is done at least once, and the database knows by
its place that it was done. In a step it is part of the body: at least once with the step, under the run's fence.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from stepwell.core import async_ops, thread_ops
from stepwell.core.context import Branch, StepScope
from stepwell.core.execution import Execution
from stepwell.core.keys import Key
from stepwell.core.outside import blocking, from_any_loop
from stepwell.core.unwind import Unwound
from stepwell.core.verbs import draw
from stepwell.errors import AsyncMismatch, StreamClosed
from stepwell.model.messaging import EventWrite, Published, StreamWrite

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: Does it, with the place of its call.
Effect = Callable[[Execution, Key], Coroutine[Any, Any, None]]


def in_thread(branch: Branch, kind: str, name: str, mark: int, effect: Effect) -> None:
    """The operation of a def workflow."""
    runtime = branch.execution.runtime

    def live(execution: Execution, key: Key, mark: int) -> tuple[None, None, None, None]:
        runtime.inbox.run(effect(execution, key))
        return None, None, None, None

    thread_ops.operation(branch, draw(branch), kind, name, mark, runtime.serializer.value(None), live)


def on_loop(branch: Branch, kind: str, name: str, mark: int, effect: Effect) -> Coroutine[Any, Any, None]:
    """The operation of an async workflow; numbered now."""

    async def live(execution: Execution, key: Key) -> tuple[None, None, None, None]:
        await effect(execution, key)
        return None, None, None, None

    coder = branch.execution.runtime.serializer.value(None)
    return async_ops.run_operation(branch, draw(branch), kind, name, mark, coder, live)


def now_in_thread(runtime: "Runtime", verb: str, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """From a step, or from outside: block until it is done."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return blocking(runtime, coroutine)
    coroutine.close()
    raise AsyncMismatch(f"stepwell.{verb}() would block the event loop of this thread: await stepwell.aio.{verb}(...)")


async def now_on_loop(runtime: "Runtime", coroutine: Coroutine[Any, Any, Any]) -> Any:
    """From a step, or from outside, whatever loop this is."""
    return await from_any_loop(runtime, coroutine)


# -- publishing ----------------------------------------------------------------------------------------------------


async def publish(execution: Execution, write: EventWrite | StreamWrite) -> None:
    """Write under the fence. Raises StreamClosed, and Unwound where the run is another's by now."""
    verdict = await execution.runtime.post.publish(write)
    if verdict is Published.LOST:
        execution.lost()
        raise Unwound
    if verdict is Published.CLOSED and not (isinstance(write, StreamWrite) and write.value is None):
        raise StreamClosed(
            f"workflow {execution.workflow_id!r}: the stream {write.key!r} is closed; nothing can be written to it"
        )


def place_in(scope: StepScope) -> tuple[str, int]:
    """A place of its own for all that an attempt of a step publishes: a repeated attempt publishes again."""
    branch = f"{scope.branch.path}!{scope.seq}.{scope.execution.epoch}.{scope.attempt}"
    return branch, next(scope.effects)
