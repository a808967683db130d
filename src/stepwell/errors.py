"""All errors that Stepwell raises, in one tree.

    StepwellError
    ├── ConfigurationError            settings, URLs, declarations
    │   ├── DuplicateDefinition       two functions under one registered name
    │   └── UnregisteredInstance      a method workflow of an instance without a name
    ├── UsageError                    a call that can never work as written
    │   ├── InvalidArgument           (also ValueError) an id, a duration, a limit out of bounds
    │   ├── AsyncMismatch             a blocking call on a loop's thread, or an async call from def code
    │   ├── NotInWorkflow             a verb that needs a running workflow
    │   ├── NoRunningEngine           no engine is running in this process
    │   ├── TransactionMisuse         commit() in a transaction's body, a transaction within another, a wait for itself
    │   ├── AmbiguousEngine           several are
    │   └── EngineForked              an engine that was launched before fork()
    ├── WorkflowNotFound
    ├── WorkflowEnded                 a message to a run, or an event of one, that has ended
    ├── WorkflowConflict              the id belongs to another workflow, or to other inputs
    ├── WorkflowFailed                another run's recorded failure (or the cause of your own type)
    ├── WorkflowCancelled             another run was cancelled
    ├── TooManyFailures               (also ExceptionGroup) more runs of a `map` failed than it tolerates
    ├── WaitTimeout                   (also TimeoutError) a wait with a timeout ended by it
    ├── StepTimeout                   (also TimeoutError) a step took longer than its timeout
    ├── StepInterrupted               an at_most_once step was begun by a process that died
    ├── QueueNotFound                 nobody has declared it, and nothing is in it
    ├── QueueNotEmpty                 runs of it have not ended
    ├── ScheduleNotFound
    ├── ScheduleConflict              the name is taken by another schedule
    ├── StreamClosed                  an entry for a stream after its end
    ├── TokenError                    a token that cannot be completed
    │   ├── TokenInvalid              not one of this database's
    │   ├── TokenExpired
    │   └── TokenUsed                 completed, or failed, before
    ├── TokenFailed                   what waiting on a token raises if it was failed with a text
    ├── NotSerializable               a value that JSON cannot carry; names the path
    ├── PayloadTooLarge               a value over the payload cap
    ├── UnreadablePayload             a row in a format this engine was not configured to read
    ├── ReplayMismatch                the code no longer matches the recorded history: the run is BLOCKED
    ├── CodecUnavailable              the engine's codec failed for longer than `call_patience`
    └── StoreUnavailable              the database did not answer within `call_patience`

Two are not errors but pass through workflow code, and derive from BaseException so that
`except Exception` lets them by: `Cancelled` (this run's own cancellation) and `Parked` (a waiting
`def` workflow gives its thread back).
"""

import asyncio
from collections.abc import Sequence
from typing import Self


class StepwellError(Exception):
    """The root of the tree."""


class ConfigurationError(StepwellError):
    """Settings, URLs or declarations do not make sense; raised before any effect."""


class DuplicateDefinition(ConfigurationError):
    """Two different functions claim one registered name."""


class UnregisteredInstance(ConfigurationError):
    """A method workflow was started on an instance that `engine.register(name, instance)` does not know."""


class UsageError(StepwellError):
    """A call that can never work as it is written; raised before any effect."""


class InvalidArgument(UsageError, ValueError):
    """An argument is out of bounds: the message names it and the bound."""


class AsyncMismatch(UsageError):
    """A blocking call on an event loop's thread, or an `async def` call from `def` workflow code."""


class NotInWorkflow(UsageError):
    """The verb needs a running workflow around it."""


class NoRunningEngine(UsageError):
    """No engine is running in this process: `with engine:` around it, or `options(engine=...)`."""


class TransactionMisuse(UsageError):
    """The body of a @transaction ended its transaction itself (commit, rollback, close), or called another one; or, on
    SQLite, what would wait for the write lock that the transaction holds."""


class AmbiguousEngine(UsageError):
    """Several engines are running: name one with `options(engine=...)` or `with engine.use():`."""


class EngineForked(UsageError):
    """The engine was launched before fork(): launch it in the child (`post_fork`)."""


class WorkflowNotFound(StepwellError):
    """No run has this id."""


class QueueNotFound(StepwellError):
    """The namespace has no queue of this name: nobody has declared it, and no run of it waits or is executed."""


