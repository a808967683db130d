"""The hands of a transaction's flow: on the loop, or in a thread that blocks."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from stepwell.core.async_ops import block
from stepwell.core.context import Branch, OpenTransaction, StepScope, frame, open_transaction
from stepwell.core.thread_ops import begin
from stepwell.core.transaction_values import Again, Call
from stepwell.core.unwind import Unwound
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.transactions import Hold

T = TypeVar("T")


class Interrupted(Exception):
    """Whoever waited for this transaction does so no more: it is rolled back, and records nothing."""


class LoopHands:
    """On the engine's loop. Also what a thread asks of the loop."""

    def __init__(self, call: Call, branch: Branch) -> None:
        self.call = call
        self.execution = call.execution
        self.runtime = call.execution.runtime
        self.branch = branch
        #: Interrupted before it was permitted to commit.
        self.interrupted = False
        #: Permitted: nobody may interrupt it now.
        self.permitted = False
        self._holds_turn = False
        #: Interrupted while it could not be.
        self.disturbed = False

    async def ready(self) -> None:
        execution, runtime = self.execution, self.runtime
        if execution.unsent_start is not None:
            runtime.journal.send_start(execution)
        await execution.durable()
        if runtime.env.alive() > runtime.fence_until or runtime.journal.congested:
            await runtime.may_begin()
        if self.interrupted:
            raise Interrupted

    async def pause(self, seconds: float) -> None:
        future: asyncio.Future[None] = self.runtime.loop.create_future()
        timer = self.runtime.loop.call_later(seconds, _release, future, context=self.runtime.context)
        try:
            await block(self.execution, future)
        finally:
            timer.cancel()

    async def permit(self, draws: bool) -> int:
        execution = self.execution
        if execution.is_async and execution.tasks and draws:
            await execution.turnstile().live()
        if execution.fate is not None:
            raise Unwound
        if self.interrupted:
            raise Interrupted
        self.permitted = True
        if not draws:
            return -1
        if not execution.is_async:
            return draw_in_thread(self.call)
        if execution.deliveries is not None:
            execution.deliveries.hold()
            self._holds_turn = True
        pos = execution.next_pos
        execution.next_pos = pos + 1
        return pos

    def repent(self) -> None:
        self.permitted = False
        self.give_turn()

    def give_turn(self) -> None:
        """Others of this run may have their outcomes now. On the loop."""
        if self._holds_turn and self.execution.deliveries is not None:
            self._holds_turn = False
            if self.execution.fate is None:  # else nobody has a turn any more, and the loop may have ended
                self.execution.deliveries.release()

    async def ask(self, verb: Callable[..., Awaitable[T]], *args: Any) -> T:
        return await self.runtime.patient(verb, *args)

    async def stand_back(self) -> None:
        await self.runtime.store.stand_back()

    async def come_back(self) -> None:
        self.runtime.store.come_back()

    async def touch(self, verb: str, hold: Hold, call: Callable[[], Awaitable[T]]) -> T:
        limit = asyncio.timeout(self.runtime.settings.call_deadline)
        try:
            async with limit:
                return await self.runtime.store.touch(verb, call)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise StoreFault(FaultKind.CONNECTION, "no answer within the call's deadline", ambiguous=True) from error

    async def body(self, hold: Hold, locks_file: bool) -> Any:
        call = self.call
        with _scope(self.branch, call, locks_file):
            return await self.runtime.store.touch(
                "transaction_body", lambda: call.definition.fn(*arguments(call, hold.connection), **call.kwargs)
            )

    async def undisturbed(self, work: Callable[[], Awaitable[T]]) -> T:
        async def do() -> tuple[T | None, Again | Unwound | None]:
            try:
                return await work(), None
            except (Again, Unwound) as other:  # no failure of the task's, which would be logged
                return None, other

        task = self.runtime.spawn(do())
        if await wait_undisturbed(task):
            self.disturbed = True
        value, other = task.result()
        if other is not None:
            raise other
        return cast(T, value)


class ThreadHands:
    """In a thread, which blocks. `loop`: the hands on the loop, for what only they can do."""

    def __init__(self, loop: LoopHands) -> None:
        self._loop = loop
        self._runtime = loop.runtime
        self._inbox = loop.runtime.inbox

    async def ready(self) -> None:
        loop = self._loop
        if loop.execution.is_async:
            self._inbox.run(loop.ready())
            return
        if loop.execution.unsent_start is not None:
            self._runtime.journal.send_start(loop.execution)
        begin(loop.execution, loop.call.key, loop.call.name, "transaction", loop.call.mark)

    async def pause(self, seconds: float) -> None:
        self._inbox.run(self._loop.pause(seconds))

    async def permit(self, draws: bool) -> int:
        execution = self._loop.execution
        if execution.is_async:
            return self._inbox.run(self._loop.permit(draws))
        if execution.fate is not None:
            raise Unwound
        return draw_in_thread(self._loop.call) if draws else -1

    def repent(self) -> None:
        if self._loop.execution.is_async:
            self._runtime.on_loop(self._loop.repent)

    async def ask(self, verb: Callable[..., Awaitable[T]], *args: Any) -> T:
        return self._inbox.run(self._runtime.patient(verb, *args))

    async def stand_back(self) -> None:
        self._inbox.run(self._loop.stand_back())

    async def come_back(self) -> None:
        self._runtime.on_loop(self._runtime.store.come_back)

    async def touch(self, verb: str, hold: Hold, call: Callable[[], Awaitable[T]]) -> T:
        if self._runtime.touches_on_loop:
            return self._inbox.run(self._loop.touch(verb, hold, call))
        with self._runtime.sources.awaiting(hold):
            return await call()

    async def body(self, hold: Hold, locks_file: bool) -> Any:
        call = self._loop.call
        if self._loop.interrupted:
            raise Interrupted
        with _scope(self._loop.branch, call, locks_file):
            return call.definition.fn(*arguments(call, hold.connection), **call.kwargs)

    async def undisturbed(self, work: Callable[[], Awaitable[T]]) -> T:
        return await work()


def draw_in_thread(call: Call) -> int:
    """The next position of a def run's outcome."""
    execution = call.execution
    with execution.lock:
        pos = execution.next_pos
        execution.next_pos = pos + 1
    return pos


def arguments(call: Call, connection: Any) -> tuple[Any, ...]:
    """What the function is called with: the instance, the connection, and what the caller gave."""
    first = () if call.instance is None else (call.instance,)
    return (*first, *(() if connection is None else (connection,)), *call.args)


@contextmanager
def _scope(branch: Branch, call: Call, locks_file: bool) -> Any:
    scope = StepScope(branch, call.key[1], call.name, "transaction", call.attempt)
    bus = call.execution.runtime.bus
    if bus.active:
        bus.body(scope)
    token = frame.set(scope)
    locks = call.execution.runtime.store.dialect() if locks_file else None
    opened = open_transaction.set(OpenTransaction(call.name, locks))
    try:
        yield
    finally:
        open_transaction.reset(opened)
        frame.reset(token)


async def wait_undisturbed(work: "asyncio.Future[Any]") -> bool:
    """Wait for its end, through cancellations of the waiting task; whether there were any."""
    disturbed = False
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            disturbed = True
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
    return disturbed


def _release(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def drive(coroutine: Any) -> Any:
    """Run a coroutine that never suspends, in this thread, to its end."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise RuntimeError("a blocking transaction has tried to wait on an event loop")
