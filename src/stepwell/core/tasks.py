"""The task factory that makes branches: a task created by a workflow's code is a branch of its run.

Its number is that of its creation. It is chained before the loop's own factory while an engine runs there, and
leaves every other task alone.
"""

import asyncio
import contextvars
import sys
import types
from collections.abc import Callable, Coroutine
from typing import Any, cast

from stepwell.core.async_ops import run_operation
from stepwell.core.async_steps import live_step, run_step
from stepwell.core.context import Branch, frame
from stepwell.core.delivery import TrackedCoroutine
from stepwell.core.execution import Execution
from stepwell.core.gathering import line
from stepwell.serde.fingerprint import fingerprint

Factory = Callable[..., "asyncio.Future[Any]"]

#: Coroutines of single operations have their number already, those of named branches their name.
_OPERATIONS = frozenset({run_step.__code__, live_step.__code__, run_operation.__code__, line.__code__})


class BranchingFactory:
    """Install with `install(loop)`, take back with `remove()`. Counts its users: several engines may share a loop."""

    def __init__(self, previous: Factory | None) -> None:
        self.previous = previous
        self.users = 0

    def __call__(
        self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **kwargs: Any
    ) -> "asyncio.Future[Any]":
        context: contextvars.Context | None = kwargs.get("context")
        here = frame.get() if context is None else context.get(frame)
        if here is None or here.in_step:
            if self.previous is not None:
                return self.previous(loop, coro, **kwargs)
            return asyncio.Task(coro, loop=loop, **kwargs)
        assert isinstance(here, Branch)
        execution = here.execution
        context = contextvars.copy_context() if context is None else context.copy()
        if getattr(coro, "cr_code", None) not in _OPERATIONS:
            context.run(frame.set, _branch_of(here, coro))
        kwargs["context"] = context
        task: asyncio.Task[Any] = asyncio.Task(TrackedCoroutine(execution, coro), loop=loop, **kwargs)
        execution.tasks.add(task)
        task.add_done_callback(lambda task: _branch_ended(execution, task))
        return task


def _branch_of(parent: Branch, coro: Coroutine[Any, Any, Any]) -> Branch:
    if not _in_as_completed():
        return parent.child()
    # It makes its tasks in the order of a set, which is that of addresses: another one in every process.
    local: dict[str, Any] = {}
    if isinstance(coro, types.CoroutineType) and coro.cr_frame is not None:
        local = dict(coro.cr_frame.f_locals)  # from Python 3.13 on no dict but a view of the frame
    name = getattr(coro, "__qualname__", type(coro).__qualname__)
    return parent.child_alike(f"{fingerprint(name, (), local) & 0xFFFFFFFFFFFFFFFF:016x}")


def _in_as_completed() -> bool:
    """Whether asyncio.as_completed is creating this task."""
    caller = sys._getframe(3)
    while caller is not None and caller.f_globals.get("__name__", "").startswith("asyncio."):
        if caller.f_code.co_name == "as_completed" or "AsCompleted" in caller.f_code.co_qualname:
            return True
        if caller.f_back is None:
            break
        caller = caller.f_back
    return False


def _branch_ended(execution: Execution, task: "asyncio.Task[Any]") -> None:
    execution.tasks.discard(task)
    if execution.fate is not None and not task.cancelled():
        task.exception()  # seen: what an execution without a future raises is nobody's business


def install(loop: asyncio.AbstractEventLoop) -> None:
    """From now on tasks of workflow code are branches."""
    current = loop.get_task_factory()
    factory = current if isinstance(current, BranchingFactory) else BranchingFactory(current)
    factory.users += 1
    loop.set_task_factory(cast(Any, factory))


def remove(loop: asyncio.AbstractEventLoop) -> None:
    """The counterpart of `install`."""
    current = loop.get_task_factory()
    if isinstance(current, BranchingFactory):
        current.users -= 1
        if current.users == 0:
            loop.set_task_factory(current.previous)
