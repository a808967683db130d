"""The core of one engine: everything that its executions share, on one event loop."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from stepwell.core import cancel
from stepwell.core.alarms import Alarms
from stepwell.core.batcher import Batcher
from stepwell.core.clock import DatabaseClock
from stepwell.core.definition import WorkflowDefinition
from stepwell.core.env import Env
from stepwell.core.event_subscriptions import subscribe
from stepwell.core.execution import Execution
from stepwell.core.facts import Facts
from stepwell.core.faults import StoreHealth, backoff, pause_after, persist, unavailable
from stepwell.core.hints import Hints
from stepwell.core.inbox import Inbox
from stepwell.core.instances import Instances
from stepwell.core.journal import Journal
from stepwell.core.keys import Key
from stepwell.core.lifecycle import begin_async, drive_in_thread
from stepwell.core.places import Places
from stepwell.core.post import Post
from stepwell.core.registry import Registry
from stepwell.core.sealing import CodecHealth
from stepwell.core.secret import Secret
from stepwell.core.sources import Lending, Sources
from stepwell.core.starting import comparable
from stepwell.core.threads import WorkerPool
from stepwell.core.unsent import UnsentStarts
from stepwell.core.unwind import Fate
from stepwell.core.wakeups import Wakeups
from stepwell.core.watch import Watch
from stepwell.errors import StepwellError
from stepwell.model.queues import EVERY_QUEUE
from stepwell.model.rows import Leave, NewRun, Started, Wait
from stepwell.model.settings import Settings
from stepwell.model.status import Status
from stepwell.model.transactions import Kind
from stepwell.serde.serializer import Serializer
from stepwell.store.api import Store
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.transactions import Speaker
from stepwell.telemetry.bus import Bus

T = TypeVar("T")

#: Shorter async waits are never parked.
_SHORT_SECONDS = 60.0

#: The longest pause between two tries of leaving a run that somebody's transaction holds.
_HELD_SECONDS = 0.25


class Runtime:
    """Made on the loop it lives on. `executes` is False for a client."""

    log = logging.getLogger("stepwell.engine")

    def __init__(
        self,
        *,
        name: str,
        store: Store,
        env: Env,
        settings: Settings,
        serializer: Serializer,
        registry: Registry,
        instances: Instances,
        queues: Sequence[str] | None,
        bus: Bus,
        executes: bool,
        label: str,
        home: Callable[[int], Lending],
        speaker: Callable[[Any, Kind], Speaker],
    ) -> None:
        self.name = name
        self.store = store
        self.env = env
        self.settings = settings
        self.serializer = serializer
        self.registry = registry
        self.instances = instances
        #: The queues that it listens to; None: all.
        self.queues = None if queues is None else tuple(queues)
        self.bus = bus
        self.executes = executes
        self.label = label
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        #: What the engine does for itself must not stand in any workflow's context.
        self.context = contextvars.Context()
        self.inbox = Inbox(self.loop)
        self.health = StoreHealth()
        self.codec = CodecHealth()
        self.clock = DatabaseClock(env)
        self.alarms = Alarms(self.loop, self.clock, self.context)
        self.journal = Journal(store, env, self.inbox, self.health)
        self.hints = Hints(self)
        self.watch = Watch(self)
        self.facts = Facts(self)
        self.post = Post(self)
        self.secret = Secret(self)
        self.wakeups = Wakeups(self)
        self.unsent = UnsentStarts(self)
        self.sources = Sources(self, home)
        #: Makes the words of `conn=` heard on a caller's connection.
        self.speaker = speaker
        #: What is said on users' connections is said on the loop: where a simulation wants to see it.
        self.touches_on_loop = False
        self.pool = WorkerPool(settings.max_threads, f"stepwell-{name}")
        self._starts: Batcher[NewRun, Started] = Batcher(store.start, 500, self.pause, self._unclaimed)
        self._leaves: Batcher[Leave, bool | None] = Batcher(store.leave, 500, self.pause)
        self.incarnation = env.uuid7()
        self._reincarnating = False
        self.executions: dict[UUID, Execution] = {}
        self.on_pool = 0  # def executions that hold a pool thread, or wait for one
        self.reserved = [0, 0]  # (def, async) starts on their way to the database
        self.fence_until = float("inf")
        #: When our last heartbeat was acknowledged, and since when they have been without a gap.
        self.last_beat = self.steady_since = float("-inf")
        self._unfenced = asyncio.Event()
        #: Set when there may be something to claim.
        self.work = asyncio.Event()
        self.places = Places(self.work)
        self.schedules = asyncio.Event()  # set when one may be due earlier than was known
        self.emptied = asyncio.Event()  # set whenever the last execution has ended
        self.draining = False
        #: It has said goodbye to the database: nothing may begin here any more.
        self.departed = False
        self.closed = False
        self.registered = (-1, -1)  # the generation that the executors' table knows
        self._served: tuple[tuple[int, int], dict[str, WorkflowDefinition]] = ((-1, -1), {})
        self._tasks: set[asyncio.Task[Any]] = set()

    # -- the loop ------------------------------------------------------------------------------------------
    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """A task of the engine's own, outside any workflow's context. On the loop."""
        task = self.loop.create_task(coroutine, context=self.context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._reaped)
        return task

    def _reaped(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log.error("an internal task of engine %r failed", self.name, exc_info=error)

    def on_loop(self, call: Callable[..., object], *args: Any) -> None:
        """Call it on the loop: now if this is the loop's thread, else soon."""
        if threading.get_ident() == self.thread:
            call(*args)
        else:
            self.inbox.post(call, *args)

    async def patient(self, verb: Callable[..., Awaitable[T]], *args: Any, outside: bool = False) -> T:
        """A store's verb, repeated until answered; from outside a workflow for `call_patience` seconds."""
        patience = self.settings.call_patience if outside else None
        return await persist(partial(verb, *args), self.env, self.health, patience)

    @property
    def generation(self) -> tuple[int, int]:
        """Changes whenever a workflow or an instance is registered."""
        return self.registry.generation, self.instances.generation

    def served(self) -> dict[str, WorkflowDefinition]:
        """Every route this process executes; recomputed when something was registered."""
        if self._served[0] != self.generation:
            self._served = (self.generation, self.registry.served(self.instances))
        return self._served[1]

    async def register(self) -> None:
        """Enter this incarnation into the table of executors; the first lease begins."""
        self.renewed(await self._registered(self.incarnation))

    async def _registered(self, incarnation: UUID) -> float:
        """Enter an incarnation into the table; how long its lease is certain."""
        sent_alive, sent = self.env.alive(), self.env.monotonic()
        self.registered = self.generation
        now = await self.patient(
            self.store.register,
            incarnation,
            self.label,
            self.settings.lease,
            list(self.served()),
            [EVERY_QUEUE] if self.queues is None else self.queues,
        )
        self.clock.observe(now, sent, self.env.monotonic())
        await subscribe(self)
        return sent_alive + self.settings.lease * 0.9

    async def reincarnate(self) -> None:
        """Others took this process for dead: whatever it executed is theirs. It goes on as a new one.

        What begins while the new one is in no table yet, the orphans' sweep of another process may take as well: it
        belongs to an incarnation that never comes to be.
        """
        if self._reincarnating:
            return
        self._reincarnating = True
        self.log.warning(
            "engine %r was taken for dead (its executor row is gone); it goes on as a new incarnation",
            self.name,
        )
        try:
            self._become(self.env.uuid7())
            fresh = self.env.uuid7()
            certain = await self._registered(fresh)
            self._become(fresh)
            self.renewed(certain)
        finally:
            self._reincarnating = False
        self.work.set()

    def _become(self, incarnation: UUID) -> None:
        self.incarnation = incarnation
        for execution in list(self.executions.values()):
            execution.lost()

    # -- beginning -----------------------------------------------------------------------------------------
    @property
    def free_slots(self) -> tuple[int, int]:
        """How many more (def, async) runs this process can execute."""
        resident = len(self.executions) - self.on_pool
        return (
            max(0, self.settings.max_threads - self.on_pool - self.reserved[0]),
            max(0, self.settings.max_async - resident - self.reserved[1]),
        )

    def has_slot(self, is_async: bool) -> bool:
        """Whether a run of this colour can begin here now."""
        return self.executes and not self.draining and self.free_slots[is_async] > 0

    def enter(self, execution: Execution) -> None:
        """From here on this process executes the run. From any thread."""
        self.executions[execution.run_id] = execution
        if self.departed:  # read after the line above: `retire` looks the other way round, and one of us sees it
            execution.lost()
        if execution.deadline is not None:
            self.on_loop(cancel.arm_deadline, execution)
        self.bus.emit("workflow.started", execution=execution, replays=execution.history is not None)

    def begin(self, execution: Execution) -> None:
        """Execute on the loop or on the pool. On the loop."""
        self.enter(execution)
        if execution.is_async:
            begin_async(execution)
        else:
            execution.pooled = True
            self.on_pool += 1
            self.pool.submit(drive_in_thread, (execution,))

    async def start(self, run: NewRun, outside: bool = False) -> Started:
        """Insert a run through the starts' lane, or meet the one that is there.

        From outside a workflow it ends in StoreUnavailable after `call_patience`, and is not tried again then.
        """
        try:
            async with asyncio.timeout(self.settings.call_patience if outside else None):
                started = await self._starts.add(run)
        except TimeoutError:
            raise unavailable(self.health.fault, self.settings.call_patience) from self.health.fault
        except StoreFault as fault:
            raise StepwellError(f"the database refuses to start {run.workflow_id!r}: {fault.told}") from fault
        return await comparable(self, run, started, outside)

    def _unclaimed(self, run: NewRun, started: Started) -> None:
        """Who started it was interrupted while the row was on its way: the run is anybody's."""
        if started.created:
            self.spawn(self._hand_over(run))

    async def _hand_over(self, run: NewRun) -> None:
        if run.status == Status.PENDING:
            await self.leave(Leave(run.run_id, 1, Status.ENQUEUED, "its starter was interrupted"))
        self.work.set()

    async def leave(self, leave: Leave, patience: float = float("inf")) -> bool:
        """End an execution without an outcome; whether it was still ours. While somebody's open transaction holds the
        run it is tried again, by itself, for so many seconds; False then: the self-audit or a sweep gives it back."""
        began = self.env.monotonic()
        for attempt in count():
            left = await self._leaves.add(leave)
            if left is not None:
                return left
            if self.env.monotonic() - began >= patience:
                break
            await asyncio.sleep(min(_HELD_SECONDS, backoff(attempt, self.env.random(), FaultKind.CONTENTION)))
        return False

    def pause(self, error: Exception, attempt: int) -> float | None:
        """How long a Batcher waits before it sends again what met this error; None: it is final."""
        return pause_after(error, attempt, self.env, self.health)

    def leaving(self, execution: Execution, error: BaseException) -> None:
        """SystemExit, KeyboardInterrupt: give the run back at once; it counts as a takeover."""
        execution.leaving = error
        execution.unwind(Fate.RELEASED, f"{type(error).__name__} in {execution.workflow_id}", recovery=True)

    # -- waiting -------------------------------------------------------------------------------------------
    async def may_begin(self) -> None:
        """Wait until bodies may begin: with a valid lease (the self-fence), and a journal that keeps up."""
        await self.journal.relief()
        while self.env.alive() > self.fence_until:
            self._unfenced.clear()
            await self._unfenced.wait()

    def renewed(self, fence_until: float) -> None:
        """A heartbeat was acknowledged."""
        now = self.env.monotonic()
        if not self.beats_steadily(now):
            self.steady_since = now
        self.last_beat = now
        self.fence_until = fence_until
        self._unfenced.set()

    def beats_steadily(self, now: float) -> bool:
        """Whether our own heartbeats come through: if not, the silence of others proves nothing."""
        return now - self.last_beat <= self.settings.lease / 2

    def may_park(self, execution: Execution, seconds: float) -> bool:
        """Whether a def run that waits so long should give its thread back."""
        return (
            not execution.keeps_thread
            and execution.cancel_reason is None  # its cleanup has little time
            and execution.submitted == 0
            and seconds > max(self.settings.park_after, 100 * execution.replay_seconds)
        )

    def may_park_async(self, execution: Execution, seconds: float) -> bool:
        """An async wait is a heap entry; long ones are parked only when there are very many."""
        return (
            not execution.tasks
            and not execution.timeouts
            and execution.cancel_reason is None
            and seconds > max(_SHORT_SECONDS, self.settings.park_after, 100 * execution.replay_seconds)
            and len(self.executions) - self.on_pool > self.settings.max_async // 10
        )

    def timer_wait(self, key: Key, due: float) -> Wait:
        """The row of a parked timer."""
        return Wait(key[0], key[1], "timer", wake_at=due)

    async def retire(self) -> None:
        """End everything that is still under way. The engine is closing."""
        self.departed = True
        for execution in list(self.executions.values()):
            execution.lost()  # a call on a thread that came after the last round of the drain: nobody writes for it now
        self.inbox.close()
        self.alarms.close()
        self.watch.close()
        self.facts.close()
        tasks = [task for task in self._tasks | self.inbox.tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._starts.close()
        await self._leaves.close()
        await self.wakeups.close()
        await self.post.close()
