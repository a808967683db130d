"""What a decorator makes of a function: immutable descriptions, compared by identity.

Building one is cheap, since every import of the user's code does it: signature and code hash wait until
somebody asks.
"""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from stepwell.core.code_hint import hash_of_code
from stepwell.core.origin import Origin
from stepwell.model.options import CallOptions, StepOptions
from stepwell.model.retry import Retry
from stepwell.model.transactions import Isolation, Kind

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """What workflows and steps have in common."""

    name: str  # registered (workflow) or recorded (step)
    fn: Callable[..., Any]
    is_async: bool
    is_method: bool  # its first parameter is the instance
    origin: Origin
    _lazy: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def signature(self) -> inspect.Signature:
        """Of the function, with `self` if it is a method. Raises ValueError for a few builtins."""
        found: inspect.Signature | None = self._lazy.get("signature")
        if found is None:
            found = self._lazy["signature"] = inspect.signature(self.fn)
        return found

    @property
    def by_position(self) -> range:
        """With how many arguments the function may be called, all of them by position: such calls need no binding,
        which costs more than everything else about a start."""
        found: range | None = self._lazy.get("by_position")
        if found is None:
            found = self._lazy["by_position"] = _by_position(self.signature)
        return found


def _by_position(signature: inspect.Signature) -> range:
    fewest = most = 0
    for parameter in signature.parameters.values():
        required = parameter.default is parameter.empty
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            most += 1
            fewest += required
        elif parameter.kind is parameter.VAR_POSITIONAL:
            most = sys.maxsize - 1
            break  # what follows has a keyword, and is looked at below
    needs_keywords = any(
        each.kind is each.KEYWORD_ONLY and each.default is each.empty for each in signature.parameters.values()
    )
    return range(0) if needs_keywords else range(fewest, most + 1)


@dataclass(frozen=True, slots=True, eq=False)
class WorkflowDefinition(Definition):
    """A registered workflow."""

    version: str | None = None
    timeout: float | None = None  # seconds; already in `default_options`
    queue: str | None = None  # already in `default_options`
    max_recoveries: int = 20
    aliases: tuple[str, ...] = ()  # names of before: their runs are served too
    on: str | None = None  # the event that starts it, and which of them
    where: str | None = None
    cancel_on: str | None = None  # the event that cancels its runs, and which of them
    cancel_where: str | None = None

    @property
    def default_options(self) -> CallOptions:
        """What a call without `options(...)` has; the same object each time."""
        found: CallOptions | None = self._lazy.get("default_options")
        if found is None:
            made = CallOptions(timeout=self.timeout, queue=self.queue)
            found = self._lazy.setdefault("default_options", made)
        return found

    @property
    def code_hint(self) -> str:
        """A hash of the function's own code, as it is loaded: another one means that a BLOCKED run may be
        tried again. It never decides whether a run is taken over."""
        found: str | None = self._lazy.get("code_hint")
        if found is None:
            found = self._lazy["code_hint"] = hash_of_code(self.fn)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class StepDefinition(Definition):
    """A step. Not registered anywhere: its name is recorded with its outcomes."""

    retry: Retry | None = None  # None: one attempt; already in `default_options`
    timeout: float | None = None  # seconds of one attempt; already in `default_options`
    at_most_once: bool = False

    @property
    def default_options(self) -> StepOptions:
        """What a call without `options(...)` has."""
        return StepOptions(self.name, self.retry, self.timeout)


@dataclass(frozen=True, slots=True, eq=False)
class TransactionDefinition(Definition):
    """A step whose body runs in a transaction of the user's database. Recorded by its name, as steps are."""

    kind: Kind = Kind.DJANGO  # what the body is given
    connection_class: type | None = None  # as it is annotated
    source: Any = None  # None: the engine's own database
    isolation: Isolation | None = None
    read_only: bool = False
    retry: Retry | None = None  # after contention only

    @property
    def default_options(self) -> StepOptions:
        """What a call without `options(...)` has."""
        return StepOptions(self.name, self.retry)

    @property
    def signature(self) -> inspect.Signature:
        """Without the connection, which the caller leaves out."""
        found: inspect.Signature | None = self._lazy.get("signature")
        if found is None:
            whole = inspect.signature(self.fn)
            parameters = list(whole.parameters.values())
            if self.kind is not Kind.DJANGO:
                del parameters[1 if self.is_method else 0]
            found = self._lazy["signature"] = whole.replace(parameters=parameters)
        return found


@dataclass(frozen=True, slots=True)
class BoundCall(Generic[R_co]):
    """A workflow call as a value: what `fn.bind(...)` returns. Nothing has been started.

        fn.start_many([fn.bind(1), fn.options(id="two").bind(2)])

    `args` and `kwargs` are those of the call, without the instance; `R_co` is what the run will return.
    """

    definition: WorkflowDefinition
    options: CallOptions
    instance: object | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
