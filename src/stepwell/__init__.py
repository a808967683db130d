"""Durable workflows that live in your Postgres (or one SQLite file)."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from stepwell import aio
from stepwell.client import Client
from stepwell.core import limits, once, verbs
from stepwell.core.current import Current, current, current_or_none
from stepwell.core.futures import StepFuture
from stepwell.core.futures import first as _first
from stepwell.core.verbs import now, patched, random, uuid4
from stepwell.decorators import AsyncStep, AsyncWorkflow, Step, Workflow, step, workflow
from stepwell.engine import Stepwell
from stepwell.errors import (
    AmbiguousEngine,
    AsyncMismatch,
    Cancelled,
    CodecUnavailable,
    ConfigurationError,
    DuplicateDefinition,
    EngineForked,
    InvalidArgument,
    NoRunningEngine,
    NotDurableWarning,
    NotInWorkflow,
    NotSerializable,
    Parked,
    PayloadTooLarge,
    ReplayMismatch,
    StepInterrupted,
    StepTimeout,
    StepwellError,
    StoreUnavailable,
    UnreadablePayload,
    UnregisteredInstance,
    UsageError,
    WaitTimeout,
    WorkflowCancelled,
    WorkflowConflict,
    WorkflowFailed,
    WorkflowNotFound,
)
from stepwell.gathering import gather
from stepwell.handle import AsyncHandle, Handle
from stepwell.model.durations import instant as _instant
from stepwell.model.durations import seconds as _seconds
from stepwell.model.info import Page, StepInfo, WorkflowInfo
from stepwell.model.retry import Retry
from stepwell.model.settings import Settings
from stepwell.serde.codec import Codec

T = TypeVar("T")


def sleep(duration: float | timedelta) -> None:
    """Wait so many seconds of the database's clock: survives restarts, and long waits hold no thread.

    ::

        sleep(86_400)
    """
    verbs.sleep(_seconds(duration, "duration"), None)


def sleep_until(when: datetime) -> None:
    """Wait until an aware datetime, by the database's clock."""
    verbs.sleep(None, _instant(when, "when"))


def run_step(fn: Callable[[], T], *, name: str, retry: int | Retry = 0, timeout: float | timedelta | None = None) -> T:
    """A step made of any callable without arguments.

    ::

        receipt = run_step(lambda: bank.charge(order), name="charge", retry=3)
    """
    result: T = once.run_step(fn, name, retry, timeout)
    return result


def first(*futures: "StepFuture[Any]") -> tuple[int, Any]:
    """(index, result) of the submitted step that ends first. Recorded: replays pick the same.

    ::

        index, quote = first(ask.submit("north"), ask.submit("south"))
    """
    return _first(futures)


def timeout(duration: float | timedelta) -> "AbstractContextManager[None]":
    """A block with a durable deadline: its waits end in WaitTimeout then, and its next steps are refused.

    ::

        with timeout(3600):
            approved = handle.result()
    """
    return limits.timeout(_seconds(duration, "duration", allow_zero=False))


__all__ = [
    "AmbiguousEngine",
    "AsyncHandle",
    "AsyncMismatch",
    "AsyncStep",
    "AsyncWorkflow",
    "Cancelled",
    "Client",
    "Codec",
    "CodecUnavailable",
    "ConfigurationError",
    "Current",
    "DuplicateDefinition",
    "EngineForked",
    "Handle",
    "InvalidArgument",
    "NoRunningEngine",
    "NotDurableWarning",
    "NotInWorkflow",
    "NotSerializable",
    "Page",
    "Parked",
    "PayloadTooLarge",
    "ReplayMismatch",
    "Retry",
    "Settings",
    "Step",
    "StepFuture",
    "StepInfo",
    "StepInterrupted",
    "StepTimeout",
    "Stepwell",
    "StepwellError",
    "StoreUnavailable",
    "UnreadablePayload",
    "UnregisteredInstance",
    "UsageError",
    "WaitTimeout",
    "Workflow",
    "WorkflowCancelled",
    "WorkflowConflict",
    "WorkflowFailed",
    "WorkflowInfo",
    "WorkflowNotFound",
    "aio",
    "current",
    "current_or_none",
    "first",
    "gather",
    "now",
    "patched",
    "random",
    "run_step",
    "sleep",
    "sleep_until",
    "step",
    "timeout",
    "uuid4",
    "workflow",
]
