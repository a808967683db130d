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
from stepwell.core.saga import AsyncSaga, Saga
from stepwell.core.schedule import Schedule
from stepwell.core.verbs import now, patched, random, uuid4
from stepwell.decorators import (
    AsyncStep,
    AsyncTransaction,
    AsyncWorkflow,
    Step,
    Transaction,
    Workflow,
    step,
    transaction,
    workflow,
)
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
    QueueNotEmpty,
    QueueNotFound,
    ReplayMismatch,
    ScheduleConflict,
    ScheduleNotFound,
    StepInterrupted,
    StepTimeout,
    StepwellError,
    StoreUnavailable,
    StreamClosed,
    TokenError,
    TokenExpired,
    TokenFailed,
    TokenInvalid,
    TokenUsed,
    TooManyFailures,
    TransactionMisuse,
    UnreadablePayload,
    UnregisteredInstance,
    UsageError,
    WaitTimeout,
    WorkflowCancelled,
    WorkflowConflict,
    WorkflowEnded,
    WorkflowFailed,
    WorkflowNotFound,
)
from stepwell.event_verbs import publish, wait_for
from stepwell.gathering import gather
from stepwell.handle import AsyncHandle, Handle
from stepwell.messaging import close_stream, get_event, read_stream, recv, send, set_event, token, write_stream
from stepwell.model.durations import instant as _instant
from stepwell.model.durations import seconds as _seconds
from stepwell.model.info import Page, StepInfo, WorkflowInfo
from stepwell.model.queues import Queue, QueueInfo, Rate
from stepwell.model.retry import Retry
from stepwell.model.schedules import ScheduleInfo, Tick
from stepwell.model.sentinel import RAISE
from stepwell.model.settings import Settings
from stepwell.serde.codec import Codec
from stepwell.sources import Django, Postgres, SQLAlchemy, SQLite
from stepwell.tokens import AsyncToken, Token

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


def saga() -> Saga:
    """A block whose work is undone if it fails or is cancelled: what was pushed is called in reverse, as steps.

    ::

        with saga() as s:
            receipt = charge(order)
            s.push(refund, receipt)
            ship(order)                      # if it raises, refund(receipt) runs; then the exception goes on

    Durable: a crash while undoing goes on there. What cannot be undone after its retries is noted on the exception,
    is in `s.errors`, and does not keep the rest from being undone. Parking is no failure. A saga within a saga that
    gets to its end hands what it pushed to the outer one; `s.dismiss()` keeps what has been done.
    """
    return Saga()


__all__ = [
    "RAISE",
    "AmbiguousEngine",
    "AsyncHandle",
    "AsyncMismatch",
    "AsyncSaga",
    "AsyncStep",
    "AsyncTransaction",
    "AsyncToken",
    "AsyncWorkflow",
    "Cancelled",
    "Client",
    "Codec",
    "CodecUnavailable",
    "ConfigurationError",
    "Current",
    "Django",
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
    "Queue",
    "QueueInfo",
    "QueueNotEmpty",
    "QueueNotFound",
    "Rate",
    "Postgres",
    "ReplayMismatch",
    "Retry",
    "Saga",
    "Schedule",
    "ScheduleConflict",
    "ScheduleInfo",
    "ScheduleNotFound",
    "SQLAlchemy",
    "SQLite",
    "Settings",
    "Step",
    "StepFuture",
    "StepInfo",
    "StepInterrupted",
    "StepTimeout",
    "Stepwell",
    "StepwellError",
    "StoreUnavailable",
    "StreamClosed",
    "Tick",
    "Token",
    "TokenError",
    "TokenExpired",
    "TokenFailed",
    "TokenInvalid",
    "TokenUsed",
    "TooManyFailures",
    "Transaction",
    "TransactionMisuse",
    "UnreadablePayload",
    "UnregisteredInstance",
    "UsageError",
    "WaitTimeout",
    "Workflow",
    "WorkflowCancelled",
    "WorkflowConflict",
    "WorkflowEnded",
    "WorkflowFailed",
    "WorkflowInfo",
    "WorkflowNotFound",
    "aio",
    "close_stream",
    "current",
    "current_or_none",
    "first",
    "gather",
    "get_event",
    "now",
    "patched",
    "publish",
    "random",
    "read_stream",
    "recv",
    "run_step",
    "saga",
    "send",
    "set_event",
    "sleep",
    "sleep_until",
    "step",
    "timeout",
    "token",
    "transaction",
    "uuid4",
    "wait_for",
    "workflow",
    "write_stream",
]
