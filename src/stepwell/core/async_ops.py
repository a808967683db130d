"""Operations of `async def` workflows, on the loop: replay or live, wait, record, deliver."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from stepwell.core import sealing
from stepwell.core.alarms import Alarm
from stepwell.core.context import Branch
from stepwell.core.execution import Execution
from stepwell.core.keys import Key
from stepwell.core.recall import TIMEOUT_SUFFIX, Reader, TimedOut, recall
from stepwell.core.unwind import Fate, Unwound
from stepwell.errors import Cancelled
from stepwell.model.rows import Recorded
from stepwell.serde.codec import CodecFault


async def replayed(execution: Execution, key: Key, name: str, mark: int) -> Recorded | None:
    """The recorded outcome of this operation when its turn has come; None: it is live, and may begin."""
    history = execution.history
    if history is None:
        return None
    row = history.by_key.get(key)
    if row is None:
        if not history.finished:
            await _turn(execution, execution.turnstile().begin())
    else:
        why = history.mismatch(row, name, mark)
        if why is not None:
            execution.mismatch(key, why)
            raise Unwound
        if row.fingerprint != mark:
            execution.runtime.bus.emit("replay.drift", execution=execution, name=name, place=key)
        if not execution.tasks and row.ended != "abandoned" and history.next() is row:
            history.deliver(row)
            if execution.deliveries is not None:
                execution.deliveries.kick()
        else:
            await _turn(execution, execution.turnstile().recorded(row))
        execution.left_behind(row)
    execution.caught_up(history)
    return row


async def _turn(execution: Execution, turn: Awaitable[None]) -> None:
    try:
        await turn
    except asyncio.CancelledError:
        raise interrupted(execution) from None


def interrupted(execution: Execution) -> BaseException:
    """What an operation raises when its task is cancelled."""
    if execution.fate is not None:
        return Unwound()
    if execution.cancel_delivered:
        return Cancelled(f"{execution.workflow_id}: {execution.cancel_reason}")
    return asyncio.CancelledError()


async def wait_until(execution: Execution, key: Key, due: float) -> None:
    """Wait for an instant of the database's clock. A long wait may park the run: then this raises."""
    runtime = execution.runtime
    seconds = runtime.clock.seconds_until(due)
    if seconds <= 0:
        return
    if runtime.may_park_async(execution, seconds):
        execution.waits[key] = runtime.timer_wait(key, due)
        execution.unwind(Fate.PARKED)
        raise Unwound
    future: asyncio.Future[None] = runtime.loop.create_future()
    await block(execution, future, runtime.alarms.at(due, release_timer, future))


def release_timer(future: "asyncio.Future[None]") -> None:
    """A timer's end."""
    if not future.done():
        future.set_result(None)


async def block(execution: Execution, future: "asyncio.Future[Any]", alarm: Alarm | None = None) -> None:
    """Wait for a future that a fate may break."""
    execution.blocked.add(future)
    try:
        await future
    finally:
        execution.blocked.discard(future)
        if alarm is not None:
            alarm.cancel()


#: (execution, key) -> (value, text, codec_id, child_run). The text of TimedOut is its failure's, if any.
Live = Callable[[Execution, Key], Awaitable[tuple[Any, str | None, str | None, Any]]]


async def run_operation(
    branch: Branch, seq: int, kind: str, name: str, mark: int, coder: Reader, live: Live, *, reads: bool = False
) -> Any:
    """Any other operation that waits: `live` gives (value, text, codec_id, child_run); its exception is its outcome.

    `reads`: it has no effect on others, and what it reads depends on nothing that is not yet durable.
    """
    execution = branch.execution
    if execution.fate is not None:
        raise Unwound
    key = (branch.path, seq)
    row = await replayed(execution, key, name, mark)
    if row is not None:
        try:
            return recall(execution, row, coder)
        except CodecFault as fault:
            return await sealing.recall_again(execution, fault, row, coder)
    runtime = execution.runtime
    began = runtime.env.monotonic()
    if execution.unsent_start is not None:
        runtime.journal.send_start(execution)  # only a plain step's body may come before it
    try:
        if not reads:
            await execution.durable()
        if runtime.env.alive() > runtime.fence_until or runtime.journal.congested:
            await runtime.may_begin()
        began = runtime.env.monotonic()  # what waits for the past to be durable has not begun before it was
        try:
            try:
                value, text, codec_id, child_run = await live(execution, key)
            except CodecFault as fault:
                value, text, codec_id, child_run = await _live_again(execution, key, live, fault)
        except Exception as error:
            failed, codec_id = await sealing.failure_text(execution, error)
            if execution.tasks:
                await execution.turnstile().live()
            execution.record(
                key,
                name,
                kind,
                "error",
                None,
                failed,
                mark,
                runtime.env.monotonic() - began,
                codec_id=codec_id,
                child_run=execution.called.get(key),
                settles=key in execution.begun,
            )
            raise
        if execution.tasks:
            await execution.turnstile().live()
        late = isinstance(value, TimedOut)
        execution.record(
            key,
            name,
            kind + TIMEOUT_SUFFIX if late else kind,
            "error" if late and text is not None else "ok",
            None if late else text,
            text if late else None,
            mark,
            runtime.env.monotonic() - began,
            codec_id=codec_id,
            child_run=child_run,
            settles=key in execution.begun,
        )
        return value
    except asyncio.CancelledError:
        if execution.fate is None:
            execution.record(
                key,
                name,
                kind,
                "abandoned",
                None,
                None,
                mark,
                runtime.env.monotonic() - began,
                child_run=execution.called.get(key),
                settles=key in execution.begun,
            )
        raise interrupted(execution) from None


async def _live_again(
    execution: Execution, key: Key, live: Live, fault: CodecFault
) -> tuple[Any, str | None, str | None, Any]:
    """Repeat an operation that the codec has failed: what it did before, it meets again."""
    attempt = 0
    while True:
        await sealing.pause(execution, fault, attempt)
        try:
            done = await live(execution, key)
        except CodecFault as found:
            fault = found
            attempt += 1
        else:
            execution.runtime.codec.worked()
            return done
