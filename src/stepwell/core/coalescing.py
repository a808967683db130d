"""Starts that become one: debounced, batched, or one at a time. From outside a workflow, or from a step."""

from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from stepwell.core import sealing
from stepwell.core.context import Branch, frame
from stepwell.core.definition import WorkflowDefinition
from stepwell.core.engines import find_runtime
from stepwell.core.outside import blocking, from_any_loop
from stepwell.core.ref import RunRef
from stepwell.core.starting import new_run
from stepwell.errors import PayloadTooLarge, StepwellError, UsageError
from stepwell.model.coalescing import Batching, Coalescing, Debounce, Singleton, dedup_key
from stepwell.model.options import CallOptions
from stepwell.model.queues import SINGLETONS, Queue
from stepwell.model.rows import NewRun, Started
from stepwell.store.faults import StoreFault

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

Args = tuple[Any, ...]
Kwargs = dict[str, Any]

#: Runtimes that have made the queue of singletons.
_DECLARED: "WeakSet[Runtime]" = WeakSet()

#: What surrounds the items of a batch in the input of its run.
_BEFORE, _AFTER = '{"args":[[', "]]}"


def start(
    d: WorkflowDefinition, o: CallOptions, how: Coalescing, instance: object | None, args: Args, kwargs: Kwargs
) -> RunRef:
    """Start, or meet the run of the same key, and block until that is committed."""
    _check(d, o, how)
    runtime = find_runtime(o.engine)
    return blocking(runtime, _start(runtime, d, o, how, instance, args, kwargs))


def start_async(
    d: WorkflowDefinition, o: CallOptions, how: Coalescing, instance: object | None, args: Args, kwargs: Kwargs
) -> Coroutine[Any, Any, RunRef]:
    """The same, awaitable."""
    _check(d, o, how)
    runtime = find_runtime(o.engine)
    return from_any_loop(runtime, _start(runtime, d, o, how, instance, args, kwargs))


def _check(d: WorkflowDefinition, o: CallOptions, how: Coalescing) -> None:
    verb = {Debounce: "debounce", Batching: "batch"}.get(type(how), "singleton")
    if isinstance(frame.get(), Branch):
        raise UsageError(
            f"{d.name}.{verb}(...) starts a run that belongs to many: call it in a step, so that a replay does not"
        )
    allowed = {"delay", "at"} if isinstance(how, Singleton) else set()
    refused = {"id", "dedup", "conn", "delay", "at"} - allowed
    if isinstance(how, Singleton) and how.mode == "queue":
        refused |= {"queue", "partition"}
    for option in sorted(refused):
        if getattr(o, option) is not None:
            raise UsageError(f"{d.name}.{verb}(...) does not go with {option}=: the run belongs to many starts")


async def _start(
    runtime: "Runtime",
    d: WorkflowDefinition,
    o: CallOptions,
    how: Coalescing,
    instance: object | None,
    args: Args,
    kwargs: Kwargs,
) -> RunRef:
    if isinstance(how, Singleton) and how.mode == "queue":
        await _declare_singletons(runtime)
        options = replace(o, queue=SINGLETONS, partition=f"{d.name}:{how.key}")
    else:
        delay = how.delay if isinstance(how, Debounce | Batching) else o.delay
        options = replace(o, dedup=dedup_key(how, d.name), delay=delay)
    if isinstance(how, Batching) and how.most == 1:
        options = o  # full with its first item: nothing to wait for, and nobody to share it with
    run = await sealing.patiently(runtime, new_run, runtime, d, options, instance, args, kwargs)
    try:
        started = await _met(runtime, d, how, run)
    except StoreFault as fault:
        raise StepwellError(f"the database refuses to start {d.name!r}: {fault.told}") from fault
    runtime.work.set()
    return RunRef(runtime, started.workflow_id, started.run_id, d)


async def _declare_singletons(runtime: "Runtime") -> None:
    """Once per runtime."""
    if runtime not in _DECLARED:
        singletons = Queue(SINGLETONS, partition_concurrency=1, keep_place=True)
        await runtime.patient(runtime.store.declare_queues, [singletons], outside=True)
        _DECLARED.add(runtime)


async def _met(runtime: "Runtime", d: WorkflowDefinition, how: Coalescing, run: NewRun) -> Started:
    store = runtime.store
    if isinstance(how, Debounce):
        return await runtime.patient(store.debounce, run, how.limit, outside=True)
    if isinstance(how, Batching):
        cap = runtime.settings.payload_cap
        if run.codec_id is not None or not (run.input.startswith(_BEFORE) and run.input.endswith(_AFTER)):
            raise UsageError(
                f"{d.name}.batch(...): items are appended in the database, which takes inputs in plain JSON "
                "(no serializer=, and one parameter that is a list)"
            )
        item = run.input[len(_BEFORE) : -len(_AFTER)]
        if len(run.input) > cap:
            raise PayloadTooLarge(f"an item for {d.name!r} takes {len(item)} bytes, and {cap} are allowed")
        if how.most > 1:
            return await runtime.patient(store.add_to_batch, run, item, how.most, cap, outside=True)
    elif how.mode == "cancel":
        return await runtime.patient(store.supersede, run, outside=True)
    (started,) = await runtime.patient(store.start, [run], outside=True)
    return started