class QueueNotEmpty(StepwellError):
    """Runs of the queue wait, are executed or are parked: without its row they would have no limits."""


class ScheduleNotFound(StepwellError):
    """The namespace has no schedule of this name."""


class ScheduleConflict(StepwellError):
    """The namespace has a schedule of this name already, or it belongs to another app."""


class WorkflowEnded(StepwellError):
    """The run has ended: nobody will receive the message, and an event that it has not set will never come."""


class WorkflowConflict(StepwellError):
    """The id is taken by another workflow, by other inputs, or `on_conflict="reject"` met a run."""


class WorkflowFailed(StepwellError):
    """The recorded failure of a run or step whose own exception type is not at hand.

    `type_name`, `message`, `data` (JSON-like) and `traceback_text` are what was recorded.
    """

    def __init__(self, message: str, *, type_name: str = "", data: object = None, traceback_text: str = "") -> None:
        super().__init__(message)
        self.type_name = type_name
        self.message = message
        self.data = data
        self.traceback_text = traceback_text


class WorkflowCancelled(StepwellError):
    """A run that was waited for has been cancelled; `reason` says why ("cancel", "deadline", ...)."""

    def __init__(self, message: str, *, reason: str = "cancel") -> None:
        super().__init__(message)
        self.reason = reason


class TooManyFailures(StepwellError, ExceptionGroup[Exception]):
    """More runs of a `map` failed than its `tolerate=` allows; those that had not ended were cancelled.

    `failures` are the exceptions, at most 100 of them; `failed` says how many there were, and `total` of how many runs.
    As an exception group it may be handled with `except*`.
    """

    failed: int
    total: int

    def __new__(cls, message: str, failures: Sequence[Exception], failed: int = 0, total: int = 0) -> Self:
        """As an exception group is made."""
        return super().__new__(cls, message, failures)

    def __init__(self, message: str, failures: Sequence[Exception], failed: int = 0, total: int = 0) -> None:
        super().__init__(message, failures)
        self.failed = failed
        self.total = total

    @property
    def failures(self) -> list[Exception]:
        """What the runs raised, in the order in which that was seen; at most 100 of them."""
        return list(self.exceptions)

    def derive(self, excs: Sequence[Exception], /) -> "TooManyFailures":  # type: ignore[override]
        """A part of it, for `except*`."""
        return TooManyFailures(self.message, excs, self.failed, self.total)


class WaitTimeout(StepwellError, TimeoutError):
    """A wait ended by its own timeout; what was waited for goes on."""


class StepTimeout(StepwellError, TimeoutError):
    """A step's body took longer than its `timeout`."""


class StepInterrupted(StepwellError):
    """An at_most_once step was begun and its process died: whether it had its effect is not known."""


class StreamClosed(StepwellError):
    """`write_stream` after `close_stream`: readers have seen the end."""


class TokenError(StepwellError):
    """A token cannot be completed: see the kinds below. No run was touched."""


class TokenInvalid(TokenError):
    """It is malformed, was signed with another secret, or its run is not in this database and namespace."""


class TokenExpired(TokenError):
    """Its time (`expires=`) is over."""


class TokenUsed(TokenError):
    """It was completed or failed before: a token works once."""


class TokenFailed(StepwellError):
    """`engine.fail(id, "why")` was called with a text; waiting on the token raises this, with that text."""


class NotSerializable(StepwellError):
    """A value that the engine's serializer cannot carry; `path` names the place, e.g. `result.items[3].lock`."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class PayloadTooLarge(StepwellError):
    """A value whose encoded form is over the payload cap (`Settings.payload_cap`, bytes)."""


class UnreadablePayload(StepwellError):
    """A stored value is in a format or codec that this engine was not configured to read."""


class ReplayMismatch(StepwellError):
    """The code asked for another step than the one recorded there. The run is BLOCKED, not ended."""


class StoreUnavailable(StepwellError):
    """The database did not answer within `Settings.call_patience`; nothing is lost, ask again."""


class CodecUnavailable(StepwellError):
    """The engine's codec failed for longer than `Settings.call_patience`; nothing is lost, ask again. The cause is what
    it raised."""


class NotDurableWarning(UserWarning):
    """A step was called outside any workflow while an engine runs: it is a plain call."""


class Cancelled(asyncio.CancelledError):
    """This run's own cancellation, raised at its current wait or next step."""


class Parked(BaseException):
    """A waiting `def` workflow gives its thread back; the run goes on when the wait ends."""
