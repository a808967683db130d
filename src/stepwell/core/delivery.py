"""The order in which outcomes reach the workflow's code, the same in a fresh run and in a replay.

While a run has several tasks, its outcomes are delivered one at a time, each only when the run is quiet: when
none of its tasks has moved for some rounds of the loop, so that whatever the last outcome set off (gather,
as_completed, a TaskGroup that cancels siblings) has happened. `pos` records the order; a replay repeats it.
A run with a single task needs none of this: there is only one place to deliver to.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any

from stepwell.core import cancel
from stepwell.core.keys import CANCEL_KEY, Key
from stepwell.core.unwind import Unwound
from stepwell.model.rows import Recorded

if TYPE_CHECKING:
    from stepwell.core.execution import Execution

#: Rounds of the loop without a move. The longest silent chain of asyncio's own futures between two moves of
#: tasks (gather of shield of a task) takes three.
QUIET_ROUNDS = 5


class TrackedCoroutine(Coroutine[Any, Any, Any]):
    """A task's coroutine that counts its own moves, so that quiet can be seen."""

    __slots__ = ("_coroutine", "_execution")

    def __init__(self, execution: "Execution", coroutine: Coroutine[Any, Any, Any]) -> None:
        self._execution = execution
        self._coroutine = coroutine

    def send(self, value: Any) -> Any:
        self._execution.activity += 1
        try:
            return self._coroutine.send(value)
        except (KeyboardInterrupt, SystemExit) as leaving:
            # A task that raises these ends its loop, which may be the caller's: the run is given back instead.
            self._execution.runtime.leaving(self._execution, leaving)
            raise Unwound from None

    def throw(self, *error: Any) -> Any:
        self._execution.activity += 1
        try:
            return self._coroutine.throw(*error)
        except (KeyboardInterrupt, SystemExit) as leaving:
            self._execution.runtime.leaving(self._execution, leaving)
            raise Unwound from None

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()


class History:
    """What a claimed run had recorded, and how much of it has been delivered again."""

    __slots__ = ("_by_fingerprint", "by_key", "delivered", "head", "order")

    def __init__(self, recorded: list[Recorded]) -> None:
        self.order = sorted(recorded, key=lambda row: row.pos)
        self.by_key: dict[Key, Recorded] = {(row.branch, row.seq): row for row in recorded}
        self.delivered: set[Key] = set()
        self.head = 0
        self._by_fingerprint: dict[tuple[str, int], Key] | None = None

    @property
    def finished(self) -> bool:
        """Everything recorded has been delivered: from here on the run is live."""
        return self.head >= len(self.order)

    def next(self) -> Recorded | None:
        """The outcome whose turn it is."""
        while self.head < len(self.order):
            row = self.order[self.head]
            if (row.branch, row.seq) not in self.delivered:
                return row
            self.head += 1
        return None

    def deliver(self, row: Recorded) -> None:
        """This outcome reaches the workflow's code now."""
        self.delivered.add((row.branch, row.seq))
        self.next()

    def mismatch(self, row: Recorded, name: str, fingerprint: int) -> str | None:
        """Why this row cannot answer that call; None if it can."""
        if row.name != name:
            return f"the code calls {name!r} where {row.name!r} is recorded"
        if row.fingerprint == fingerprint:
            return None
        if self._by_fingerprint is None:
            self._by_fingerprint = {(r.name, r.fingerprint): (r.branch, r.seq) for r in self.order}
        other = self._by_fingerprint.get((name, fingerprint))
        if other is not None:
            return f"the code calls {name!r} with the arguments recorded at another place ({other[0]}:{other[1]})"
        return None


