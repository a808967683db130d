"""What the tests of the engine share: engines that end with their test, and signals instead of sleeps."""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any

from stepwell import Handle, Settings, Stepwell
from stepwell.core.registry import REGISTRY
from stepwell.store.api import Store

#: No test waits so long unless it fails.
PATIENCE_SECONDS = 15.0

#: Services that look often: no test waits for a sweep of five seconds.
QUICK: dict[str, Any] = {"sweep_interval": 0.1, "poll_interval": 0.05, "drain": 5.0}


class Signal:
    """An event that threads and any event loop can wait for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._futures: list[asyncio.Future[None]] = []

    def set(self) -> None:
        with self._lock:
            self._event.set()
            futures, self._futures = self._futures, []
        for future in futures:
            future.get_loop().call_soon_threadsafe(lambda done=future: done.done() or done.set_result(None))

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self) -> None:
        assert self._event.wait(PATIENCE_SECONDS), "the signal did not come"

    async def wait_async(self) -> None:
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._event.is_set():
                return
            future: asyncio.Future[None] = loop.create_future()
            self._futures.append(future)
        # In no context: a cancelled timer stays until its time has come, and would keep the workflow of the waiter.
        timer = loop.call_later(PATIENCE_SECONDS, _give_up, future, context=contextvars.Context())
        try:
            await future
        finally:
            timer.cancel()
            with self._lock:
                self._futures = [each for each in self._futures if each is not future]


def _give_up(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_exception(TimeoutError("the signal did not come"))


class Gate:
    """Where a step stands until the test lets it pass."""

    def __init__(self) -> None:
        self.reached = Signal()
        self.opened = Signal()

    def hold(self) -> None:
        self.reached.set()
        self.opened.wait()

    async def hold_async(self) -> None:
        self.reached.set()
        await self.opened.wait_async()

    def open(self) -> None:
        self.opened.set()


class Exits:
    """Called in a step: ends the execution the first `times` times, so that the run is claimed and replayed."""

    def __init__(self, times: int = 1) -> None:
        self.left = times

    def __call__(self) -> None:
        if self.left > 0:
            self.left -= 1
            raise SystemExit


class Lab:
    """Engines on the database of one test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engines: list[Stepwell] = []

    def engine(
        self, name: str = "default", make: type[Stepwell] = Stepwell, namespace: str = "default", **settings: Any
    ) -> Stepwell:
        """One that is not launched."""
        engine = make(self.url, name=name, namespace=namespace, settings=Settings(**{**QUICK, **settings}))
        self._engines.append(engine)
        return engine

    def launch(self, name: str = "default", **options: Any) -> Stepwell:
        """One that runs on a loop of its own."""
        engine = self.engine(name, **options)
        engine.launch()
        return engine

    def close(self) -> None:
        for engine in self._engines:
            engine.close(drain=0.0)


class Tap:
    """A store whose verbs a test may hold up: `before` is awaited with the verb's name and arguments."""

    def __init__(self, store: Store, before: Callable[..., Any]) -> None:
        self._store = store
        self._before = before

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._store, name)
        if name not in ("commit", "start", "leave"):
            return verb

        async def held(*args: Any) -> Any:
            await self._before(name, *args)
            return await verb(*args)

        return held


def eventually(check: Callable[[], Any], what: str = "") -> Any:
    """Poll until `check()` is true: for what no signal tells. Returns what it gave."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := check()):
        assert time.monotonic() < deadline, f"it never happened: {what or check}"
        time.sleep(0.01)
    return found


async def eventually_async(check: Callable[[], Any]) -> Any:
    """The same where a loop runs; `check` gives an awaitable."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await check()):
            await asyncio.sleep(0.01)
    return found


def reaches(handle: Handle[Any], *statuses: str) -> str:
    """Wait until the run has one of these statuses."""
    found: str = eventually(lambda: (s := handle.status().status) in statuses and s, f"{handle} to be {statuses}")
    return found


def names(handle: Handle[Any]) -> list[str]:
    """The names of the outcomes that a run has recorded, in the order of their delivery."""
    return [each.name for each in handle.steps() if each.ended is not None]


def forget(*names: str) -> None:
    """Be like a process that has never defined the workflows of these names."""
    REGISTRY._named = {each: found for each, found in REGISTRY._named.items() if each not in names}
    REGISTRY.generation += 1


def in_thread(call: Callable[[], Any]) -> "Background":
    """Run it on another thread meanwhile."""
    return Background(call)


class Background:
    """A call on a thread of its own; `result` joins it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._value: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._call()
        except BaseException as error:
            self._error = error

    def result(self) -> Any:
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "the call on the other thread hangs"
        if self._error is not None:
            raise self._error
        return self._value
