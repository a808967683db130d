"""`run_step`: a step from any callable, defined where it is called."""

import inspect
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from stepwell.core import call
from stepwell.core.define import define_step
from stepwell.model.options import StepOptions, check_timeout
from stepwell.model.retry import Retry, as_retry


def run_step(fn: Callable[[], Any], name: str, retry: int | Retry, timeout: float | timedelta | None) -> Any:
    """For def workflows."""

    def once() -> Any:
        return fn()

    d = define_step(_in_the_place_of(fn, once), name=name)
    return call.call_step(d, StepOptions(d.name, as_retry(retry), check_timeout(timeout)), None, (), {})


def run_step_async(
    fn: Callable[[], Any], name: str, retry: int | Retry, timeout: float | timedelta | None
) -> Coroutine[object, None, Any]:
    """For async workflows. A `def` callable runs on a worker thread; what it returns is awaited if it can be."""

    async def once() -> Any:
        made = await (fn() if _is_async(fn) else call.in_worker(fn))
        return await made if inspect.isawaitable(made) else made

    d = define_step(_in_the_place_of(fn, once), name=name)
    return call.call_step_async(d, StepOptions(d.name, as_retry(retry), check_timeout(timeout)), None, (), {})


def _in_the_place_of(fn: Callable[[], Any], once: Callable[[], Any]) -> Callable[[], Any]:
    """A function for what need not be one (a partial, a bound method, an object), with its annotations."""
    if not callable(fn):
        raise TypeError(f"run_step takes something to call without arguments, not {fn!r}")
    once.__wrapped__ = fn  # type: ignore[attr-defined]
    return once


def _is_async(fn: Callable[[], Any]) -> bool:
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(fn, "__call__", None))  # noqa: B004
