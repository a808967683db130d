"""A bounded pool of connections: first come, first served, the connection used last first."""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from stepwell.core.inbox import CLOSED_MEANWHILE, Slot
from stepwell.errors import NoRunningEngine


class Pool:
    """At most `size` connections at a time. For threads (`is_async` False) or for one event loop.

    `connect` makes one; `dispose` ends one, at once and from any thread; `cut` does that to one that is in use.
    """

    def __init__(
        self,
        size: int,
        connect: Callable[[], Awaitable[Any]],
        dispose: Callable[[Any], object],
        *,
        is_async: bool,
        cut: Callable[[Any], object] | None = None,
    ) -> None:
        self._connect = connect
        self._dispose = dispose
        self._cut = cut
        self._is_async = is_async
        self._lock = threading.Lock()
        self._free = size
        self._idle: list[Any] = []
        self._used: dict[int, Any] = {}
        self._waiting: deque[Any] = deque()
        self._closed = False

    async def take(self) -> Any:
        """A connection, perhaps one that has died in the pool. Raises what `connect` raises; NoRunningEngine."""
        await self._permit()
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        try:
            if connection is None:
                connection = await self._connect()
        except BaseException:
            self._release()
            raise
        with self._lock:
            self._used[id(connection)] = connection
        return connection

    def give(self, connection: Any, usable: bool) -> None:
        """Back to the pool; thrown away if it is not usable."""
        with self._lock:
            self._used.pop(id(connection), None)
            keep = usable and not self._closed
            if keep:
                self._idle.append(connection)
        if not keep:
            self._dispose(connection)
        self._release()

    def close(self) -> None:
        """End idle connections now and the others when they come back, cut them if that can be done."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            used = list(self._used.values())
            waiting, self._waiting = self._waiting, deque()
        for connection in idle:
            self._dispose(connection)
        if self._cut is not None:
            for connection in used:
                self._cut(connection)
        for waiter in waiting:
            _wake(waiter, NoRunningEngine(CLOSED_MEANWHILE))

    def abandon(self) -> None:
        """End all connections at once, in use or not, as the death of the process would. While nobody speaks on
        them."""
        with self._lock:
            self._closed = True
            left = [*self._idle, *self._used.values()]
            self._idle.clear()
        for connection in left:
            self._dispose(connection)

    def forget_idle(self) -> None:
        """End the idle connections: one of them was found dead, and so are probably all."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            self._dispose(connection)

    async def _permit(self) -> None:
        with self._lock:
            if self._closed:
                raise NoRunningEngine(CLOSED_MEANWHILE)
            if self._free > 0:
                self._free -= 1
                return
            waiter: Any = asyncio.get_running_loop().create_future() if self._is_async else Slot()
            self._waiting.append(waiter)
        if not self._is_async:
            waiter.result()
            return
        try:
            await waiter
        except asyncio.CancelledError:
            with self._lock:
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
                    raise
            if not waiter.cancelled() and waiter.exception() is None:
                self._release()  # it was ours already
            raise

    def _release(self) -> None:
        with self._lock:
            while self._waiting:
                waiter = self._waiting.popleft()
                if isinstance(waiter, Slot) or not waiter.done():
                    break
            else:
                self._free += 1
                return
        _wake(waiter)


def _wake(waiter: Any, error: BaseException | None = None) -> None:
    if isinstance(waiter, Slot):
        waiter.resolve() if error is None else waiter.fail(error)
    elif not waiter.done():
        waiter.set_result(None) if error is None else waiter.set_exception(error)
