"""The awaitable twins of `stepwell.event_verbs`, for `stepwell.aio`."""

from datetime import timedelta
from typing import Any, TypeVar, overload

from stepwell.core import event_publishing, event_waiting
from stepwell.core.engines import find_runtime
from stepwell.model.sentinel import RAISE, Raise

T = TypeVar("T")
D = TypeVar("D")

Limit = float | timedelta | None


async def publish(event: str, payload: object, *, id: str | None = None) -> str:
    """See `stepwell.publish`."""
    return await event_publishing.publish_async(find_runtime(), event, payload, id)


@overload
async def wait_for(
    event: str, *, where: str | None = None, type: type[T], timeout: Limit = None, default: Raise = RAISE
) -> T: ...
@overload
async def wait_for(
    event: str, *, where: str | None = None, type: type[T], timeout: Limit = None, default: D
) -> T | D: ...
@overload
async def wait_for(
    event: str, *, where: str | None = None, type: object = None, timeout: Limit = None, default: object = RAISE
) -> Any: ...
async def wait_for(
    event: str, *, where: str | None = None, type: Any = None, timeout: Limit = None, default: Any = RAISE
) -> Any:
    """See `stepwell.wait_for`. Several tasks may wait at once: an event is for all of them."""
    return await event_waiting.wait_for_async(event, where, type, timeout, default)
