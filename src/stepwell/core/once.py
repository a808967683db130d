"""`run_step`: a step from any callable, defined where it is called."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from stepwell.core import call
from stepwell.core.define import define_step
from stepwell.model.options import StepOptions, check_timeout
from stepwell.model.retry import Retry, as_retry


def run_step(fn: Callable[[], Any], name: str, retry: int | Retry, timeout: float | timedelta | None) -> Any:
    """For def workflows."""
    d = define_step(fn, name=name)
    return call.call_step(d, StepOptions(d.name, as_retry(retry), check_timeout(timeout)), None, (), {})


def run_step_async(
    fn: Callable[[], Any], name: str, retry: int | Retry, timeout: float | timedelta | None
) -> Coroutine[object, None, Any]:
    """For async workflows; a `def` callable runs on a worker thread."""
    d = define_step(fn, name=name)
    return call.call_step_async(d, StepOptions(d.name, as_retry(retry), check_timeout(timeout)), None, (), {})
