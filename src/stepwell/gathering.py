"""`gather`, of both colours: asyncio's, and one whose branches have names."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Literal, TypeVar, overload

from stepwell.core.futures import StepFuture
from stepwell.core.gathering import gather_named, gather_named_async
from stepwell.errors import UsageError

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")

Submit = Callable[[], StepFuture[T]]
Call = Callable[[], Awaitable[T]]


@overload
def gather(branches: Mapping[str, Submit[T]], /) -> dict[str, T]: ...
@overload
def gather(*futures: StepFuture[T]) -> list[T]: ...
@overload
def gather(**branches: Submit[T]) -> dict[str, T]: ...
def gather(*futures: Any, **branches: Any) -> Any:
    """The results of submitted steps, in order; the first failure is raised at its place.

    With names, each branch is numbered by itself: later code may gather one more, and runs under way find all others
    again. A name's value is a function that submits the step; the result is a dict::

        quotes = gather(north=lambda: price.submit("north"), south=lambda: price.submit("south"))
        quotes = gather({shop: partial(price.submit, shop) for shop in shops})

    Raises UsageError for a call in place of such a function: it has its number already.
    """
    named = _named(futures, branches)
    return [future.result() for future in futures] if named is None else gather_named(named)


@overload
def gather_async(
    branches: Mapping[str, Call[T]], /, *, return_exceptions: Literal[False] = False
) -> Coroutine[Any, Any, dict[str, T]]: ...
@overload
def gather_async(
    branches: Mapping[str, Call[T]], /, *, return_exceptions: Literal[True]
) -> Coroutine[Any, Any, dict[str, T | BaseException]]: ...
@overload
def gather_async(  # pyright: ignore[reportOverlappingOverload]  # a tuple says more than the list of any number
    a: Awaitable[T1], b: Awaitable[T2], /
) -> "asyncio.Future[tuple[T1, T2]]": ...
@overload
def gather_async(a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], /) -> "asyncio.Future[tuple[T1, T2, T3]]": ...
@overload
def gather_async(
    a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], d: Awaitable[T4], /
) -> "asyncio.Future[tuple[T1, T2, T3, T4]]": ...
@overload
def gather_async(*awaitables: Awaitable[T], return_exceptions: Literal[False] = False) -> "asyncio.Future[list[T]]": ...
@overload
def gather_async(*awaitables: Awaitable[T], return_exceptions: bool) -> "asyncio.Future[list[T | BaseException]]": ...
@overload
def gather_async(
    *, return_exceptions: Literal[False] = False, **branches: Call[T]
) -> Coroutine[Any, Any, dict[str, T]]: ...
@overload
def gather_async(
    *, return_exceptions: Literal[True], **branches: Call[T]
) -> Coroutine[Any, Any, dict[str, T | BaseException]]: ...
def gather_async(*awaitables: Any, return_exceptions: bool = False, **branches: Any) -> Any:
    """`asyncio.gather`; with names, of branches that are numbered by themselves.

    Later code may gather one more, and runs under way find all others again. A name's value is a function that makes
    the call; the result is a dict::

        quotes = await stepwell.aio.gather(north=lambda: price("north"), south=lambda: price("south"))
        quotes = await stepwell.aio.gather({shop: partial(price, shop) for shop in shops})

    Raises UsageError for a coroutine in place of such a function: its steps have their numbers already.
    """
    named = _named(awaitables, branches)
    if named is None:
        return asyncio.gather(*awaitables, return_exceptions=return_exceptions)
    return gather_named_async(named, return_exceptions)


def _named(calls: tuple[Any, ...], branches: dict[str, Any]) -> Mapping[str, Any] | None:
    if len(calls) == 1 and isinstance(calls[0], Mapping) and not branches:
        return calls[0]
    if calls and branches:
        raise UsageError("gather() takes calls in order, or branches by name: not both at once")
    return branches or None
