"""What happens when a decorated function is called or started: where we stand decides.

Outside a workflow a workflow call is a run of its own; inside it is a child. A step inside a workflow is recorded;
outside it is a plain call. Colour is checked here, before any effect.
"""

import asyncio
import warnings
from asyncio.events import _get_running_loop
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from stepwell.core import async_steps, bulk, child, fan_out, fan_out_results, in_transaction, outside, thread_steps
from stepwell.core.context import Branch, StepScope, frame, open_transaction
from stepwell.core.definition import BoundCall, Definition, StepDefinition, WorkflowDefinition
from stepwell.core.engines import RUNNING, find_runtime
from stepwell.core.fan_out_hands import Hands, InWorkflow, Outside
from stepwell.core.futures import StepFuture
from stepwell.core.locked_file import refuse_while_file_is_locked
from stepwell.core.ref import RunRef
from stepwell.errors import AsyncMismatch, InvalidArgument, NotDurableWarning, UsageError
from stepwell.model.options import CallOptions, StepOptions

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


# -- steps ---------------------------------------------------------------------------------------------------


def call_step(d: StepDefinition, o: StepOptions, instance: object | None, args: Args, kwargs: Kwargs) -> Any:
    """A blocking step call."""
    here = frame.get()
    if here is None or here.in_step:
        if d.is_async and _get_running_loop() is not None:
            _refuse_on_loop(d)
        if here is None and RUNNING:
            _warn_not_durable(d)
        return asyncio.run(plain_async(d, instance, args, kwargs)) if d.is_async else plain(d, instance, args, kwargs)
    assert isinstance(here, Branch)
    if _get_running_loop() is not None:
        _refuse_on_loop(d)
    seq = here.seq
    here.seq = seq + 1
    return thread_steps.step(here, seq, d, o, instance, args, kwargs)


