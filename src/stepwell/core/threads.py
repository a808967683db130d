"""A bounded pool of daemon threads for `def` bodies.

A job that nobody has begun can be run by the thread that waits for it: so a pool full of waiting workflows
cannot deadlock. Threads are daemons: a body that hangs does not keep the process alive.
"""

import asyncio
import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from typing import Any


class Job:
    """One call, run once: by a pool thread, or by whoever waits for it first."""

    __slots__ = (
        "_args",
        "_begun",
        "_callbacks",
        "_context",
        "_done",
        "_error",
        "_fn",
        "_kwargs",
        "_lock",
        "_value",
    )

    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._fn, self._args, self._kwargs = fn, args, kwargs
        self._context = contextvars.copy_context()
        self._lock = threading.Lock()
        self._begun = False
        self._done = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Job], None]] = []

    def run(self) -> None:
        """Run it here, unless somebody has begun."""
        with self._lock:
            if self._begun:
                return
            self._begun = True
        try:
            self._value = self._context.run(self._fn, *self._args, **self._kwargs)
        except BaseException as error:
            self._error = error
        with self._lock:
            self._done.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def wait(self, timeout: float | None) -> bool:
        """Block until it has ended; False after `timeout` seconds."""
        return self._done.wait(timeout)

    def result(self) -> Any:
        """Its result or exception; runs it in this thread if nobody has begun."""
        self.run()
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._value

    def when_done(self, callback: Callable[["Job"], None]) -> None:
        """Call back once, from the thread that ran it, or now."""
        with self._lock:
            if not self._done.is_set():
                self._callbacks.append(callback)
                return
        callback(self)


class WorkerPool:
    """At most `size` threads, made when needed."""

    def __init__(self, size: int, name: str) -> None:
        self.size = size
        self._name = name
        self._jobs: deque[Job] = deque()
        self._available = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._busy = 0
        self._closed = False

    def submit(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        extra_thread: bool = False,
    ) -> Job:
        """Queue a call. `extra_thread`: on a thread of its own, whatever the bound says (its caller waits)."""
        job = Job(fn, args, kwargs or {})
        if extra_thread:
            threading.Thread(target=job.run, name=f"{self._name}-extra", daemon=True).start()
            return job
        with self._lock:
            self._jobs.append(job)
            if len(self._jobs) + self._busy > len(self._threads) and len(self._threads) < self.size:
                self._grow()
        self._available.release()
        return job

    async def run_async(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a call on the pool and await it. Interrupting the await leaves the body running."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def settle(job: Job) -> None:
            if future.done():
                return
            try:
                future.set_result(job.result())
            except BaseException as error:
                future.set_exception(error)

        job = self.submit(fn, args, kwargs)
        context = contextvars.Context()

        def ended(job: Job) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the engine has gone, and nobody waits
                loop.call_soon_threadsafe(settle, job, context=context)

        job.when_done(ended)
        return await future

    def lose_thread(self) -> None:
        """The calling thread will never come back: another may be made in its place."""
        with self._lock:
            self.size += 1
            if len(self._jobs) + self._busy > len(self._threads):
                self._grow()

    def close(self) -> None:
        """Let idle threads end; busy ones end with their job."""
        with self._lock:
            self._closed = True
            count = len(self._threads)
        for _ in range(count):
            self._available.release()

    def join(self, timeout: float) -> None:
        """Wait up to `timeout` seconds in all for the threads to end."""
        for thread in list(self._threads):
            thread.join(timeout / max(1, len(self._threads)))

    def _grow(self) -> None:
        thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _work(self) -> None:
        while True:
            self._available.acquire()
            with self._lock:
                if not self._jobs:
                    if self._closed:
                        return
                    continue
                job = self._jobs.popleft()
                self._busy += 1
            job.run()
            del job
            with self._lock:
                self._busy -= 1
                if self._closed and not self._jobs:
                    return
