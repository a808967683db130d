"""What `fn.options(...)` binds: immutable, checked when it is bound, before any effect.

Durations are kept as `float` seconds and instants as unix seconds, whatever form they were given in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal, TypedDict, Unpack, get_args

from stepwell.errors import InvalidArgument
from stepwell.model.durations import Duration, instant, is_integer, seconds
from stepwell.model.ids import check_name, check_workflow_id
from stepwell.model.queues import Queue, queue_name
from stepwell.model.retry import Retry, as_retry

OnConflict = Literal["attach", "reject", "replace"]
ParentClose = Literal["cancel", "abandon"]

_INT32 = 2**31


class CallKeywords(TypedDict, total=False):
    """The keywords of `fn.options(...)` for workflows. None takes an option back."""

    id: str | None
    on_conflict: OnConflict
    queue: str | Queue | None
    priority: int | None
    partition: str | None
    dedup: str | None
    delay: Duration | None
    at: datetime | None
    expires: Duration | None
    timeout: Duration | None
    deadline: datetime | None
    attributes: Mapping[str, object] | None
    conn: object
    engine: object
    parent_close: ParentClose


class StepKeywords(TypedDict, total=False):
    """The keywords of `step.options(...)`. A timeout of None takes it back, `retry=0` the retries."""

    name: str
    retry: int | Retry
    timeout: Duration | None


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How a workflow is called or started. Use `merged` to make one: only that checks."""

    id: str | None = None  # the idempotency key; None: a UUIDv7 is drawn
    on_conflict: OnConflict = "attach"
    queue: str | None = None
    priority: int | None = None  # lower first; None is 0, and does not make a start a queued one
    partition: str | None = None
    dedup: str | None = None
    delay: float | None = None  # seconds
    at: float | None = None  # unix seconds
    expires: float | None = None  # seconds from the start; a run that has not begun by then never does
    timeout: float | None = None  # seconds
    deadline: float | None = None  # unix seconds; with a timeout too, the earlier one counts
    attributes: Mapping[str, object] | None = None
    conn: object = None
    engine: object = None
    parent_close: ParentClose = "cancel"

    @property
    def is_queued(self) -> bool:
        """Whether one of these options asks for a queued start, which a call then waits for."""
        asked = (self.queue, self.priority, self.partition, self.dedup, self.delay, self.at, self.expires)
        return any(option is not None for option in asked)

    def merged(self, **new: Unpack[CallKeywords]) -> "CallOptions":
        """These options with some replaced. Raises InvalidArgument naming the option."""
        merged = replace(self, **_checked(new, _CALL_CHECKS))
        if merged.delay is not None and merged.at is not None:
            raise InvalidArgument("options: give delay= or at=, not both")
        return merged

    def over(self, base: "CallOptions", defaults: "CallOptions") -> "CallOptions":
        """`base` with those options replaced in which these differ from `defaults`."""
        return replace(base, **_differences(self, defaults))


@dataclass(frozen=True, slots=True)
class StepOptions:
    """How a step runs: always complete, the definition's own settings included."""

    name: str
    retry: Retry | None = None  # None: one attempt
    timeout: float | None = None  # seconds, of one attempt

    def merged(self, **new: Unpack[StepKeywords]) -> "StepOptions":
        """These options with some replaced. Raises InvalidArgument naming the option."""
        return replace(self, **_checked(new, _STEP_CHECKS))


_Check = Callable[[Any], object]


def _checked(given: Mapping[str, object], checks: Mapping[str, _Check]) -> dict[str, Any]:
    """Every option given, in the form in which it is kept."""
    checked: dict[str, Any] = {}
    for option, value in given.items():
        if option not in checks:
            raise InvalidArgument(f"options: there is no {option}=; there are {', '.join(checks)}")
        checked[option] = checks[option](value)
    return checked


def _differences(options: CallOptions, defaults: CallOptions) -> dict[str, Any]:
    pairs = ((each.name, getattr(options, each.name)) for each in fields(options))
    return {name: value for name, value in pairs if value != getattr(defaults, name)}


def check_timeout(value: Duration | None) -> float | None:
    """A timeout in seconds; None is none. Raises InvalidArgument, also for zero."""
    return None if value is None else seconds(value, "timeout", allow_zero=False)


def check_queue(value: str | Queue | None) -> str | None:
    """The name of a queue; None is none. Raises InvalidArgument."""
    return None if value is None else queue_name(value)


def _priority(value: int | None) -> int | None:
    if value is None:
        return None
    if not is_integer(value, -_INT32, _INT32 - 1):
        raise InvalidArgument(f"priority must be an integer of 32 bits, and is {value!r}")
    return value


def _attributes(value: object) -> dict[str, object] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"attributes must be a mapping with text keys, not {type(value).__name__}")
    return {check_name(key, "a key of attributes"): item for key, item in value.items()}


def _one_of(option: str, choices: tuple[str, ...]) -> _Check:
    def check(value: object) -> object:
        if value not in choices:
            raise InvalidArgument(f"{option} must be one of {choices}, and is {value!r}")
        return value

    return check


def _or_none(check: _Check) -> _Check:
    return lambda value: None if value is None else check(value)


def _as_given(value: object) -> object:
    return value


_CALL_CHECKS: dict[str, _Check] = {
    "id": _or_none(check_workflow_id),
    "on_conflict": _one_of("on_conflict", get_args(OnConflict)),
    "queue": check_queue,
    "priority": _priority,
    "partition": _or_none(lambda value: check_name(value, "partition")),
    "dedup": _or_none(lambda value: check_name(value, "dedup")),
    "delay": _or_none(lambda value: seconds(value, "delay")),
    "at": _or_none(lambda value: instant(value, "at")),
    "expires": _or_none(lambda value: seconds(value, "expires", allow_zero=False)),
    "timeout": check_timeout,
    "deadline": _or_none(lambda value: instant(value, "deadline")),
    "attributes": _attributes,
    "conn": _as_given,
    "engine": _as_given,
    "parent_close": _one_of("parent_close", get_args(ParentClose)),
}

_STEP_CHECKS: dict[str, _Check] = {
    "name": lambda value: check_name(value, "name"),
    "retry": as_retry,
    "timeout": check_timeout,
}
