"""Branches with names: what `gather(north=..., south=...)` does.

A task's branch is named by its number among the tasks of its parent, and a step by its number within its branch. So
code that gathers one call more shifts those after it. A branch with a name of its own shifts nobody.
"""

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from stepwell.core.context import Branch, frame
from stepwell.core.futures import StepFuture
from stepwell.core.verbs import async_branch, def_branch
from stepwell.errors import UsageError
from stepwell.model.ids import check_name

T = TypeVar("T")


def gather_named(branches: Mapping[str, Callable[[], StepFuture[T]]]) -> dict[str, T]:
    """For def workflows: each function submits its step in the branch of its name; outside a workflow they just run."""
    _check(branches, "price.submit(...)")
    here = frame.get()
    branch = def_branch("gather") if isinstance(here, Branch) else None
    futures: dict[str, StepFuture[T]] = {}
    for name, make in branches.items():
        token = frame.set(here if branch is None else branch.named(name))
        try:
            future: object = make()
        finally:
            frame.reset(token)
        if not isinstance(future, StepFuture):
            raise UsageError(
                f"branch {name!r} of gather() gave a {type(future).__name__}, and not what step.submit(...) returns"
            )
        futures[name] = future
    return {name: future.result() for name, future in futures.items()}


def gather_named_async(
    branches: Mapping[str, Callable[[], Awaitable[T]]], return_exceptions: bool
) -> Coroutine[Any, Any, dict[str, Any]]:
    """For async workflows: a task for each, which begin at the next await; outside a workflow plain tasks."""
    _check(branches, "price(...)")
    branch = async_branch("gather") if isinstance(frame.get(), Branch) else None
    tasks = []
    for name, make in branches.items():
        context = contextvars.copy_context()
        if branch is not None:
            context.run(frame.set, branch.named(name))
        tasks.append(asyncio.get_running_loop().create_task(line(make), name=name, context=context))
    gathered = asyncio.gather(*tasks, return_exceptions=return_exceptions)

    async def results() -> dict[str, Any]:
        return dict(zip(branches, await gathered, strict=True))

    return results()


async def line(make: Callable[[], Awaitable[T]]) -> T:
    """The task of a named branch: it has its name already."""
    return await make()


def _check(branches: Mapping[str, object], example: str) -> None:
    for name, make in branches.items():
        check_name(name, "the name of a branch")
        if inspect.iscoroutine(make) or not callable(make):
            for each in branches.values():
                if inspect.iscoroutine(each):
                    each.close()
            raise UsageError(
                f"branch {name!r} of gather() is a call that was made already, in the branch of its caller. Pass a "
                f"function that makes it: {name if name.isidentifier() else 'name'}=lambda: {example}"
            )