class Deliveries:
    """The turnstile of one async execution."""

    __slots__ = (
        "_context",
        "_execution",
        "_gates",
        "_held",
        "_interrupted",
        "_live",
        "_recorded",
        "_seen",
        "_still",
        "_ticking",
    )

    def __init__(self, execution: "Execution") -> None:
        self._execution = execution
        self._recorded: dict[Key, asyncio.Future[None]] = {}
        self._interrupted: set[Key] = set()
        self._gates: list[asyncio.Future[None]] = []
        self._live: deque[asyncio.Future[None]] = deque()
        self._ticking = False
        self._held = 0
        self._still = 0
        self._seen = -1
        self._context = contextvars.Context()

    async def recorded(self, row: Recorded) -> None:
        """Wait until it is this recorded outcome's turn.

        The record says whether the workflow's code interrupted it, and when among the other outcomes. So an
        interruption waits for its turn; and one that is not recorded came too early, by this replay's timing (a
        timeout on a busy machine), and does not happen.
        """
        history = self._execution.history
        assert history is not None
        key = (row.branch, row.seq)
        put_off = False
        try:
            while key not in history.delivered:
                future = self._recorded[key] = self._future()
                try:
                    await future
                except asyncio.CancelledError:
                    if self._is_over:
                        history.deliver(row)
                        self.kick()
                        raise
                    self._interrupted.add(key)
                    # A commit that is under way is not interrupted: what came then came after it.
                    put_off = row.kind == "transaction"
        finally:
            self._recorded.pop(key, None)
            self._interrupted.discard(key)
        if row.ended == "abandoned":
            raise asyncio.CancelledError
        if put_off and (task := asyncio.current_task()) is not None:
            task.uncancel()
            task.cancel()

    @property
    def _is_over(self) -> bool:
        """The function has ended, or the execution has: what is still cancelled has no turn."""
        execution = self._execution
        return execution.fate is not None or execution.root_task is None or execution.root_task.done()

    async def begin(self) -> None:
        """Wait until everything recorded is delivered: no live body starts before."""
        future = self._future()
        self._gates.append(future)
        await future

    async def live(self) -> None:
        """Wait for the turn of a fresh outcome."""
        future = self._future()
        self._live.append(future)
        await future

    def hold(self) -> None:
        """The outcome whose turn it is takes a while longer (a commit, a codec): nothing is delivered before it."""
        self._held += 1

    def release(self) -> None:
        """It has been delivered, or will not be."""
        self._held -= 1
        self.kick()

    def fail(self, error: BaseException) -> None:
        """The execution unwinds: nobody gets a turn any more."""
        for future in [*self._recorded.values(), *self._gates, *self._live]:
            if not future.done():
                future.set_exception(error)

    @property
    def stalled(self) -> bool:
        """Live calls wait for a recorded outcome that nobody asks for."""
        return bool(self._gates) and not self._ticking and not self._held

    def _future(self) -> "asyncio.Future[None]":
        self.kick()
        return asyncio.get_running_loop().create_future()

    def kick(self) -> None:
        """Something may be deliverable now."""
        self._still = 0
        if not self._ticking and not self._held:
            self._ticking = True
            asyncio.get_running_loop().call_soon(self._tick, context=self._context)

    def _tick(self) -> None:
        if self._held:
            self._ticking = False
            return
        activity = self._execution.activity
        if activity != self._seen:
            self._seen = activity
            self._still = 0
        else:
            self._still += 1
        if self._still >= QUIET_ROUNDS:
            self._still = 0
            if not self._next():
                self._ticking = False
                return
        asyncio.get_running_loop().call_soon(self._tick, context=self._context)

    def _next(self) -> bool:
        """Deliver one thing; False if there is nothing to deliver now."""
        history = self._execution.history
        if history is not None and (row := history.next()) is not None:
            if (row.branch, row.seq) == CANCEL_KEY:
                history.deliver(row)
                cancel.again(self._execution)
                return True
            if row.kind == "timeout":
                end_block = self._execution.timeouts.get((row.branch, row.seq))
                if end_block is None:
                    return False  # the block has not been entered yet
                history.deliver(row)
                end_block()
                return True
            if row.ended == "abandoned" and (row.branch, row.seq) not in self._interrupted:
                return False  # the workflow's own code will interrupt it
            future = self._recorded.get((row.branch, row.seq))
            if future is None or future.done():
                return False
            history.deliver(row)
            future.set_result(None)
            return True
        if self._gates:
            gates, self._gates = self._gates, []
            for future in gates:
                if not future.done():
                    future.set_result(None)
            return True
        while self._live:
            future = self._live.popleft()
            if not future.done():
                future.set_result(None)
                return True
        return False
