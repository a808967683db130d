"""One simulated process: an engine on a loop of its own, that can stop, go on and die at any moment."""

import asyncio
import contextlib
import contextvars
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from stepwell.core import outside
from stepwell.core.definition import BoundCall
from stepwell.core.engines import RUNNING
from stepwell.core.env import Env
from stepwell.core.ref import RunRef
from stepwell.core.runtime import Runtime
from stepwell.core.threads import WorkerPool
from stepwell.engine import Stepwell
from stepwell.model.rows import Beat
from stepwell.model.settings import Settings
from stepwell.sources.lending import Lending, home_lending
from stepwell.store.api import HeartbeatPort, Store
from stepwell.testing.process_threads import ProcessThreads
from stepwell.testing.simulated_env import ProcessDied, SimulatedEnv
from stepwell.testing.store_proxy import Gate, gated
from stepwell.testing.virtual_loop import VirtualLoop

if TYPE_CHECKING:
    from stepwell.testing.world import World

T = TypeVar("T")

#: How many awaits the clean-up of a dead process's coroutine may meet.
_MOST_AWAITS = 100


class Life(Enum):
    """Where a process stands."""

    RUNNING = "running"
    PAUSED = "paused"
    DYING = "dying"  # within a turn; from the turn's end on it is dead
    DEAD = "dead"


class Process:
    """Made by `World.process`."""

    def __init__(self, world: "World", name: str, gate: Gate | None, settings: Settings, wall: float) -> None:
        self.world = world
        self.name = name
        self.life = Life.RUNNING
        #: Calls that the database has not answered yet.
        self.in_flight = 0
        self.env = SimulatedEnv(lambda: world.now, f"{world.seed}/{name}/{len(world.processes)}", wall)
        self.loop = VirtualLoop(self.env.monotonic)
        self.loop.set_exception_handler(self._complain)
        self.complaints: list[str] = []
        self.paused_at = 0.0
        self._gate = gate
        self._store: Store | None = None
        self._ports: list[HeartbeatPort] = []
        self.engine = SimulatedEngine(self, settings)
        self.threads = ProcessThreads()
        self._kept: set[asyncio.Task[Any]] = set()
        self._left: set[asyncio.Task[Any]] = set()  # nobody else may hold what a dead process was doing

    def __repr__(self) -> str:
        return f"<process {self.name} {self.life.value}>"

    @property
    def running(self) -> bool:
        """It gets turns."""
        return self.life is Life.RUNNING

    @property
    def paused(self) -> bool:
        """It has been stopped, and may go on."""
        return self.life is Life.PAUSED

    @property
    def dying(self) -> bool:
        """It has died in the turn that is under way."""
        return self.life is Life.DYING

    @property
    def can_move(self) -> bool:
        """It would do something with a turn."""
        return self.running and self.loop.has_work

    def next_moment(self) -> float | None:
        """When its next timer is due, in the world's time."""
        due = self.loop.next_timer() if self.running else None
        return None if due is None else self.loop.moment_of(due, self.env.suspended)

    @property
    def pool(self) -> WorkerPool | None:
        """The threads of its `def` code."""
        runtime = self.engine.left_behind
        return None if runtime is None else runtime.pool

    # -- what a test asks it to do ---------------------------------------------------------------------------
    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Begin something on its loop."""
        return self.loop.create_task(coroutine)

    def keep(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Begin something on its loop that nobody waits for, outside any workflow."""
        task = self.loop.create_task(coroutine, context=contextvars.Context())
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    def run(self, coroutine: Coroutine[Any, Any, T], limit: float = 3600.0) -> T:
        """Do something on its loop, while the world goes on. ProcessDied if it dies first; Stalled."""
        task = self.spawn(coroutine)
        self.world.until(lambda: task.done() or self.life is Life.DEAD, limit)
        if not task.done():
            raise ProcessDied(self.name)
        return task.result()

    def launch(self) -> None:
        """Start the engine."""
        self.run(self.engine.__aenter__())

    def close(self) -> None:
        """Stop the engine in good order."""
        self.run(self.engine.__aexit__(None, None, None))

    def start(self, call: BoundCall[Any], limit: float = 3600.0) -> RunRef:
        """Start a run; returns when it is committed."""
        return self.run(self.starting(call), limit)

    async def starting(self, call: BoundCall[Any]) -> RunRef:
        """The same, awaitable."""
        return await outside.start_async(
            self.engine, call.definition, call.options, call.instance, call.args, call.kwargs
        )

    async def calling(self, call: BoundCall[Any]) -> Any:
        """Call the workflow and await its result."""
        return await outside.call_async(
            self.engine, call.definition, call.options, call.instance, call.args, call.kwargs
        )

    # -- how it stops ----------------------------------------------------------------------------------------
    def pause(self) -> None:
        """No turn from now on, until `go_on`. Its clocks go on, as of a process that was stopped by a signal."""
        if self.running:
            self.life = Life.PAUSED

    def go_on(self, suspended: float = 0.0) -> None:
        """After a pause. `suspended`: seconds of it that its monotonic clock has not seen (a suspended machine)."""
        if self.paused:
            self.env.suspended += suspended
            self.life = Life.RUNNING

    def die(self) -> None:
        """Vanish: nothing of it runs any more, nothing is told to anybody. From within a turn or from outside."""
        if self.life is Life.DEAD:
            return
        self.life = Life.DYING
        self.env.dead = True
        self._left = asyncio.all_tasks(self.loop)
        self.loop.stop_dead()

    def bury(self) -> None:
        """The operating system's part of its death: its connections are cut."""
        self.life = Life.DEAD
        if self.engine in RUNNING:
            RUNNING.remove(self.engine)
        for port in self._ports:
            port.close()
        if self._store is not None:
            self.world.database.abandon(self._store)
        if self.engine.left_behind is not None:
            self.engine.left_behind.sources.abandon()

    def clear_away(self) -> None:
        """Destroy what is left of it in this interpreter, silently."""
        runtime = self.engine.left_behind
        if runtime is not None:
            self.threads.end(runtime)
        self.loop.run_last(self._destroy)
        self.loop.close()

    def _destroy(self) -> None:
        done: set[asyncio.Task[Any]] = set()
        # What its code does now finds neither a database nor a loop that runs; but it may begin new tasks.
        while left := (self._left | asyncio.all_tasks(self.loop)) - done:
            for task in left:
                _destroy_task(task)
            done |= left

    # -- what the engine is given ----------------------------------------------------------------------------
    def open_store(self) -> Store:
        """The real store, behind the gates."""
        self._store = self.world.database.store(self.world.database_now)
        store = gated(self._store, _Wire(self), self._ports)
        return store if self._gate is None else gated(store, self._gate)

    async def hang(self) -> Any:
        """Never answer."""
        await self.loop.create_future()

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if self.life is Life.RUNNING:
            who = context.get("task") or context.get("future") or ""
            self.complaints.append(f"{context.get('message')}: {context.get('exception')!r} {who}")


