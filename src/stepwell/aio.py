"""The awaitable twins of `stepwell.X`, for `async def` workflows."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from stepwell.async_event_verbs import publish, wait_for
from stepwell.async_messaging import (
    close_stream,
    get_event,
    read_stream,
    recv,
    send,
    set_event,
    token,
    write_stream,
)
from stepwell.core import limits, once, verbs
from stepwell.core.saga import AsyncSaga
from stepwell.gathering import gather_async
from stepwell.model.durations import instant, seconds
from stepwell.model.retry import Retry

T = TypeVar("T")

__all__ = [
    "close_stream",
    "first",
    "gather",
    "get_event",
    "publish",
    "read_stream",
    "recv",
    "run_step",
    "saga",
    "send",
    "set_event",
    "sleep",
    "sleep_until",
    "timeout",
    "token",
    "wait_for",
    "write_stream",
]

gather = gather_async


async def sleep(duration: float | timedelta) -> None:
    """Wait so many seconds of the database's clock; survives restarts, and goes on where it was."""
    await verbs.sleep_async(seconds(duration, "duration"), None)


async def sleep_until(when: datetime) -> None:
    """Wait until an aware datetime, by the database's clock."""
    await verbs.sleep_async(None, instant(when, "when"))


async def run_step(
    fn: Callable[[], Awaitable[T]],
    *,
    name: str,
    retry: int | Retry = 0,
    timeout: float | timedelta | None = None,
) -> T:
    """A step made of any `async` callable without arguments."""
    result: T = await once.run_step_async(fn, name, retry, timeout)
    return result


def timeout(duration: float | timedelta) -> AbstractAsyncContextManager[None]:
    """A block with a durable deadline: WaitTimeout when its time is over, the same in every replay.

    ::

        async with stepwell.aio.timeout(60):
            page = await fetch(url)
    """
    return limits.timeout_async(seconds(duration, "duration", allow_zero=False))


def saga() -> AsyncSaga:
    """See `stepwell.saga`; what is pushed is awaited.

    ::

        async with stepwell.aio.saga() as s:
            receipt = await charge(order)
            s.push(refund, receipt)
    """
    return AsyncSaga()


async def first(*awaitables: Awaitable[Any]) -> tuple[int, Any]:
    """(index, result) of the one that ends first; the others are cancelled. Replays pick the same."""
    pending = [asyncio.ensure_future(each) for each in awaitables]
    try:
        await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        winner = next(index for index, each in enumerate(pending) if each.done())
        return winner, pending[winner].result()
    finally:
        for each in pending:
            each.cancel()
