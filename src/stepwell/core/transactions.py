"""Calls of transactions within workflows: replayed, or carried out and recorded."""

import asyncio
import contextlib
from typing import Any

from stepwell.core import sealing
from stepwell.core.async_ops import interrupted, release_timer, replayed
from stepwell.core.context import Branch
from stepwell.core.definition import TransactionDefinition
from stepwell.core.execution import Execution
from stepwell.core.keys import Key
from stepwell.core.recall import recall
from stepwell.core.thread_ops import begin, give_up_if_swallowed, over_limit, timed_out
from stepwell.core.thread_ops import replayed as replayed_in_thread
from stepwell.core.threads import Job
from stepwell.core.transaction_flow import Flow
from stepwell.core.transaction_hands import LoopHands, ThreadHands, drive, wait_undisturbed
from stepwell.core.transaction_values import Call, Ending
from stepwell.core.unwind import Unwound
from stepwell.model.options import StepOptions
from stepwell.serde.codec import CodecFault
from stepwell.serde.fingerprint import fingerprint

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def transaction(
    branch: Branch,
    seq: int,
    d: TransactionDefinition,
    o: StepOptions,
    instance: object | None,
    args: Args,
    kwargs: Kwargs,
) -> Any:
    """One transaction of a def workflow, in the calling thread (an `async def` one, through `.sync`, on the loop)."""
    execution = branch.execution
    if execution.fate is not None:
        raise give_up_if_swallowed(execution)
    call = _call(execution, branch, seq, d, o, instance, args, kwargs)
    if execution.history is not None:
        row = replayed_in_thread(execution, call.key, call.name, call.mark)
        if row is not None:
            try:
                return recall(execution, row, call.coder)
            except CodecFault as fault:
                return sealing.again_in_thread(execution, fault, recall, execution, row, call.coder)
    if over_limit(execution):
        begin(execution, call.key, call.name, "transaction", call.mark)
        late = timed_out(execution)
        return _conclude(call, Ending(error=late), sealing.failure_text_in_thread(execution, late))
    hands = LoopHands(call, branch)
    try:
        if d.is_async:
            begin(execution, call.key, call.name, "transaction", call.mark)
            ending: Ending = execution.runtime.inbox.run(Flow(call, hands).run())
        else:
            ending = drive(Flow(call, ThreadHands(hands)).run())
    except asyncio.CancelledError:
        if execution.fate is not None:
            raise Unwound from None
        raise
    except (KeyboardInterrupt, SystemExit) as leaving:
        execution.runtime.leaving(execution, leaving)
        raise Unwound from None
    if execution.fate is not None and not ending.recorded:
        raise Unwound
    failed = None
    if ending.error is not None and not ending.recorded:
        failed = sealing.failure_text_in_thread(execution, ending.error)
    return _conclude(call, ending, failed)


async def run_transaction(
    branch: Branch,
    seq: int,
    d: TransactionDefinition,
    o: StepOptions,
    instance: object | None,
    args: Args,
    kwargs: Kwargs,
) -> Any:
    """One transaction of an async workflow; a `def` one, through `.aio`, on a worker thread."""
    execution = branch.execution
    if execution.fate is not None:
        raise Unwound
    call = _call(execution, branch, seq, d, o, instance, args, kwargs)
    if execution.history is not None:
        row = await replayed(execution, call.key, call.name, call.mark)
        if row is not None:
            try:
                return recall(execution, row, call.coder)
            except CodecFault as fault:
                return await sealing.recall_again(execution, fault, row, call.coder)
    hands = LoopHands(call, branch)
    began = execution.runtime.env.monotonic()
    try:
        try:
            ending = await (Flow(call, hands).run() if d.is_async else _on_a_thread(call, hands))
            failed = None
            if ending.error is not None and not ending.recorded:
                failed = await sealing.failure_text(execution, ending.error)
            if not ending.recorded and execution.tasks:
                await execution.turnstile().live()
            return _conclude(call, ending, failed)
        finally:
            hands.give_turn()
            if hands.disturbed and execution.fate is None and (task := asyncio.current_task()) is not None:
                task.cancel()  # what was to interrupt us comes after our outcome, as it will in a replay
    except asyncio.CancelledError:
        if execution.fate is None:
            _note(call, "abandoned", None, None, None, execution.runtime.env.monotonic() - began)
        raise interrupted(execution) from None
    except (KeyboardInterrupt, SystemExit) as leaving:
        execution.runtime.leaving(execution, leaving)
        raise Unwound from None


async def _on_a_thread(call: Call, hands: LoopHands) -> Ending:
    """Interrupted before its commit begins, it is rolled back in the background; after that, it is waited for."""
    await hands.ready()
    runtime = call.execution.runtime
    work: asyncio.Future[None] = runtime.loop.create_future()
    job = runtime.pool.submit(lambda: drive(Flow(call, ThreadHands(hands)).run()))

    def ended(_: Job) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the engine has gone, and nobody waits
            runtime.loop.call_soon_threadsafe(release_timer, work, context=runtime.context)

    job.when_done(ended)
    try:
        await asyncio.wait([work])
    except asyncio.CancelledError:
        if not hands.permitted:
            hands.interrupted = True
            raise
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
        hands.disturbed = True
        await wait_undisturbed(work)
    ending: Ending = job.result()
    return ending


def _call(
    execution: Execution,
    branch: Branch,
    seq: int,
    d: TransactionDefinition,
    o: StepOptions,
    instance: object | None,
    args: Args,
    kwargs: Kwargs,
) -> Call:
    key: Key = (branch.path, seq)
    mark = fingerprint(o.name, args, kwargs)
    coder = execution.runtime.serializer.result(d.fn)
    return Call(execution, key, o.name, mark, coder, d, o, instance, args, kwargs)


def _conclude(call: Call, ending: Ending, failed: tuple[str, str | None] | None) -> Any:
    """Record the outcome unless its checkpoint is written already, and return or raise it; `failed`: the failure's
    text."""
    runtime = call.execution.runtime
    if failed is not None:
        _note(call, "error", None, *failed, ending.elapsed)
    elif not ending.recorded:
        _note(call, "ok", ending.text, None, ending.codec_id, ending.elapsed)
    if runtime.bus.active or ending.error is not None:
        ended = "ok" if ending.error is None else "error"
        runtime.bus.step(call.execution, call.key, call.name, ended, ending.elapsed, max(1, call.attempt))
    if ending.error is not None:
        raise ending.error
    return ending.value


def _note(call: Call, ended: str, output: str | None, error: str | None, codec_id: str | None, elapsed: float) -> None:
    call.execution.record(
        call.key,
        call.name,
        "transaction",
        ended,
        output,
        error,
        call.mark,
        elapsed,
        max(1, call.attempt),
        codec_id,
    )
