"""From a function and a decorator's options to a definition: everything that can be refused at import is."""

import inspect
from collections.abc import Callable, Sequence
from types import CodeType, MethodType
from typing import Any

from stepwell.core.connections import connection_of
from stepwell.core.definition import Definition, StepDefinition, TransactionDefinition, WorkflowDefinition
from stepwell.core.event_declarations import check_subscriptions
from stepwell.core.origin import Origin, origin_of
from stepwell.errors import ConfigurationError, InvalidArgument
from stepwell.model.durations import Duration, is_integer
from stepwell.model.ids import check_name, check_route_part
from stepwell.model.options import check_queue, check_timeout
from stepwell.model.retry import Retry, as_retry
from stepwell.model.transactions import check_isolation

#: What the column holds. 0 is a limit too: such a run is never taken over.
_MOST_RECOVERIES = 2**31 - 1


def define_workflow(
    fn: Callable[..., Any],
    *,
    name: str | None = None,
    version: str | None = None,
    timeout: Duration | None = None,
    queue: str | None = None,
    max_recoveries: int = 20,
    aliases: Sequence[str] = (),
    on: str | None = None,
    where: str | None = None,
    cancel_on: str | None = None,
    cancel_where: str | None = None,
) -> WorkflowDefinition:
    """A definition, not yet registered.

    Raises ConfigurationError for what cannot be a workflow, InvalidArgument for an option out of bounds.
    """
    origin = _checked_origin(fn, "workflow")
    made = WorkflowDefinition(
        name=_workflow_name(name, origin),
        fn=fn,
        is_async=inspect.iscoroutinefunction(fn),
        is_method=_is_method(fn, origin, "workflow"),
        origin=origin,
        version=None if version is None else check_route_part(version, "version"),
        timeout=check_timeout(timeout),
        queue=check_queue(queue),
        max_recoveries=_checked_recoveries(max_recoveries),
        aliases=_checked_aliases(aliases),
        on=on,
        where=where,
        cancel_on=cancel_on,
        cancel_where=cancel_where,
    )
    check_subscriptions(made)
    return made


def define_step(
    fn: Callable[..., Any],
    *,
    name: str | None = None,
    retry: int | Retry = 0,
    timeout: Duration | None = None,
    at_most_once: bool = False,
) -> StepDefinition:
    """A definition. Its default name is the function's, with its class: a move to another module keeps it.

    Raises ConfigurationError for what cannot be a step, InvalidArgument for an option out of bounds.
    """
    origin = _checked_origin(fn, "step")
    retries = as_retry(retry)
    check_once(at_most_once, retries)
    return StepDefinition(
        name=check_name(origin.short_name if name is None else name, "name"),
        fn=fn,
        is_async=inspect.iscoroutinefunction(fn),
        is_method=_is_method(fn, origin, "step"),
        origin=origin,
        retry=retries,
        timeout=check_timeout(timeout),
        at_most_once=bool(at_most_once),
    )


#: How often a transaction runs again after contention, unless its `retry=` says something else.
CONTENTION_RETRY = Retry(10, first=0.02, cap=2.0)


def define_transaction(
    fn: Callable[..., Any],
    *,
    name: str | None = None,
    source: Any = None,
    isolation: str | None = None,
    read_only: bool = False,
    retry: int | Retry = CONTENTION_RETRY,
) -> TransactionDefinition:
    """A definition. The kind of its connection is found by the annotation of its first parameter.

    Raises ConfigurationError for what cannot be a transaction, InvalidArgument for an option out of bounds.
    """
    origin = _checked_origin(fn, "transaction")
    is_async = inspect.iscoroutinefunction(fn)
    is_method = _is_method(fn, origin, "transaction")
    kind, connection_class = connection_of(fn, origin, source, is_async=is_async, is_method=is_method)
    return TransactionDefinition(
        name=check_name(origin.short_name if name is None else name, "name"),
        fn=fn,
        is_async=is_async,
        is_method=is_method,
        origin=origin,
        kind=kind,
        connection_class=connection_class,
        source=source,
        isolation=check_isolation(isolation),
        read_only=bool(read_only),
        retry=as_retry(retry),
    )


def check_once(at_most_once: bool, retry: Retry | None) -> None:
    """Raises ConfigurationError if a step is to run at most once and again after a failure."""
    if at_most_once and retry is not None:
        raise ConfigurationError("at_most_once=True runs a body once, retry= again: give one of them")


def _checked_origin(fn: Any, kind: str) -> Origin:
    """Raises ConfigurationError, with the fix, unless `fn` is a plain function."""
    if isinstance(fn, classmethod):
        raise ConfigurationError(_no_classmethods(kind, fn.__func__.__qualname__))
    if isinstance(fn, staticmethod):
        name = fn.__func__.__qualname__
        raise ConfigurationError(f"@staticmethod goes above @{kind}: swap the two lines on {name}")
    already = getattr(fn, "definition", None)
    if isinstance(already, Definition):
        raise ConfigurationError(
            f"{already.origin} is decorated already: one of @workflow, @step and @transaction, once"
        )
    if isinstance(fn, type) or not callable(fn) or not isinstance(getattr(fn, "__qualname__", None), str):
        raise ConfigurationError(f"@{kind} takes a function, not {_shown(fn)}: write a `def` that calls it")
    name = fn.__qualname__
    if isinstance(fn, MethodType):
        raise ConfigurationError(f"@{kind} goes on the method in its class, not on a bound {name}")
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise ConfigurationError(f"the generator {name} cannot be a {kind}: return a list or write a stream")
    return origin_of(fn)


def _workflow_name(name: str | None, origin: Origin) -> str:
    if name is not None:
        return check_route_part(name, "name")
    if origin.is_local:
        raise ConfigurationError(
            f"{origin} is a local function or lambda, which no other process could find by its name: "
            "give @workflow(name=...), or use functools.wraps if a decorator made it"
        )
    return check_route_part(f"{origin.module}:{origin.qualname}", "name")


def _is_method(fn: Callable[..., Any], origin: Origin, kind: str) -> bool:
    """In a class body the first parameter's name tells; @staticmethod is not visible from here."""
    first = _first_parameter(fn) if origin.owner else None
    if first == "cls":
        raise ConfigurationError(_no_classmethods(kind, origin.qualname))
    return first == "self"


def _first_parameter(fn: Callable[..., Any]) -> str | None:
    code = getattr(inspect.unwrap(fn), "__code__", None)
    if isinstance(code, CodeType):
        return code.co_varnames[0] if code.co_argcount else None
    try:
        return next(iter(inspect.signature(fn).parameters), None)
    except (TypeError, ValueError):  # a builtin without a signature
        return None


def _checked_recoveries(value: int) -> int:
    if not is_integer(value, 0, _MOST_RECOVERIES):
        raise InvalidArgument(f"max_recoveries must be from 0 to {_MOST_RECOVERIES}, and is {value!r}")
    return value


def _checked_aliases(aliases: Sequence[str]) -> tuple[str, ...]:
    if isinstance(aliases, str):
        raise InvalidArgument(f"aliases must be a sequence of names: aliases=({aliases!r},)")
    return tuple(check_route_part(alias, "an alias") for alias in aliases)


def _no_classmethods(kind: str, qualname: str) -> str:
    return (
        f"{qualname} is a class method, and a {kind} cannot be one: make it an instance method, "
        f"or a static one with @staticmethod above @{kind}"
    )


def _shown(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__} object"
