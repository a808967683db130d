"""`@workflow` and `@step`, bare or with options.

The overloads give a function of each colour its own class. Type checkers find the one for coroutines and the
one for everything overlapping; the first that matches counts, which is what is meant.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NoReturn, ParamSpec, Protocol, TypeVar, cast, final, overload

from stepwell.core.define import define_step, define_workflow
from stepwell.core.registry import REGISTRY
from stepwell.decorators.functions import (
    _AsyncStepFunction,
    _AsyncWorkflowFunction,
    _StepFunction,
    _WorkflowFunction,
    step_function,
    workflow_function,
)
from stepwell.model.durations import Duration
from stepwell.model.retry import Retry

P = ParamSpec("P")
R = TypeVar("R")


@final
class _OnlyAny:
    """No function returns one, so `Callable[P, _OnlyAny]` matches only functions that return Any: they are
    taken for plain ones, where a type checker would otherwise choose the overload for coroutines."""

    def __init__(self) -> NoReturn:
        raise TypeError("only for type checkers")


class WorkflowDecorator(Protocol):
    """What `@workflow(...)` with options is."""

    @overload
    def __call__(self, fn: Callable[P, _OnlyAny], /) -> _WorkflowFunction[P, Any]: ...
    @overload
    def __call__(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
        self, fn: Callable[P, Coroutine[Any, Any, R]], /
    ) -> _AsyncWorkflowFunction[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> _WorkflowFunction[P, R]: ...


class StepDecorator(Protocol):
    """What `@step(...)` with options is."""

    @overload
    def __call__(self, fn: Callable[P, _OnlyAny], /) -> _StepFunction[P, Any]: ...
    @overload
    def __call__(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
        self, fn: Callable[P, Coroutine[Any, Any, R]], /
    ) -> _AsyncStepFunction[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> _StepFunction[P, R]: ...


@overload
def workflow(fn: Callable[P, _OnlyAny], /) -> _WorkflowFunction[P, Any]: ...
@overload
def workflow(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
    fn: Callable[P, Coroutine[Any, Any, R]], /
) -> _AsyncWorkflowFunction[P, R]: ...
@overload
def workflow(fn: Callable[P, R], /) -> _WorkflowFunction[P, R]: ...
@overload
def workflow(
    *,
    name: str | None = None,
    version: str | None = None,
    timeout: Duration | None = None,
    queue: str | None = None,
    max_recoveries: int = 20,
    aliases: Sequence[str] = (),
    replace: bool = False,
    on: str | None = None,
    where: str | None = None,
    cancel_on: str | None = None,
    cancel_where: str | None = None,
) -> WorkflowDecorator: ...
def workflow(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
    timeout: Duration | None = None,
    queue: str | None = None,
    max_recoveries: int = 20,
    aliases: Sequence[str] = (),
    replace: bool = False,
    on: str | None = None,
    where: str | None = None,
    cancel_on: str | None = None,
    cancel_where: str | None = None,
) -> Any:
    """Make a function durable: after a crash any process with this code goes on from its last recorded step.

        @workflow
        def checkout(order_id: str) -> str: ...

        @workflow(version="2", timeout=timedelta(days=3), aliases=["shop:old_name"])
        async def digest(urls: list[str]) -> list[str]: ...

        @workflow(on="order.paid", where="amount > 100", cancel_on="order.gone", cancel_where="event.id == order.id")
        def ship(order: dict) -> str: ...

    `name` is what the database and other processes know it by, `module:qualname` unless given; local
    functions need one. `version` routes: started runs go to processes with the same one. `timeout` is the
    default of its runs (seconds or timedelta), `queue` where its starts go. After `max_recoveries` takeovers
    without progress a run is DEAD. Runs of the names in `aliases` are executed too. `replace` allows another
    function to take an already registered name.

    `on` is the name of an event (`stepwell.publish`) that starts it, once for each event, with the payload as its one
    argument; `where` says which of them, as an expression over the payload's fields (docs/events.md). `cancel_on` is
    the name of an event that cancels its runs that were created before it and have not ended, all of them or those
    for which `cancel_where` holds: an expression over the run's parameters and `event`, the payload. Publishing such an
    event looks at every live run of the database, and reads the inputs of those of this workflow: a matter of
    milliseconds for hundreds, of seconds for a hundred thousand; it happens at least once, though who publishes dies.
    Subscriptions are rows, written when a process that executes the workflow is launched, for whoever publishes.

    The function may be `def` or `async def`, an instance method, or a static one with @staticmethod above.
    Raises, at import: ConfigurationError for anything else, DuplicateDefinition, InvalidArgument.
    """

    def declare(function: Callable[..., Any]) -> Any:
        definition = define_workflow(
            function,
            name=name,
            version=version,
            timeout=timeout,
            queue=queue,
            max_recoveries=max_recoveries,
            aliases=aliases,
            on=on,
            where=where,
            cancel_on=cancel_on,
            cancel_where=cancel_where,
        )
        made = workflow_function(definition)
        REGISTRY.add(definition, replace=replace)
        return made

    return cast("WorkflowDecorator", declare) if fn is None else declare(fn)


@overload
def step(fn: Callable[P, _OnlyAny], /) -> _StepFunction[P, Any]: ...
@overload
def step(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
    fn: Callable[P, Coroutine[Any, Any, R]], /
) -> _AsyncStepFunction[P, R]: ...
@overload
def step(fn: Callable[P, R], /) -> _StepFunction[P, R]: ...
@overload
def step(
    *,
    name: str | None = None,
    retry: int | Retry = 0,
    timeout: Duration | None = None,
    at_most_once: bool = False,
) -> StepDecorator: ...
def step(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    retry: int | Retry = 0,
    timeout: Duration | None = None,
    at_most_once: bool = False,
) -> Any:
    """Record a function's outcome inside workflows: it runs at least once, never again once recorded.

        @step(retry=3, timeout=30)
        def charge(order_id: str, cents: int) -> str: ...

    `name` is recorded with the outcome, the function's own unless given: keep it, or runs under way do not
    recognise the step. `retry` is a number of further attempts or a `Retry`; `timeout` is for each attempt
    (seconds or timedelta). `at_most_once=True`: a crash in the body raises StepInterrupted in the workflow
    instead of running it again.

    Raises, at import: ConfigurationError for what cannot be a step, InvalidArgument.
    """

    def declare(function: Callable[..., Any]) -> Any:
        definition = define_step(function, name=name, retry=retry, timeout=timeout, at_most_once=at_most_once)
        return step_function(definition)

    return cast("StepDecorator", declare) if fn is None else declare(fn)
