"""Starting runs: the row is the only gate; losers attach to the winner's run."""

import json
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from stepwell.core import sealing
from stepwell.core.definition import WorkflowDefinition
from stepwell.core.execution import Execution
from stepwell.core.registry import route
from stepwell.errors import InvalidArgument, UnreadablePayload, WorkflowConflict
from stepwell.model.ids import child_id
from stepwell.model.looking import RunRow
from stepwell.model.options import CallOptions
from stepwell.model.rows import NewRun, ParentRef, Started
from stepwell.model.status import Status
from stepwell.serde.fingerprint import fingerprint

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: The digest of runs that start_workflow in SQL has started: it knows their inputs as JSON only.
STARTED_IN_SQL = "json"

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class CheckedCall(NamedTuple):
    """All of a start that may be refused, in the form in which it is stored."""

    inputs: Arguments
    instance: str | None
    text: str
    codec_id: str | None
    attributes: str | None


def checked_call(
    runtime: "Runtime",
    d: WorkflowDefinition,
    o: CallOptions,
    instance: object | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> CheckedCall:
    """What a start says. Raises what is wrong with it, before any effect."""
    if o.partition is not None and o.queue is None:
        raise InvalidArgument(f"{d.name}: partition= is a part of a queue, and needs queue= too")
    inputs = bind(d, instance, args, kwargs)
    name = None if instance is None else runtime.instances.name_of(instance)
    text, codec_id = runtime.serializer.arguments(d.fn, 1 if d.is_method else 0).encode(args, kwargs)
    return CheckedCall(inputs, name, text, codec_id, None if o.attributes is None else _attributes(o))


def new_run(
    runtime: "Runtime",
    d: WorkflowDefinition,
    o: CallOptions,
    instance: object | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    parent: Execution | None = None,
    place: ParentRef | None = None,
) -> NewRun:
    """The row of a start; refuses what cannot work before any effect. ENQUEUED; `own` makes it PENDING."""
    return row_of(runtime, d, o, checked_call(runtime, d, o, instance, args, kwargs), parent, place)


def row_of(
    runtime: "Runtime",
    d: WorkflowDefinition,
    o: CallOptions,
    call: CheckedCall,
    parent: Execution | None = None,
    place: ParentRef | None = None,
) -> NewRun:
    """The row of a start that has been checked; with a run_id of its own each time."""
    inputs, name_of_instance, text, codec_id, attributes = call
    run_id = runtime.env.uuid7()
    unguessed = False
    if o.id is not None:
        workflow_id = o.id
    elif parent is not None and place is not None:
        workflow_id = child_id(parent.workflow_id, place.branch, place.seq)
    else:
        workflow_id, unguessed = str(run_id), True
    deadline = o.deadline
    if parent is not None and parent.deadline is not None:
        deadline = parent.deadline if deadline is None else min(deadline, parent.deadline)
    return NewRun(
        run_id=run_id,
        workflow_id=workflow_id,
        name=d.name,
        route=route(d.name, d.version, name_of_instance),
        status=Status.ENQUEUED,
        owner=None,
        input=text,
        input_digest=digest_of(inputs),
        version=d.version,
        instance=name_of_instance,
        codec_id=codec_id,
        queue=o.queue,
        priority=o.priority or 0,
        partition_key=o.partition,
        dedup_key=o.dedup,
        expires=o.expires,
        delay=o.delay,
        not_before=o.at,
        timeout=o.timeout,
        deadline=deadline,
        attributes=attributes,
        parent=place,
        parent_close=o.parent_close,
        root_run_id=None if parent is None else (parent.root_run_id or parent.run_id),
        max_recoveries=d.max_recoveries,
        replace=o.on_conflict == "replace",
        unguessed=unguessed,
    )


def bind(d: WorkflowDefinition, instance: object | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """The arguments in one form, however the call spelled them; the instance is none of them.

    Raises TypeError now if they do not fit the function.
    """
    if not kwargs and len(args) + (instance is not None) in d.by_position:
        return args, kwargs
    try:
        if instance is None:
            bound = d.signature.bind(*args, **kwargs)
            return bound.args, bound.kwargs
        bound = d.signature.bind(instance, *args, **kwargs)
        return bound.args[1:], bound.kwargs
    except TypeError as error:
        raise TypeError(f"{d.name}: {error}") from None


def _attributes(o: CallOptions) -> str:
    try:
        return json.dumps(dict(o.attributes or {}), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"attributes must be JSON values: {error}") from None


def own(runtime: "Runtime", run: NewRun) -> NewRun:
    """Make it a start that this process executes at once."""
    run.status = Status.PENDING
    run.owner = runtime.incarnation
    return run


async def comparable(runtime: "Runtime", run: NewRun, started: Started, outside: bool) -> Started:
    """A start that met a run which was started in SQL: with this start's digest if its inputs are the same values.

    Raises CodecFault within a workflow, and from outside CodecUnavailable and StoreUnavailable.
    """
    if started.created or started.deduplicated or started.input_digest != STARTED_IN_SQL:
        return started
    d = runtime.registry.find(run.name)
    row = await runtime.patient(runtime.store.get_run, started.run_id, outside=outside)
    if d is None or row is None:
        return started
    compare = partial(_same_inputs, runtime, d, row, run)
    same = await sealing.patiently(runtime, compare) if outside else compare()
    return replace(started, input_digest=run.input_digest) if same else started


def _same_inputs(runtime: "Runtime", d: WorkflowDefinition, row: RunRow, run: NewRun) -> bool:
    coder = runtime.serializer.arguments(d.fn, 1 if d.is_method else 0)
    receiver = (None,) if d.is_method else ()

    def values(text: str | None, codec_id: str | None) -> Arguments:
        args, kwargs = coder.decode(text or "", codec_id)
        bound = d.signature.bind(*receiver, *args, **kwargs)
        return bound.args, bound.kwargs

    try:
        return values(row.input, row.codec_id) == values(run.input, run.codec_id)
    except (UnreadablePayload, TypeError):
        return False  # not what this function takes


def digest_of(inputs: Arguments) -> str:
    """By which two starts are seen to have the same inputs; the instance is none of them."""
    return f"{fingerprint('', *inputs) & 0xFFFFFFFFFFFFFFFF:016x}"


def check(run: NewRun, started: Started, d: WorkflowDefinition, o: CallOptions) -> None:
    """A start that met another run: attach to it, or say what is wrong."""
    if started.created:
        return
    if started.deduplicated and (started.name != d.name or o.on_conflict == "reject"):
        raise WorkflowConflict(
            f"a run of {started.name!r} ({started.workflow_id!r}, {started.status}) holds the dedup key {o.dedup!r}"
            + (f" of the queue {o.queue!r}" if o.queue else "")
        )
    if started.deduplicated:
        return
    if started.name != d.name and started.name not in d.aliases:
        raise WorkflowConflict(
            f"the id {started.workflow_id!r} belongs to a run of {started.name!r}, not of {d.name!r}: use another id"
        )
    if started.input_digest != run.input_digest:
        raise WorkflowConflict(
            f"the id {started.workflow_id!r} belongs to a run of {d.name!r} with other inputs: use another id"
        )
    if o.on_conflict == "reject":
        raise WorkflowConflict(f"a run of {d.name!r} with the id {started.workflow_id!r} exists ({started.status})")


def execution_of(
    runtime: "Runtime",
    run: NewRun,
    d: WorkflowDefinition,
    instance: object | None,
    arguments: Arguments,
    deadline: float | None,
) -> Execution:
    """The execution of a run that this process has just started, epoch 1."""
    execution = Execution(
        runtime,
        d,
        run_id=run.run_id,
        workflow_id=run.workflow_id,
        epoch=1,
        instance=instance,
        arguments=arguments,
        deadline=deadline,
        attributes=run.attributes,
        parent=run.parent,
        root_run_id=run.root_run_id,
    )
    if runtime.departed or run.owner != runtime.incarnation:
        execution.lost()  # its start took so long that its owner is gone: whoever finds it executes it
    return execution
