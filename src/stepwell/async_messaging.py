"""The awaitable twins of `stepwell.messaging`, for `stepwell.aio`."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, TypeVar, overload

from stepwell.core import events, publishing, receive, sending, streams
from stepwell.core.engines import find_runtime
from stepwell.core.ref import RunRef
from stepwell.model.sentinel import RAISE, Raise
from stepwell.tokens import AsyncToken, issue_async

T = TypeVar("T")
D = TypeVar("D")

Limit = float | timedelta | None


@overload
async def recv(topic: str | None = None, *, type: type[T], timeout: Limit = None, default: Raise = RAISE) -> T: ...
@overload
async def recv(topic: str | None = None, *, type: type[T], timeout: Limit = None, default: D) -> T | D: ...
@overload
async def recv(
    topic: str | None = None, *, type: object = None, timeout: Limit = None, default: object = RAISE
) -> Any: ...
async def recv(topic: str | None = None, *, type: Any = None, timeout: Limit = None, default: Any = RAISE) -> Any:
    """See `stepwell.recv`. Several tasks may receive at once: each message goes to one of them."""
    return await receive.recv_async(topic, type, timeout, default)


async def send(
    id: str, message: object, topic: str | None = None, key: str | None = None, *, conn: object = None
) -> None:
    """See `stepwell.send`."""
    await sending.send_async(find_runtime(), id, message, topic, key, conn)


async def set_event(key: str, value: object) -> None:
    """See `stepwell.set_event`."""
    await publishing.publish_async("set_event", publishing.set_event(key, value))


@overload
async def get_event(id: str, key: str, *, type: type[T], timeout: Limit = None, default: Raise = RAISE) -> T: ...
@overload
async def get_event(id: str, key: str, *, type: type[T], timeout: Limit = None, default: D) -> T | D: ...
@overload
async def get_event(
    id: str, key: str, *, type: object = None, timeout: Limit = None, default: object = RAISE
) -> Any: ...
async def get_event(id: str, key: str, *, type: Any = None, timeout: Limit = None, default: Any = RAISE) -> Any:
    """See `stepwell.get_event`."""
    return await events.get_async(RunRef(find_runtime(), id, None, None), key, type, timeout, default)


async def write_stream(key: str, value: object) -> None:
    """See `stepwell.write_stream`."""
    await publishing.publish_async("write_stream", publishing.write_stream(key, value))


async def close_stream(key: str) -> None:
    """See `stepwell.close_stream`."""
    await publishing.publish_async("close_stream", publishing.close_stream(key))


@overload
def read_stream(id: str, key: str, *, type: type[T], start: int = 0) -> AsyncIterator[T]: ...
@overload
def read_stream(id: str, key: str, *, type: object = None, start: int = 0) -> AsyncIterator[Any]: ...
def read_stream(id: str, key: str, *, type: Any = None, start: int = 0) -> AsyncIterator[Any]:
    """See `stepwell.read_stream`::

    async for token in stepwell.aio.read_stream("chat-1", "answer", type=str):
        ...
    """
    return streams.AsyncStreamIterator(streams.Reading(RunRef(find_runtime(), id, None, None), key, type, start))


@overload
async def token(type: type[T], *, expires: Limit = None) -> AsyncToken[T]: ...
@overload
async def token(type: object = Any, *, expires: Limit = None) -> AsyncToken[Any]: ...
async def token(type: Any = Any, *, expires: Limit = None) -> AsyncToken[Any]:
    """See `stepwell.token`; its `wait` is awaited."""
    return await issue_async(type, expires)
