"""One execution: this process's attempt at one run, named by (run_id, epoch).

It holds what the run has recorded, numbers and records what it does next, and knows when it must stop. How
operations are carried out is in `async_ops` and `thread_ops`; how it begins and ends is in `lifecycle`.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepwell.core.alarms import Alarm
from stepwell.core.definition import WorkflowDefinition
from stepwell.core.delivery import Deliveries, History
from stepwell.core.inbox import Slot
from stepwell.core.keys import Key
from stepwell.core.unwind import Ended, Fate, Unwound, release
from stepwell.model.rows import Checkpoint, Finish, Intent, NewRun, ParentRef, Recorded, RecordedIntent, Wait
from stepwell.store.faults import StoreFault

if TYPE_CHECKING:
    from stepwell.core.mailbox import Mailbox
    from stepwell.core.runtime import Runtime


class Execution:
    """The state of one execution. Its loop is the only writer, but for what `lock` guards."""

    __slots__ = (
        "__weakref__",
        "activity",
        "appended",
        "arguments",
        "attributes",
        "began",
        "begun",
        "blocked",
        "called",
        "cancel_delivered",
        "cancel_reason",
        "children",
        "deadline",
        "definition",
        "deliveries",
        "dues",
        "epoch",
        "fate",
        "fate_reason",
        "fate_recovery",
        "flushed",
        "history",
        "instance",
        "intents",
        "keeps_thread",
        "leaving",
        "limits",
        "lock",
        "mail",
        "next_pos",
        "on_end",
        "parent",
        "patches",
        "pooled",
        "queue",
        "replay_seconds",
        "root_run_id",
        "root_task",
        "run_id",
        "runtime",
        "submitted",
        "swallowed",
        "tasks",
        "timeouts",
        "timers",
        "unsent_start",
        "waiters",
        "waits",
        "workflow_id",
    )

    def __init__(
        self,
        runtime: "Runtime",
        definition: WorkflowDefinition,
        *,
        run_id: UUID,
        workflow_id: str,
        epoch: int,
        instance: object | None,
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        deadline: float | None = None,
        cancel_reason: str | None = None,
        attributes: str | None = None,
        parent: ParentRef | None = None,
        root_run_id: UUID | None = None,
        queue: str = "",
        recorded: list[Recorded] | None = None,
        intents: list[RecordedIntent] | None = None,
    ) -> None:
        self.runtime = runtime
        self.definition = definition
        self.run_id = run_id
        self.workflow_id = workflow_id
        self.epoch = epoch
        self.instance = instance
        self.arguments = arguments
        self.deadline = deadline
        self.attributes = attributes
        self.parent = parent
        self.root_run_id = root_run_id
        self.queue = queue
        # What was recorded before this execution.
        self.history: History | None = History(recorded) if recorded else None
        # Whose intents are in the database, or on their way there: their outcomes remove them.
        self.begun: set[Key] = {(i.branch, i.seq) for i in intents or ()}
        self.intents: dict[Key, RecordedIntent] = {(i.branch, i.seq): i for i in intents or ()}
        self.next_pos = max((row.pos for row in recorded), default=-1) + 1 if recorded else 0
        self.began = runtime.env.monotonic()
        self.replay_seconds = 0.0
        # The journal's view: rows appended and rows durable, and who waits for which count.
        self.lock = threading.Lock()
        self.appended = 0
        self.flushed = 0
        self.waiters: list[tuple[int, asyncio.Future[None] | Slot]] = []
        self.unsent_start: NewRun | None = None
        # Blocked branches, whatever they wait for: a fate or a cancellation wakes them.
        self.blocked: set[asyncio.Future[None] | Slot] = set()
        self.waits: dict[Key, Wait] = {}
        self.dues: dict[Key, tuple[float | None, float]] = {}
        # How it stops.
        self.fate: Fate | None = None
        self.fate_reason: str | None = None
        self.fate_recovery = False
        self.cancel_reason = cancel_reason
        self.cancel_delivered = False
        self.leaving: BaseException | None = None  # the SystemExit or KeyboardInterrupt that released it
        self.on_end: list[Callable[[Ended], None]] = []
        self.children: list[UUID] = []
        self.called: dict[Key, UUID] = {}  # children called and not ended, that end with us
        self.patches: dict[str, bool] = {}  # answers of `patched`, once given
        self.timers: list[asyncio.TimerHandle | Alarm] = []
        self.mail: Mailbox | None = None  # once it has received
        # Async executions.
        self.root_task: asyncio.Task[Any] | None = None
        self.tasks: set[asyncio.Task[Any]] = set()
        self.timeouts: dict[Key, Callable[[], None]] = {}  # open `timeout()` blocks: what ends each
        self.deliveries: Deliveries | None = None
        self.activity = 0
        # Def executions.
        self.keeps_thread = False  # runs in its caller's own thread: parking would free nothing
        self.pooled = False  # holds one of the pool's threads
        self.limits: list[float] = []  # due instants of open `timeout()` blocks
        self.swallowed = 0  # how often a verb has raised Unwound, and was called again
        self.submitted = 0  # steps on worker threads now

    def __repr__(self) -> str:
        return f"<execution of {self.definition.name} {self.workflow_id!r} epoch {self.epoch}>"

    @property
    def is_async(self) -> bool:
        """Whether the workflow's function is `async def`."""
        return self.definition.is_async

    # -- recording ---------------------------------------------------------------------------------------
    def record(
        self,
        key: Key,
        name: str,
        kind: str,
        ended: str,
        output: str | None,
        error: str | None,
        fingerprint: int,
        elapsed: float,
        attempts: int = 1,
        codec_id: str | None = None,
        child_run: UUID | None = None,
        settles: bool = False,
    ) -> None:
        """Append one outcome at the next position. On the loop for async runs, on any thread for def ones."""
        if settles:
            self.begun.discard(key)
        consumes = None if self.mail is None else self.mail.recorded(key, ended)
        if self.definition.is_async:
            append = self.runtime.journal.append
            pos = self.next_pos
            self.next_pos = pos + 1
        else:
            append = self.runtime.journal.append_from_thread
            with self.lock:
                pos = self.next_pos
                self.next_pos = pos + 1
        row = Checkpoint(
            self.run_id,
            self.epoch,
            key[0],
            key[1],
            name,
            kind,
            ended,
            output,
            error,
            fingerprint,
            pos,
            elapsed,
            attempts,
            child_run,
            codec_id,
            settles,
            consumes,
        )
        append(self, row)
        if consumes is not None and self.mail is not None:
            self.mail.appended(consumes)

    def left_behind(self, row: Recorded) -> None:
        """A replayed call of a child that was interrupted: the child still ends with us."""
        if row.ended != "ok" and row.child_run is not None:
            self.children.append(row.child_run)

    def caught_up(self, history: History) -> None:
        """Once everything recorded has been delivered, the run is live."""
        if history.finished and self.history is history:
            self.history = None
            self.replay_seconds = self.runtime.env.monotonic() - self.began

    def append(self, row: Intent | Finish) -> None:
        """Append a row that is no outcome of an operation."""
        if isinstance(row, Intent):
            self.begun.add((row.branch, row.seq))
        if self.definition.is_async:
            self.runtime.journal.append(self, row)
        else:
            self.runtime.journal.append_from_thread(self, row)

    def release_waiters(self) -> None:
        """Wake those who waited for what is durable now. On the loop."""
        with self.lock:
            ready = [waiter for target, waiter in self.waiters if target <= self.flushed]
            if ready:
                self.waiters = [pair for pair in self.waiters if pair[0] > self.flushed]
        for waiter in ready:
            release(waiter)

    @property
    def has_rows_on_their_way(self) -> bool:
        """Something of it is not durable yet; perhaps not even that it exists."""
        return self.unsent_start is not None or self.flushed < self.appended

    async def settled(self) -> None:
        """Wait until the journal is through with everything appended, whatever the fate. On the loop."""
        if self.flushed < self.appended:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            with self.lock:
                self.waiters.append((self.appended, future))
            await future

    def when_durable(self) -> "asyncio.Future[None]":
        """Done when everything appended so far is committed; Unwound once there is a fate. On the loop."""
        future: asyncio.Future[None] = self.runtime.loop.create_future()
        if self.flushed < self.appended and self.fate is None:
            self.waiters.append((self.appended, future))
        else:
            future.set_result(None)
        return future

    async def durable(self) -> None:
        """Wait until everything appended so far is committed (the output-commit rule). On the loop."""
        if self.flushed < self.appended and self.fate is None:
            await self.when_durable()
        if self.fate is not None:
            raise Unwound

    def durable_in_thread(self) -> None:
        """The same for a def execution's threads."""
        if self.flushed < self.appended:
            slot = Slot()
            with self.lock:
                target = self.appended
                self.waiters.append((target, slot))
            # Append first, look second: the loop counts first and looks for waiters second, without the lock.
            if self.flushed >= target or self.fate is not None:
                slot.resolve()
            self.runtime.journal.hurry()
            slot.result()
        if self.fate is not None:
            raise Unwound

    def due_known(self, intent: Intent, due: tuple[float | None, float]) -> None:
        """The database has said when this wait is due, and what time it is there."""
        self.dues[(intent.branch, intent.seq)] = due

    # -- stopping ----------------------------------------------------------------------------------------
    def unwind(self, fate: Fate, reason: str | None = None, recovery: bool = False) -> None:
        """Stop executing without an outcome: every verb raises from now on. From any thread; the first fate stays."""
        with self.lock:
            if self.fate is not None:
                return
            self.fate, self.fate_reason, self.fate_recovery = fate, reason, recovery
        if self.unsent_start is not None:
            self.runtime.journal.send_start(self)  # whoever goes on with the run must find it
        self.runtime.on_loop(self._interrupt)

    def _interrupt(self) -> None:
        with self.lock:
            waiters, self.waiters = self.waiters, []
        for _, waiter in waiters:
            release(waiter, Unwound())
        for waiter in list(self.blocked):
            release(waiter, Unwound())
        if self.deliveries is not None:
            self.deliveries.fail(Unwound())
        if self.root_task is not None and self.fate is not Fate.PARKED:
            # A body in flight must not have one more effect than it can help.
            self.root_task.cancel()
            for task in list(self.tasks):
                task.cancel()

    def lost(self) -> None:
        """The fence is lost: another process owns the run, and records its outcome."""
        self.unwind(Fate.LOST)

    def conflict(self, row: object) -> None:
        """The same epoch recorded another outcome for the same operation: never expected."""
        what = f"{row.name} ({row.branch}:{row.seq})" if isinstance(row, Checkpoint) else type(row).__name__
        self.unwind(Fate.BLOCKED, f"another outcome of {what} is recorded under the same epoch {self.epoch}")

    def unwritable(self, fault: StoreFault) -> None:
        """The database refuses this run's rows; everybody else's were written."""
        self.unwind(Fate.BLOCKED, f"the database refuses to record: {fault.told}")

    def mismatch(self, key: Key, why: str) -> None:
        """The code does not match what is recorded: the run becomes BLOCKED, with the reason."""
        place = f"{key[0]}:{key[1]}" if key[0] else str(key[1])
        self.unwind(
            Fate.BLOCKED,
            f"replay mismatch at operation {place}: {why}. Deploy code that matches the history, or rewind or fork "
            "the run from an earlier step",
        )

    def turnstile(self) -> Deliveries:
        """The order of deliveries; made when first needed."""
        if self.deliveries is None:
            self.deliveries = Deliveries(self)
        return self.deliveries
