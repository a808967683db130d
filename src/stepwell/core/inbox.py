"""The one door into the core's loop from other threads: calls are queued, wakes are batched.

However many calls wait, the loop is woken once; each waiting thread has a lock of its own (a shared
condition would wake them all for each).
"""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from stepwell.errors import NoRunningEngine

T = TypeVar("T")

CLOSED_MEANWHILE = (
    "the engine was closed while this waited; what was started is not lost: it goes on at the next launch"
)


async def without_leaving(coroutine: Coroutine[Any, Any, T]) -> tuple[T | None, BaseException | None]:
    """(result, None), or (None, SystemExit or KeyboardInterrupt): a task that raises those ends its loop, and it
    is the caller who wants to leave."""
    try:
        return await coroutine, None
    except (SystemExit, KeyboardInterrupt) as leaving:
        return None, leaving


class Slot:
    """Where one thread waits for one answer."""

    __slots__ = ("_lock", "_token", "error", "value")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self._token = [None]
        self.value: Any = None
        self.error: BaseException | None = None

    def resolve(self, value: object = None) -> None:
        """Wake the waiter with a value. Later calls are ignored."""
        if self._claim():
            self.value = value
            self._lock.release()

    def fail(self, error: BaseException) -> None:
        """Wake the waiter with an exception. Later calls are ignored."""
        if self._claim():
            self.error = error
            self._lock.release()

    def _claim(self) -> bool:
        # Several threads may answer; list.pop is atomic, and the token is there once.
        try:
            self._token.pop()
        except IndexError:
            return False
        return True

    def wait(self, timeout: float | None = None) -> bool:
        """Block; False if `timeout` seconds passed first."""
        return self._lock.acquire(timeout=-1 if timeout is None else max(0.0, timeout))

    def result(self) -> Any:
        """Block for the answer, and return or raise it."""
        self.wait()
        if self.error is not None:
            raise self.error
        return self.value


class _Closed(NoRunningEngine, RuntimeError):
    """A thread came back to an engine that is gone."""


class Inbox:
    """Thread-safe calls into one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.thread = threading.get_ident()
        self._calls: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._armed = False
        self._closed = False
        #: Answers on their way to waiting threads.
        self.tasks: set[asyncio.Task[Any]] = set()
        # A posting thread may stand inside a workflow; what the loop does for it must not.
        self._context = contextvars.Context()

    def post(self, call: Callable[..., object], *args: Any) -> None:
        """Run `call(*args)` on the loop soon. From any thread. NoRunningEngine once the engine is closed."""
        self._calls.append((call, args))
        if self._closed:
            raise _Closed(CLOSED_MEANWHILE)
        # Append first, look second: `_drain` disarms before it empties, so a call is never left behind.
        if not self._armed:
            self._armed = True
            try:
                self.loop.call_soon_threadsafe(self._drain, context=self._context)
            except RuntimeError:
                self._closed = True
                raise _Closed(CLOSED_MEANWHILE) from None

    def _drain(self) -> None:
        self._armed = False
        calls = self._calls
        while calls:
            call, args = calls.popleft()
            call(*args)

    def close(self) -> None:
        """Take nothing more; who waits is told. On the loop, which may go on without this engine."""
        self._closed = True
        while self._calls:
            call, args = self._calls.popleft()
            if call == self._spawn:
                coroutine, slot = args
                coroutine.close()
                slot.fail(NoRunningEngine(CLOSED_MEANWHILE))
            else:
                call(*args)  # a thread may wait for what it does

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and block this (other) thread for its result."""
        slot = Slot()
        try:
            self.post(self._spawn, coroutine, slot)
        except RuntimeError:
            coroutine.close()
            raise
        result: T = slot.result()
        return result

    def _spawn(self, coroutine: Coroutine[Any, Any, Any], slot: Slot) -> None:
        task = self.loop.create_task(without_leaving(coroutine))
        self.tasks.add(task)

        def done(task: asyncio.Task[Any]) -> None:
            self.tasks.discard(task)
            coroutine.close()  # which a task that is cancelled before its first move has not begun
            if task.cancelled():
                slot.fail(NoRunningEngine(CLOSED_MEANWHILE))
            elif (error := task.exception()) is not None:
                slot.fail(error)
            else:
                value, leaving = task.result()
                slot.resolve(value) if leaving is None else slot.fail(leaving)

        task.add_done_callback(done)
