"""What happens when a transaction is called: recorded in a workflow, plain within a step and outside, never within
another."""

import asyncio
import warnings
from asyncio.events import _get_running_loop
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from stepwell.core import call, transactions
from stepwell.core.context import Branch, OpenTransaction, frame, open_transaction
from stepwell.core.definition import TransactionDefinition
from stepwell.core.engines import find_runtime
from stepwell.core.outside import from_any_loop
from stepwell.core.transaction_hands import drive
from stepwell.core.transaction_values import CONTENTION
from stepwell.errors import NotDurableWarning, TransactionMisuse, UsageError
from stepwell.model.options import StepOptions
from stepwell.model.transactions import DEFAULT_ISOLATION, Mode
from stepwell.store.faults import FaultKind
from stepwell.store.transactions import code_of, ended_itself

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def call_transaction(
    d: TransactionDefinition, o: StepOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> Any:
    """A blocking call."""
    here = frame.get()
    _refuse_within(d)
    if _get_running_loop() is not None:
        call._refuse_on_loop(d)
    if not isinstance(here, Branch):
        runtime = _plain_runtime(d)
        if d.is_async:
            return runtime.inbox.run(_OnLoop(runtime).run(d, o, instance, args, kwargs))
        return drive(_InThread(runtime).run(d, o, instance, args, kwargs))
    seq = here.seq
    here.seq = seq + 1
    return transactions.transaction(here, seq, d, o, instance, args, kwargs)


def call_transaction_async(
    d: TransactionDefinition, o: StepOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> Coroutine[object, None, Any]:
    """An awaitable call; its number is drawn now, not when it is awaited."""
    here = frame.get()
    _refuse_within(d)
    if not isinstance(here, Branch):
        call._refuse_in_def_step(d, here)
        return _plain_async(_plain_runtime(d), d, o, instance, args, kwargs)
    if not here.execution.definition.is_async:
        call._refuse_in_def(d, here.execution.definition)
    seq = here.seq
    here.seq = seq + 1
    return transactions.run_transaction(here, seq, d, o, instance, args, kwargs)


def _refuse_within(d: TransactionDefinition) -> None:
    around = open_transaction.get()
    if around is not None:
        raise TransactionMisuse(
            f"the transaction {d.name} is called within the transaction {around.name}: they would be two, and commit "
            "separately. Call them one after the other from the workflow, or call a plain function with the connection"
        )


def _plain_runtime(d: TransactionDefinition) -> "Runtime":
    """The engine of a plain call; a warning where nobody records it."""
    runtime = find_runtime()
    if frame.get() is None:
        message = (
            f"the transaction {d.name} is called outside any workflow: it commits, and nothing is recorded of it. In "
            f"a thread "
            "that a workflow made, the workflow's context is missing"
        )
        if runtime.settings.strict_steps:
            raise UsageError(message)
        warnings.warn(message, NotDurableWarning, stacklevel=4)
    return runtime


async def _plain_async(
    runtime: "Runtime", d: TransactionDefinition, o: StepOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> Any:
    if d.is_async:
        return await from_any_loop(runtime, _OnLoop(runtime).run(d, o, instance, args, kwargs))
    return await asyncio.to_thread(lambda: drive(_InThread(runtime).run(d, o, instance, args, kwargs)))


class _Plain:
    """A transaction without a checkpoint: run again after contention, and only then."""

    def __init__(self, runtime: "Runtime") -> None:
        self.runtime = runtime

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def stand_back(self) -> None:
        await self.runtime.store.stand_back()

    async def come_back(self) -> None:
        self.runtime.store.come_back()

    async def body(self, d: TransactionDefinition, args: Args, kwargs: Kwargs) -> Any:
        return await d.fn(*args, **kwargs)

    async def run(
        self, d: TransactionDefinition, o: StepOptions, instance: object | None, args: Args, kwargs: Kwargs
    ) -> Any:
        """The function's value, committed."""
        place = self.runtime.sources.place(d.source)
        dialect = place.dialect(self.runtime)
        locks_file = dialect.is_sqlite and place.is_home is True
        attempt = 0
        while True:
            if locks_file:
                await self.stand_back()
            try:
                return await self._attempt(d, locks_file, instance, args, kwargs)
            except Exception as error:
                code = code_of(error)
                contended = code in CONTENTION or (dialect.is_sqlite and dialect.kind_of(code) is FaultKind.CONTENTION)
                attempt += 1
                if not contended or o.retry is None or attempt > o.retry.retries or not o.retry.accepts(error):
                    raise
                delay = o.retry.delay(attempt, self.runtime.env.random())
            finally:
                if locks_file:
                    await self.come_back()
            await self.pause(delay)

    async def _attempt(
        self, d: TransactionDefinition, locks_file: bool, instance: object | None, args: Args, kwargs: Kwargs
    ) -> Any:
        runtime = self.runtime
        place = runtime.sources.place(d.source)
        dialect = place.dialect(runtime)
        lease = runtime.settings.lease
        mode = Mode(d.isolation or DEFAULT_ISOLATION, d.read_only, lease * 2 / 3, runtime.env.uuid4().hex)
        hold = await place.lending.hold(d.kind, d.connection_class)
        usable = False
        try:
            await hold.begin(dialect, mode)
            first = () if instance is None else (instance,)
            connection = () if hold.connection is None else (hold.connection,)
            token = open_transaction.set(OpenTransaction(d.name, dialect if locks_file else None))
            try:
                value = await self.body(d, (*first, *connection, *args), kwargs)
            finally:
                open_transaction.reset(token)
            await hold.settle()
            if not await dialect.is_marked(hold, mode):
                raise ended_itself()
            await hold.commit()
            usable = True
            return value
        except Exception:
            usable = not hold.lost
            raise
        finally:
            dialect.unmark(hold, mode)
            await hold.end(usable)


class _OnLoop(_Plain):
    """On the engine's loop."""


class _InThread(_Plain):
    """In a thread, which blocks: nothing here suspends."""

    async def pause(self, seconds: float) -> None:
        self.runtime.inbox.run(asyncio.sleep(seconds))

    async def stand_back(self) -> None:
        self.runtime.inbox.run(super().stand_back())

    async def come_back(self) -> None:
        self.runtime.on_loop(self.runtime.store.come_back)

    async def body(self, d: TransactionDefinition, args: Args, kwargs: Kwargs) -> Any:
        return d.fn(*args, **kwargs)