def _destroy_task(task: "asyncio.Task[Any]") -> None:
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    coroutine: Any = task.get_coro()
    if inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
        frame = coroutine.cr_frame
        for held in frame.f_locals.values() if frame is not None else ():
            if inspect.iscoroutine(held):
                held.close()  # what it was to await
    with contextlib.suppress(BaseException):
        for _ in range(_MOST_AWAITS):
            coroutine.throw(ProcessDied())


class SimulatedEngine(Stepwell):
    """The real engine with a simulated machine."""

    _beats_on_loop = True
    _listens = False

    def __init__(self, process: Process, settings: Settings) -> None:
        super().__init__("sqlite:///simulated", settings=settings)
        self._process = process
        #: The runtime, also after the engine has closed or its process has died.
        self.left_behind: Runtime | None = None

    def _open_store(self) -> Store:
        return self._process.open_store()

    def _home(self, size: int) -> Lending:
        return home_lending(self._process.world.database.url, size)

    def _env(self) -> Env:
        return self._process.env

    async def _begin(self, runtime: Runtime) -> None:
        self.left_behind = runtime
        runtime.touches_on_loop = True
        await super()._begin(runtime)


class _Wire:
    """The innermost gate: the database's clock follows, and the world knows that an answer is under way."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        process = self._process
        if process.env.dead:
            await process.hang()
        process.world.database.follow(process.world.database_now())
        process.in_flight += 1
        try:
            return await call()
        finally:
            process.in_flight -= 1

    def around_beat(self, call: Callable[[], Beat]) -> Beat:
        process = self._process
        if process.env.dead:
            raise ProcessDied
        process.world.database.follow(process.world.database_now())
        return call()
