"""Calls and starts from outside any workflow."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from stepwell.core import sealing
from stepwell.core.definition import WorkflowDefinition
from stepwell.core.engines import find_runtime
from stepwell.core.execution import Execution
from stepwell.core.inbox import without_leaving
from stepwell.core.lifecycle import drive_in_thread
from stepwell.core.ref import RunRef
from stepwell.core.starting import check, execution_of, new_run, own
from stepwell.core.unwind import Ended
from stepwell.errors import NoRunningEngine, WorkflowCancelled
from stepwell.model.options import CallOptions
from stepwell.model.rows import NewRun, Started
from stepwell.model.status import Status
from stepwell.serde.codec import CodecFault

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

T = TypeVar("T")
Args = tuple[Any, ...]
Kwargs = dict[str, Any]


# -- blocking ------------------------------------------------------------------------------------------------


def call(
    runtime: "Runtime",
    d: WorkflowDefinition,
    o: CallOptions,
    instance: object | None,
    args: Args,
    kwargs: Kwargs,
) -> Any:
    """Run in the calling thread (an async workflow: on the core's loop) and return the result."""
    if d.is_async or o.is_queued or not runtime.executes or runtime.draining:
        return blocking(runtime, _call(runtime, d, o, instance, args, kwargs))
    try:
        run = new_run(runtime, d, o, instance, args, kwargs)
    except CodecFault:
        run = blocking(runtime, sealing.patiently(runtime, new_run, runtime, d, o, instance, args, kwargs))
    own(runtime, run)
    if o.id is None:
        execution = _fused(runtime, run, d, instance, (args, kwargs))
    else:
        started = blocking(runtime, runtime.start(run, outside=True))
        check(run, started, d, o)
        if not started.created:
            return blocking(runtime, _ref(runtime, d, started).result())
        execution = execution_of(runtime, run, d, instance, (args, kwargs), started.deadline)
    execution.keeps_thread = True
    runtime.enter(execution)
    ended = drive_in_thread(execution)
    if ended.fate is None:
        return result_of(ended)
    if ended.error is not None:
        raise ended.error
    return blocking(runtime, _ref_of(execution).result())


def start(
    runtime: "Runtime",
    d: WorkflowDefinition,
    o: CallOptions,
    instance: object | None,
    args: Args,
    kwargs: Kwargs,
) -> RunRef:
    """Start and return once the row is committed."""
    return blocking(runtime, _start(runtime, d, o, instance, args, kwargs))


def blocking(runtime: "Runtime", coroutine: Coroutine[Any, Any, T]) -> T:
    """Run on the core's loop and block for the result."""
    if runtime.closed:
        coroutine.close()
        raise NoRunningEngine(f"engine {runtime.name!r} is closed")
    return runtime.inbox.run(coroutine)


# -- awaitable -----------------------------------------------------------------------------------------------


async def call_async(
    asked: object, d: WorkflowDefinition, o: CallOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> Any:
    """Run now and return the result, from any loop. The run outlives a cancelled caller."""
    runtime = find_runtime(asked)
    return await from_any_loop(runtime, _call(runtime, d, o, instance, args, kwargs))


async def start_async(
    asked: object, d: WorkflowDefinition, o: CallOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> RunRef:
    """Start and return once the row is committed."""
    runtime = find_runtime(asked)
    return await from_any_loop(runtime, _start(runtime, d, o, instance, args, kwargs))


async def from_any_loop(runtime: "Runtime", coroutine: Coroutine[Any, Any, T]) -> T:
    """Await something of the core's, here or across loops."""
    if runtime.closed:
        coroutine.close()
        raise NoRunningEngine(f"engine {runtime.name!r} is closed")
    if asyncio.get_running_loop() is runtime.loop:
        return await coroutine
    there = asyncio.run_coroutine_threadsafe(without_leaving(coroutine), runtime.loop)
    value, leaving = await asyncio.wrap_future(there)
    if leaving is not None:
        raise leaving
    return value  # type: ignore[return-value]


# -- on the loop ---------------------------------------------------------------------------------------------


async def _call(
    runtime: "Runtime",
    d: WorkflowDefinition,
    o: CallOptions,
    instance: object | None,
    args: Args,
    kwargs: Kwargs,
) -> Any:
    if o.is_queued or not runtime.has_slot(d.is_async):
        return await (await _start(runtime, d, o, instance, args, kwargs)).result()
    run = own(runtime, await sealing.patiently(runtime, new_run, runtime, d, o, instance, args, kwargs))
    if o.id is None:
        execution = _fused(runtime, run, d, instance, (args, kwargs))
    else:
        started = await _insert(runtime, run, d)
        check(run, started, d, o)
        if not started.created:
            return await _ref(runtime, d, started).result()
        execution = execution_of(runtime, run, d, instance, (args, kwargs), started.deadline)
    return await run_here(execution)


async def run_here(execution: Execution) -> Any:
    """Execute on the loop or the pool and await the outcome, here or wherever it ends."""
    runtime = execution.runtime
    future: asyncio.Future[Ended] = runtime.loop.create_future()
    execution.on_end.append(lambda ended: None if future.done() else future.set_result(ended))
    runtime.begin(execution)
    ended = await future
    if ended.fate is None:
        return result_of(ended)
    if ended.error is not None:
        raise ended.error
    return await _ref_of(execution).result()


async def _start(
    runtime: "Runtime",
    d: WorkflowDefinition,
    o: CallOptions,
    instance: object | None,
    args: Args,
    kwargs: Kwargs,
) -> RunRef:
    run = await sealing.patiently(runtime, new_run, runtime, d, o, instance, args, kwargs)
    if not o.is_queued and runtime.has_slot(d.is_async):
        own(runtime, run)
    started = await _insert(runtime, run, d)
    check(run, started, d, o)
    if started.created and run.status == Status.PENDING:
        runtime.begin(execution_of(runtime, run, d, instance, (args, kwargs), started.deadline))
    elif started.created:
        runtime.work.set()
    return _ref(runtime, d, started)


async def _insert(runtime: "Runtime", run: NewRun, d: WorkflowDefinition) -> Started:
    """Through the starts' lane; a run of our own holds its slot meanwhile."""
    mine = run.status == Status.PENDING
    if mine:
        runtime.reserved[d.is_async] += 1
    try:
        return await runtime.start(run, outside=True)
    finally:
        if mine:
            runtime.reserved[d.is_async] -= 1


def _fused(
    runtime: "Runtime",
    run: NewRun,
    d: WorkflowDefinition,
    instance: object | None,
    arguments: tuple[Args, Kwargs],
) -> Execution:
    """A start whose row rides with the first checkpoint: nobody else can know its id."""
    deadline = run.deadline
    if run.timeout is not None:
        deadline = min(runtime.clock.now() + run.timeout, deadline or float("inf"))
    execution = execution_of(runtime, run, d, instance, arguments, deadline)
    execution.unsent_start = run
    runtime.unsent.add(execution)
    return execution


def _ref(runtime: "Runtime", d: WorkflowDefinition, started: Started) -> RunRef:
    return RunRef(runtime, started.workflow_id, started.run_id, d)


def _ref_of(execution: Execution) -> RunRef:
    return RunRef(execution.runtime, execution.workflow_id, execution.run_id, execution.definition)


def result_of(ended: Ended) -> Any:
    """Return or raise what the run ended with, live."""
    if ended.status == Status.SUCCESS:
        return ended.value
    if ended.status == Status.CANCELLED or ended.error is None:
        raise WorkflowCancelled(
            f"workflow {ended.execution.workflow_id!r} was cancelled ({ended.reason})",
            reason=ended.reason or "cancel",
        )
    raise ended.error
