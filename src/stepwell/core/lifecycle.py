"""How an execution begins and ends: the function is called; what it did becomes the run's outcome, or none."""

import asyncio
from contextlib import suppress
from typing import Any

from stepwell.core import cancel, ending, sealing
from stepwell.core.context import Branch, frame
from stepwell.core.delivery import TrackedCoroutine
from stepwell.core.execution import Execution
from stepwell.core.recall import encode_failure
from stepwell.core.unwind import Ended, Fate, Unwound
from stepwell.errors import NotSerializable, PayloadTooLarge
from stepwell.model.rows import Finish
from stepwell.model.status import Status
from stepwell.serde.codec import CodecFault


def begin_async(execution: Execution) -> None:
    """Run an async workflow as a task of its own on the core's loop: it outlives whoever called it."""
    runtime = execution.runtime
    context = runtime.context.copy()
    context.run(frame.set, Branch(execution))
    coroutine = TrackedCoroutine(execution, _call(execution))
    execution.root_task = asyncio.Task(coroutine, loop=runtime.loop, context=context, name=execution.workflow_id)
    # A task that waits for it would cost every sleeping run two kilobytes more.
    execution.root_task.add_done_callback(lambda task: _returned(execution, task), context=runtime.context)
    if execution.cancel_reason is not None:
        cancel.begin(execution)


async def _call(execution: Execution) -> tuple[Any, BaseException | None, Ended | None]:
    """Call the function; what it returned or raised, and the outcome if it could be appended at once.

    At once: so that the last step's checkpoint and the outcome go to the database together.
    """
    args, kwargs = execution.arguments
    if execution.instance is not None:
        args = (execution.instance, *args)
    value: Any = None
    error: BaseException | None = None
    try:
        value = await execution.definition.fn(*args, **kwargs)
    except BaseException as raised:
        error = raised
    await _too_late()
    ended = None
    try:
        if not execution.tasks:
            with suppress(CodecFault):  # `_end` waits for it
                ended = conclude(execution, value, error)
        return value, error, ended
    finally:
        del error  # its traceback holds this frame


async def _too_late() -> None:
    """A cancellation that was put off until the function had ended: the task would still end as cancelled."""
    with suppress(asyncio.CancelledError):
        while (task := asyncio.current_task()) is not None and task.cancelling():
            task.uncancel()
            await asyncio.sleep(0)


def _returned(execution: Execution, task: "asyncio.Task[Any]") -> None:
    """The function has ended. Mostly all that is left is to wait for the commit, which needs no task."""
    runtime = execution.runtime
    ended: Ended | None = None if task.cancelled() else task.result()[2]
    if ended is None or ended.fate is not None or execution.tasks:
        runtime.spawn(_end(execution, task))
        return
    durable = execution.when_durable()

    def committed(durable: "asyncio.Future[None]") -> None:
        if durable.exception() is None and execution.fate is None:
            ending.outcome_durable(ended)
        else:
            runtime.spawn(ending.execution_ended(Ended(execution, fate=execution.fate, error=execution.leaving)))

    durable.add_done_callback(committed, context=runtime.context)


async def _end(execution: Execution, task: "asyncio.Task[Any]") -> None:
    """The function has ended: wait for its stragglers, then record the outcome."""
    if task.cancelled():  # before its first line
        value, error, ended = None, asyncio.CancelledError(), None
    else:
        value, error, ended = task.result()
    while execution.tasks:
        stragglers = list(execution.tasks)
        for straggler in stragglers:
            straggler.cancel()
        await asyncio.wait(stragglers)
        execution.tasks.difference_update(stragglers)
    attempt = 0
    try:
        while ended is None:
            try:
                ended = conclude(execution, value, error)
            except CodecFault as fault:
                await sealing.pause(execution, fault, attempt)
                attempt += 1
        if attempt:
            execution.runtime.codec.worked()
        await execution.durable()
    except Unwound:
        ended = Ended(execution, fate=execution.fate, error=execution.leaving)
    await ending.execution_ended(ended)


def drive_in_thread(execution: Execution) -> Ended:
    """Run a def workflow in the calling thread, up to its outcome or its fate."""
    args, kwargs = execution.arguments
    if execution.instance is not None:
        args = (execution.instance, *args)
    value: Any = None
    error: BaseException | None = None
    token = frame.set(Branch(execution))
    try:
        value = execution.definition.fn(*args, **kwargs)
    except BaseException as raised:
        error = raised
    finally:
        frame.reset(token)
    try:
        try:
            ended = conclude(execution, value, error)
        except CodecFault as fault:
            ended = sealing.again_in_thread(execution, fault, conclude, execution, value, error)
        execution.durable_in_thread()
    except Unwound:
        ended = Ended(execution, fate=execution.fate, error=execution.leaving)
    del error  # its traceback holds this frame
    execution.runtime.on_loop(ending.thread_ended, ended)
    return ended


def conclude(execution: Execution, value: Any, error: BaseException | None) -> Ended:
    """Append the outcome to the journal, unless the execution has a fate or gets one here. CodecFault: not now."""
    if execution.fate is None:
        _check_history(execution)
    if execution.fate is None and error is not None:
        _fate_of(execution, error)
    if execution.fate is not None:
        return Ended(execution, fate=execution.fate, error=execution.leaving)
    ended = _outcome(execution, value, error)
    execution.append(
        Finish(
            execution.run_id,
            execution.epoch,
            ended.status or "",
            ended.output,
            ended.recorded_error,
            ended.reason,
            ended.codec_id,
            bool(execution.begun),
        )
    )
    return ended


def _check_history(execution: Execution) -> None:
    """A function that ended without asking for what it did before is not the function that did it."""
    history = execution.history
    if history is None:
        return
    left = [
        row
        for row in history.order
        if (row.branch, row.seq) not in history.delivered and row.ended != "abandoned" and row.kind != "cancel"
    ]
    if left:
        first = left[0]
        execution.mismatch(
            (first.branch, first.seq),
            f"the function ended without calling {first.name!r}, which is recorded there",
        )


def _fate_of(execution: Execution, error: BaseException) -> None:
    """Some exceptions say that this execution ends, not that the run does."""
    if isinstance(error, asyncio.CancelledError):
        if execution.cancel_reason is None:
            execution.unwind(Fate.RELEASED)  # the loop is being torn down, not the run
    elif isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
        execution.runtime.leaving(execution, error)


def _outcome(execution: Execution, value: Any, error: BaseException | None) -> Ended:
    if error is None:
        try:
            text, codec_id = execution.runtime.serializer.result(execution.definition.fn).encode(value)
            return Ended(execution, Status.SUCCESS, output=text, codec_id=codec_id, value=value)
        except (NotSerializable, PayloadTooLarge) as refused:
            error = refused
    if isinstance(error, asyncio.CancelledError):
        return Ended(execution, Status.CANCELLED, reason=execution.cancel_reason)
    text, codec_id = encode_failure(execution, error)
    return Ended(execution, Status.ERROR, recorded_error=text, codec_id=codec_id, error=error)