def call_step_async(
    d: StepDefinition, o: StepOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> Coroutine[object, None, Any]:
    """An awaitable step call; its number is drawn now, not when it is awaited."""
    here = frame.get()
    if here is None or here.in_step:
        if here is None and RUNNING:
            _warn_not_durable(d)
        _refuse_in_def_step(d, here)
        return plain_async(d, instance, args, kwargs)
    assert isinstance(here, Branch)
    if not here.execution.definition.is_async:
        _refuse_in_def(d, here.execution.definition)
    seq = here.seq
    here.seq = seq + 1
    return async_steps.run_step(here, seq, d, o, instance, args, kwargs)


def submit_step(
    d: StepDefinition, o: StepOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> StepFuture[Any]:
    """A `def` step on a worker thread."""
    here = frame.get()
    if here is None or here.in_step:
        if here is None and RUNNING:
            _warn_not_durable(d)
        return StepFuture.plain(lambda: plain(d, instance, args, kwargs))
    assert isinstance(here, Branch)
    if here.execution.definition.is_async:
        raise AsyncMismatch(
            f"{d.name}.submit() is for def workflows: in an async one use asyncio.gather with {d.name}.aio(...)"
        )
    seq = here.seq
    here.seq = seq + 1
    return StepFuture.submit(here, lambda: thread_steps.step(here, seq, d, o, instance, args, kwargs))


def map_step(d: StepDefinition, o: StepOptions, instance: object | None, items: Iterable[Any]) -> list[Any]:
    """Many calls of a `def` step on worker threads; results in order, the first failure raised at its place."""
    futures = [submit_step(d, o, instance, (item,), {}) for item in items]
    return [future.result() for future in futures]


def map_step_async(
    d: StepDefinition, o: StepOptions, instance: object | None, items: Iterable[Any]
) -> Coroutine[object, None, list[Any]]:
    """Many calls at once; numbered now, results in order."""
    calls = [call_step_async(d, o, instance, (item,), {}) for item in items]

    async def gather() -> list[Any]:
        return list(await asyncio.gather(*calls))

    return gather()


def plain(d: Definition, instance: object | None, args: Args, kwargs: Kwargs) -> Any:
    """Just the function."""
    return d.fn(*args, **kwargs) if instance is None else d.fn(instance, *args, **kwargs)


async def plain_async(d: Definition, instance: object | None, args: Args, kwargs: Kwargs) -> Any:
    """Just the function, awaited; a `def` one on a thread."""
    if d.is_async:
        return await plain(d, instance, args, kwargs)
    return await asyncio.to_thread(plain, d, instance, args, kwargs)


async def in_worker(fn: Callable[[], Any]) -> Any:
    """Call something that may block: in a step on the engine's pool."""
    here = frame.get()
    if here is None:
        return await asyncio.to_thread(fn)
    return await here.execution.runtime.pool.run_async(fn, (), {})


# -- workflows -----------------------------------------------------------------------------------------------


def call_workflow(d: WorkflowDefinition, o: CallOptions, instance: object | None, args: Args, kwargs: Kwargs) -> Any:
    """Run now and return the result; inside a workflow, as its child."""
    _refuse_conn(d, o)
    here = _waiting_frame(d)
    if _get_running_loop() is not None:
        _refuse_on_loop(d)
    if here is not None:
        return child.call(here, d, o, instance, args, kwargs)
    _refuse_while_file_is_locked(d, o)
    return outside.call(find_runtime(o.engine), d, o, instance, args, kwargs)


def call_workflow_async(
    d: WorkflowDefinition, o: CallOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> Coroutine[object, None, Any]:
    """The same, awaitable. A child's number is drawn now."""
    _refuse_conn(d, o)
    here = _waiting_frame(d)
    if here is not None:
        if not here.execution.definition.is_async:
            _refuse_in_def(d, here.execution.definition)
        return child.call_async(here, d, o, instance, args, kwargs)
    _refuse_while_file_is_locked(d, o)
    return outside.call_async(o.engine, d, o, instance, args, kwargs)


def start_workflow(
    d: WorkflowDefinition, o: CallOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> RunRef:
    """Start and return once the row is committed."""
    here = _starting_frame()
    if _get_running_loop() is not None:
        _refuse_on_loop(d)
    if o.conn is not None:
        if here is not None:
            raise in_transaction.refuse_in_workflow(d)
        return in_transaction.start(find_runtime(o.engine), d, o, instance, args, kwargs)
    _refuse_while_file_is_locked(d, o)
    if here is not None:
        return child.start(here, d, o, instance, args, kwargs)
    return outside.start(find_runtime(o.engine), d, o, instance, args, kwargs)


def start_workflow_async(
    d: WorkflowDefinition, o: CallOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> Coroutine[object, None, RunRef]:
    """The same, awaitable."""
    here = _starting_frame()
    if o.conn is not None:
        if here is not None:
            raise in_transaction.refuse_in_workflow(d)
        return in_transaction.start_async(find_runtime(o.engine), d, o, instance, args, kwargs)
    _refuse_while_file_is_locked(d, o)
    if here is None:
        _refuse_in_def_step(d, frame.get())
    else:
        if not here.execution.definition.is_async:
            _refuse_in_def(d, here.execution.definition)
        return child.start_async(here, d, o, instance, args, kwargs)
    return outside.start_async(o.engine, d, o, instance, args, kwargs)


def check_start(d: WorkflowDefinition, o: CallOptions, *, blocks: bool) -> None:
    """What every start outside a workflow's own code must pass. Raises AsyncMismatch, TransactionMisuse."""
    if blocks and _get_running_loop() is not None:
        _refuse_on_loop(d)
    _refuse_while_file_is_locked(d, o)
    if not blocks:
        _refuse_in_def_step(d, frame.get())


def start_many(calls: Sequence[BoundCall[Any]], atomic: bool = False) -> list[RunRef]:
    """Start many; each row is committed when this returns."""
    if _get_running_loop() is not None and calls:
        _refuse_on_loop(calls[0].definition)
    here = _starting_frame()
    if any(c.options.conn is not None for c in calls):
        return [start_workflow(c.definition, c.options, c.instance, c.args, c.kwargs) for c in calls]
    _refuse_all_while_file_is_locked(calls)
    if here is not None:
        return bulk.start_children(here, calls)
    return bulk.start_many(calls, atomic)


def start_many_async(calls: Sequence[BoundCall[Any]], atomic: bool = False) -> Coroutine[object, None, list[RunRef]]:
    """The same, awaitable."""
    if _starting_frame() is None and all(c.options.conn is None for c in calls):
        _refuse_all_while_file_is_locked(calls)
        if calls:
            _refuse_in_def_step(calls[0].definition, frame.get())
        return bulk.start_many_async(calls, atomic)
    starts = [start_workflow_async(c.definition, c.options, c.instance, c.args, c.kwargs) for c in calls]

    async def gather() -> list[RunRef]:
        return list(await asyncio.gather(*starts))

    return gather()


def map_workflow(
    d: WorkflowDefinition,
    o: CallOptions,
    instance: object | None,
    items: Iterable[Any],
    concurrency: int,
    tolerate: float,
    ordered: bool,
) -> fan_out_results.Results:
    """A run for each item, so many at a time; their results."""
    policy = fan_out.checked(items, concurrency, tolerate, ordered)
    here = _mapping_frame(d, o)

    def refuse() -> None:
        if _get_running_loop() is not None:
            _refuse_on_loop(d)

    refuse()
    calls = fan_out_results.calls_of(d, o, instance, items)
    return fan_out_results.Results(calls, policy, _hands(here, o), refuse)


def map_workflow_async(
    d: WorkflowDefinition,
    o: CallOptions,
    instance: object | None,
    items: Iterable[Any],
    concurrency: int,
    tolerate: float,
    ordered: bool,
) -> fan_out_results.AsyncResults:
    """The same, to be awaited."""
    policy = fan_out.checked(items, concurrency, tolerate, ordered)
    here = _mapping_frame(d, o)
    if here is not None and not here.execution.definition.is_async:
        _refuse_in_def(d, here.execution.definition)
    calls = fan_out_results.calls_of(d, o, instance, items)
    return fan_out_results.AsyncResults(calls, policy, _hands(here, o))


def _mapping_frame(d: WorkflowDefinition, o: CallOptions) -> Branch | None:
    _refuse_conn(d, o)
    if o.id is not None:
        raise InvalidArgument("map: an id is for one run: map the calls fn.options(id=...).bind(...)")
    here = _waiting_frame(d)
    if here is None:
        _refuse_while_file_is_locked(d, o)
    return here


def _hands(here: Branch | None, o: CallOptions) -> Hands:
    if here is None:
        return Outside(find_runtime(o.engine))
    return InWorkflow(fan_out_results.branch_of_map(here))


def _waiting_frame(d: WorkflowDefinition) -> Branch | None:
    here = frame.get()
    if isinstance(here, StepScope):
        raise UsageError(
            f"{d.name} is called within the step {here.name!r}: a step may not wait for a workflow. Call it from the "
            f"workflow, or start it ({d.name}.start(...)) and wait for it there"
        )
    return here


def _starting_frame() -> Branch | None:
    """A start within a step is a start from outside: the step is what is recorded."""
    here = frame.get()
    return here if isinstance(here, Branch) else None


# -- colour --------------------------------------------------------------------------------------------------


def _refuse_on_loop(d: Definition) -> None:
    raise AsyncMismatch(
        f"{d.name} would block the event loop of this thread: await {d.name}.aio(...) instead, or call it from a thread"
    )


def _refuse_in_def(d: Definition, within: Definition) -> None:
    raise AsyncMismatch(
        f"{d.name} is async and {within.name} is not: call {d.name}.sync(...) there, or make the workflow `async def`"
    )


def _refuse_in_def_step(d: Definition, here: Branch | StepScope | None) -> None:
    """Nobody could await a coroutine there: a `def` step runs on a thread without a loop."""
    if isinstance(here, StepScope) and _get_running_loop() is None:
        raise AsyncMismatch(
            f"{d.name} is async and the step {here.name!r} is not: call {d.name}.sync(...) there, or make the step "
            "`async def`"
        )


def _refuse_conn(d: WorkflowDefinition, o: CallOptions) -> None:
    if o.conn is not None:
        raise UsageError(
            f"{d.name}: conn= is for start(...), not for a call: the run begins only once the transaction is "
            f"committed, and "
            "nobody could wait for it before"
        )


def _refuse_while_file_is_locked(d: Definition, o: CallOptions) -> None:
    if open_transaction.get() is not None:
        refuse_while_file_is_locked(
            find_runtime(o.engine), d.name, "Start it in that transaction with options(conn=...), or after it"
        )


def _refuse_all_while_file_is_locked(calls: Sequence[BoundCall[Any]]) -> None:
    if open_transaction.get() is not None:
        for each in calls:
            _refuse_while_file_is_locked(each.definition, each.options)


def _warn_not_durable(d: Definition) -> None:
    runtime = RUNNING[-1].runtime
    message = (
        f"the step {d.name} is called outside any workflow: it is a plain call, nothing is recorded. In a thread that "
        "a workflow made, use step.submit(...), which keeps the workflow's context"
    )
    if runtime.settings.strict_steps:
        raise UsageError(message)
    warnings.warn(message, NotDurableWarning, stacklevel=4)
