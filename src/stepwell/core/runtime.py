"""The core of one engine: everything that its executions share, on one event loop."""

import asyncio
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar
from uuid import UUID

from stepwell.core.batcher import Batcher
from stepwell.core.clock import DatabaseClock
from stepwell.core.definition import WorkflowDefinition
from stepwell.core.delivery import Key
from stepwell.core.env import Env
from stepwell.core.execution import Ended, Execution
from stepwell.core.faults import StoreHealth, persist
from stepwell.core.inbox import Inbox
from stepwell.core.instances import Instances
from stepwell.core.journal import Journal
from stepwell.core.lifecycle import begin_async, drive_in_thread
from stepwell.core.registry import Registry
from stepwell.core.threads import WorkerPool
from stepwell.core.unwind import Fate
from stepwell.core.watch import Watch
from stepwell.errors import StepwellError
from stepwell.model.rows import Leave, NewRun, Outcome, Started, Wait
from stepwell.model.settings import Settings
from stepwell.model.status import Status
from stepwell.serde.serializer import Serializer
from stepwell.store.api import Store
from stepwell.store.faults import StoreFault
from stepwell.telemetry.bus import Bus

T = TypeVar("T")

#: A start that may ride with its first checkpoint waits no longer than this.
FUSED_START_SECONDS = 0.05


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
        queues: Sequence[str],
        bus: Bus,
        executes: bool,
        label: str,
    ) -> None:
        self.name = name
        self.store = store
        self.env = env
        self.settings = settings
        self.serializer = serializer
        self.registry = registry
        self.instances = instances
        self.queues = tuple(queues)
        self.bus = bus
        self.executes = executes
        self.label = label
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        #: What the engine does for itself must not stand in any workflow's context.
        self.context = contextvars.Context()
        self.inbox = Inbox(self.loop)
        self.health = StoreHealth()
        self.clock = DatabaseClock(env)
        self.journal = Journal(store, env, self.inbox, self.health)
        self.watch = Watch(self)
        self.pool = WorkerPool(settings.max_threads, f"stepwell-{name}")
        self.starts: Batcher[NewRun, Started] = Batcher(self._start, 500)
        self.leaves: Batcher[Leave, bool] = Batcher(self._leave, 500)
        self.incarnation = env.uuid7()
        self.executions: dict[UUID, Execution] = {}
        self.on_pool = 0  # def executions that hold a pool thread, or wait for one
        self.reserved = [0, 0]  # (def, async) starts on their way to the database
        self.fence_until = float("inf")
        self._unfenced = asyncio.Event()
        #: Set when there may be something to claim.
        self.work = asyncio.Event()
        self.draining = False
        self.closed = False
        self._served: tuple[tuple[int, int], dict[str, WorkflowDefinition]] = ((-1, -1), {})
        self._unsent: deque[tuple[float, Execution]] = deque()
        self._unsent_armed = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._wake_timer: tuple[float, asyncio.TimerHandle] | None = None

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

    async def patient(self, call: Callable[[], Coroutine[Any, Any, T]], outside: bool = False) -> T:
        """A store call that is repeated until answered; from outside a workflow, for `call_patience` seconds."""
        return await persist(call, self.env, self.health, self.settings.call_patience if outside else None)

    def served(self) -> dict[str, WorkflowDefinition]:
        """Every route this process executes; recomputed when something was registered."""
        generation = (self.registry.generation, self.instances.generation)
        if self._served[0] != generation:
            self._served = (generation, self.registry.served(self.instances))
        return self._served[1]

    async def register(self) -> None:
        """Enter this incarnation into the table of executors; the first lease begins."""
        sent_alive, sent = self.env.alive(), self.env.monotonic()
        now = await self.patient(
            lambda: self.store.register(self.incarnation, self.label, self.settings.lease, list(self.served()), self.queues)
        )
        self.clock.observe(now, sent, self.env.monotonic())
        self.renewed(sent_alive + self.settings.lease * 0.9)

    async def reincarnate(self) -> None:
        """Others took this process for dead: whatever it executed is theirs. It goes on as a new one."""
        self.log.warning("engine %r was taken for dead (its executor row is gone); it goes on as a new incarnation", self.name)
        self.incarnation = self.env.uuid7()
        for execution in list(self.executions.values()):
            execution.lost()
        await self.register()
        self.work.set()

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
        if execution.deadline is not None:
            self.on_loop(self._arm_deadline, execution, execution.deadline)
        if self.bus.active:
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

    def send_start_soon(self, execution: Execution) -> None:
        """Its start row waits for the first checkpoint, but not for long. From any thread."""
        self._unsent.append((self.env.monotonic() + FUSED_START_SECONDS, execution))
        if not self._unsent_armed:
            self._unsent_armed = True
            self.on_loop(self._arm_unsent, FUSED_START_SECONDS)

    def _arm_unsent(self, seconds: float) -> None:
        self.loop.call_later(seconds, self._send_unsent, context=self.context)

    def _send_unsent(self) -> None:
        now = self.env.monotonic()
        while self._unsent and self._unsent[0][0] <= now:
            self.journal.send_start(self._unsent.popleft()[1])
        if self._unsent:
            self._arm_unsent(max(0.001, self._unsent[0][0] - now))
            return
        self._unsent_armed = False
        if self._unsent:  # appended by a thread between the two lines above
            self._unsent_armed = True
            self._arm_unsent(FUSED_START_SECONDS)

    async def _start(self, runs: Sequence[NewRun]) -> Sequence[Started | Exception]:
        try:
            return await self.patient(lambda: self.store.start(runs), outside=True)
        except StoreFault as fault:
            if len(runs) == 1:
                return [StepwellError(f"the database refuses to start {runs[0].workflow_id!r}: {fault.code} {fault}")]
            # One row spoils the batch: each for itself.
            return [answer for run in runs for answer in await self._start([run])]

    async def _leave(self, leaves: Sequence[Leave]) -> list[bool]:
        return await self.patient(lambda: self.store.leave(leaves))

    # -- ending --------------------------------------------------------------------------------------------
    def spawn_ended(self, ended: Ended) -> None:
        """A def execution has ended on its thread."""
        if ended.execution.pooled:
            self.on_pool -= 1
            self.work.set()
        self.spawn(self.execution_ended(ended))

    async def execution_ended(self, ended: Ended) -> None:
        """Forget the execution, and tell everybody who waits for the run."""
        execution = ended.execution
        for timer in execution.timers:
            timer.cancel()
        if ended.fate is not None:
            await execution.settled()
        if self.executions.get(execution.run_id) is execution:
            del self.executions[execution.run_id]
        if self.bus.active:
            self.bus.emit("workflow.ended", execution=execution, status=ended.status,
                          fate=ended.fate.value if ended.fate else None, reason=execution.fate_reason)
        for callback in execution.on_end:
            callback(ended)
        if ended.fate is not None:
            await self._left(execution, ended.fate)
            return
        outcome = Outcome(execution.run_id, ended.status or "", ended.output, ended.recorded_error, ended.reason,
                          ended.codec_id)
        self.watch.ended(outcome)
        if execution.parent is not None and execution.parent.run_id not in self.executions:
            await self.patient(lambda: self.store.wake_waiters_of([execution.run_id]))
            self.work.set()
        if execution.children:
            await self.cancel_runs(execution.children, "parent closed", force=False, children=True)

    async def _left(self, execution: Execution, fate: Fate) -> None:
        status = {Fate.PARKED: Status.WAITING, Fate.BLOCKED: Status.BLOCKED, Fate.RELEASED: Status.ENQUEUED}.get(fate)
        if fate is Fate.BLOCKED:
            self.log.error("workflow %r (%s) is BLOCKED: %s", execution.workflow_id, execution.definition.name,
                           execution.fate_reason)
        if status is not None:
            await self.leaves.add(
                Leave(execution.run_id, execution.epoch, status, execution.fate_reason,
                      execution.definition.code_hint if fate is Fate.BLOCKED else None,
                      tuple(execution.waits.values()), execution.fate_recovery)
            )
        for wait in execution.waits.values():
            if wait.target_run is not None:
                # Its end may have come before our wait was there to be found.
                await self.patient(lambda: self.store.wake(100))
                self.work.set()
            elif wait.wake_at is not None:
                self.wake_at(wait.wake_at)
        if fate is Fate.RELEASED and not self.draining:
            self.work.set()
        self.watch.elsewhere(execution.run_id)

    def leaving(self, execution: Execution, error: BaseException) -> None:
        """SystemExit, KeyboardInterrupt: give the run back at once; it counts as a takeover."""
        execution.leaving = error
        execution.unwind(Fate.RELEASED, f"{type(error).__name__} in {execution.workflow_id}", recovery=True)

    # -- cancellation ----------------------------------------------------------------------------------------
    async def cancel_runs(self, run_ids: Sequence[UUID], reason: str, *, force: bool, children: bool,
                          outside: bool = False) -> list[UUID]:
        """Record the request, and deliver it at once to what runs here."""
        touched = await self.patient(
            lambda: self.store.request_cancel(list(run_ids), reason, force, children), outside=outside
        )
        for run_id in touched:
            self.cancel_here(run_id, reason, force)
            self.watch.elsewhere(run_id)
        self.work.set()
        return touched

    def cancel_here(self, run_id: UUID, reason: str, force: bool = False) -> None:
        """A cancellation is recorded for a run that may be executing here. On the loop."""
        execution = self.executions.get(run_id)
        if execution is not None:
            if force:
                execution.unwind(Fate.FORCED)
            else:
                execution.cancel_requested(reason)

    def force_cancel(self, execution: Execution) -> None:
        """The grace is over: the run ends, whatever its cleanup does."""
        if self.executions.get(execution.run_id) is execution and execution.fate is None:
            self.spawn(self.cancel_runs([execution.run_id], execution.cancel_reason or "cancel", force=True,
                                        children=False))

    def _arm_deadline(self, execution: Execution, deadline: float) -> None:
        seconds = self.clock.seconds_until(deadline)
        execution.timers.append(
            self.loop.call_later(max(0.0, min(seconds, 86_400.0 * 365)), self._deadline, execution, context=self.context)
        )

    def _deadline(self, execution: Execution) -> None:
        if self.executions.get(execution.run_id) is execution:
            self.spawn(self.cancel_runs([execution.run_id], "deadline", force=False, children=True))

    # -- waiting -------------------------------------------------------------------------------------------
    async def fenced_off(self) -> None:
        """Wait until a heartbeat has succeeded again: without a valid lease no body starts."""
        while self.env.alive() > self.fence_until:
            self._unfenced.clear()
            await self._unfenced.wait()

    def renewed(self, fence_until: float) -> None:
        """A heartbeat was acknowledged."""
        self.fence_until = fence_until
        self._unfenced.set()

    def may_park(self, execution: Execution, seconds: float) -> bool:
        """Whether a def run that waits so long should give its thread back."""
        return (
            not execution.keeps_thread
            and execution.submitted == 0
            and seconds > max(self.settings.park_after, 100 * execution.replay_seconds)
        )

    def may_park_async(self, execution: Execution, seconds: float) -> bool:
        """An async wait is a heap entry; it is parked only when there are very many."""
        return (
            not execution.tasks
            and seconds > max(self.settings.park_after, 100 * execution.replay_seconds)
            and len(self.executions) - self.on_pool > self.settings.max_async // 2
        )

    def timer_wait(self, key: Key, due: float) -> Wait:
        """The row of a parked timer."""
        return Wait(key[0], key[1], "timer", wake_at=due)

    def wake_at(self, instant: float) -> None:
        """Look for due waits then, if nothing makes us look earlier."""
        if self._wake_timer is not None:
            if self._wake_timer[0] <= instant:
                return
            self._wake_timer[1].cancel()
        seconds = max(0.0, self.clock.seconds_until(instant))
        self._wake_timer = (instant, self.loop.call_later(min(seconds, 3600.0), self._wake, context=self.context))

    def _wake(self) -> None:
        self._wake_timer = None
        if not self.closed:
            self.spawn(self._wake_due())

    async def _wake_due(self) -> None:
        while await self.patient(lambda: self.store.wake(500)) == 500:
            self.work.set()
        self.work.set()
        earliest, _ = await self.patient(self.store.next_wake)
        if earliest is not None:
            self.wake_at(earliest)

    async def retire(self) -> None:
        """End everything that is still under way. The engine is closing."""
        if self._wake_timer is not None:
            self._wake_timer[1].cancel()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
