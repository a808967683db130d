"""What operators ask for: looking, cancelling, resuming, rewinding and forking."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepwell.core import cancel as cancelling
from stepwell.core import resuming, sealing
from stepwell.core.locked_file import writes
from stepwell.core.ref import RunRef
from stepwell.core.registry import route
from stepwell.errors import InvalidArgument, UsageError, WaitTimeout
from stepwell.model.durations import instant
from stepwell.model.ids import check_known_id, check_name, check_workflow_id
from stepwell.model.info import ExecutorInfo, Page, WorkflowInfo
from stepwell.model.looking import RunFilter
from stepwell.model.options import check_queue
from stepwell.model.queues import Queue
from stepwell.model.rows import NewRun
from stepwell.model.status import Status

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


def run_filter(
    name: str | None,
    status: str | Sequence[str] | None,
    id_prefix: str | None,
    attributes: dict[str, Any] | None,
    since: datetime | None,
    until: datetime | None,
    limit: int = 100,
    after: str | None = None,
    queue: str | Queue | None = None,
) -> RunFilter:
    """A checked filter. Raises InvalidArgument."""
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= 10_000:
        raise InvalidArgument(f"limit must be 1 to 10000, not {limit!r}")
    if name is not None:
        check_name(name, "name")
    if id_prefix:
        check_known_id(id_prefix)
    statuses = None
    if status is not None:
        asked = [status] if isinstance(status, str) else list(status)
        unknown = [each for each in asked if each not in Status.__members__]
        if unknown:
            raise InvalidArgument(f"status must be one of {', '.join(Status.__members__)}, not {unknown[0]!r}")
        statuses = tuple(asked)
    try:
        cursor = None if after is None else UUID(after)
    except ValueError:
        raise InvalidArgument(f"after must come from a page, not {after!r}") from None
    return RunFilter(
        name=name,
        status=statuses,
        id_prefix=id_prefix,
        attributes=None if attributes is None else _json(attributes),
        since=None if since is None else instant(since, "since"),
        until=None if until is None else instant(until, "until"),
        queue=check_queue(queue),
        limit=limit,
        after=cursor,
    )


def _json(attributes: dict[str, Any]) -> str:
    try:
        return json.dumps(attributes, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"attributes must be JSON values: {error}") from None


async def reference(runtime: "Runtime", workflow_id: str) -> RunRef:
    """A bound reference. Raises WorkflowNotFound."""
    ref = RunRef(runtime, workflow_id, None, None)
    await ref.bound()
    return ref


async def find(runtime: "Runtime", where: RunFilter) -> Page[WorkflowInfo]:
    """One page."""
    rows = await runtime.patient(runtime.store.list_runs, where, outside=True)
    return Page([WorkflowInfo.of(row) for row in rows], str(rows[-1].run_id) if len(rows) == where.limit else None)


async def count(runtime: "Runtime", where: RunFilter) -> int:
    """How many match."""
    return await runtime.patient(runtime.store.count_runs, where, outside=True)


@writes("cancel")
async def cancel(runtime: "Runtime", workflow_id: str, force: bool, children: bool) -> None:
    """Request or force."""
    ref = await reference(runtime, workflow_id)
    if not children:
        # Its end, whenever that is, would ask them to stop too.
        await runtime.patient(runtime.store.abandon_children, await ref.bound(), outside=True)
    await cancelling.request(runtime, [await ref.bound()], "cancel", force=force, children=children, outside=True)


@writes("cancel")
async def cancel_run(runtime: "Runtime", ref: RunRef) -> None:
    """Request it, for this very run."""
    await cancelling.request(runtime, [await ref.bound()], "cancel", outside=True)


@writes("resume")
async def resume(runtime: "Runtime", workflow_id: str) -> RunRef:
    """Go on from where it stopped. Raises UsageError where there is nothing to resume."""
    ref = await reference(runtime, workflow_id)
    if not await resumed(runtime, ref):
        row = await ref.row()
        raise UsageError(
            f"workflow {workflow_id!r} is {row.status}: only BLOCKED, DEAD, CANCELLED and ERROR runs can be resumed"
        )
    runtime.work.set()
    return ref


async def resumed(runtime: "Runtime", ref: RunRef) -> bool:
    """Whether it could be resumed, and is."""
    row = await ref.row()
    done = row.status != Status.ERROR and await runtime.patient(runtime.store.resume, row.run_id, outside=True)
    while not done and row.status == Status.ERROR:
        plans = await resuming.plan(runtime, row)
        done = await runtime.patient(runtime.store.resume_failed, plans, outside=True)
        if not done:
            row = await ref.row()  # it was resumed by somebody else meanwhile, or one of its children was
    return done


def _place(step: str) -> tuple[str, int]:
    branch, _, seq = step.rpartition(":")
    if not seq.isdecimal():
        raise InvalidArgument(f"step must be a StepInfo.id like ':3' or '0.1:2', not {step!r}")
    return branch, int(seq)


@writes("rewind")
async def rewind(runtime: "Runtime", workflow_id: str, step: str) -> RunRef:
    """The same run from that step again."""
    branch, seq = _place(step)
    ref = await reference(runtime, workflow_id)
    run_id = await ref.bound()
    if not await runtime.patient(runtime.store.rewind, run_id, branch, seq, outside=True):
        row = await ref.row()
        raise UsageError(
            f"workflow {workflow_id!r} cannot be rewound to {step!r}: "
            + ("it is running: cancel it first" if row.status == Status.PENDING else "it has recorded no such step")
        )
    runtime.work.set()
    return ref


@writes("fork")
async def fork(runtime: "Runtime", workflow_id: str, step: str, input: Any, new_id: str | None) -> RunRef:
    """A new run with the outcomes from before that step."""
    branch, seq = _place(step)
    if new_id is not None:
        check_workflow_id(new_id)
    ref = await reference(runtime, workflow_id)
    row = await ref.row()
    text, codec_id = row.input or "", row.codec_id
    definition = runtime.registry.find(row.name)
    if input is not None:
        if definition is None:
            raise UsageError(f"workflow {row.name!r} is not defined in this process: its input cannot be replaced here")
        args, kwargs = input if _is_call(input) else ((input,), {})
        coder = runtime.serializer.arguments(definition.fn, int(definition.is_method))
        text, codec_id = await sealing.patiently(runtime, coder.encode, tuple(args), kwargs)
    run_id = runtime.env.uuid7()
    new = NewRun(
        run_id=run_id,
        workflow_id=new_id or str(run_id),
        name=row.name,
        route=route(row.name, row.version, row.instance),
        status=Status.ENQUEUED,
        owner=None,
        input=text,
        input_digest="",
        version=row.version,
        instance=row.instance,
        codec_id=codec_id,
        queue=row.queue,
        priority=row.priority,
        attributes=row.attributes,
        max_recoveries=row.max_recoveries,
    )
    if not await runtime.patient(runtime.store.fork, row.run_id, branch, seq, new, outside=True):
        raise UsageError(f"workflow {workflow_id!r} has recorded no step {step!r}, or the id {new_id!r} is taken")
    runtime.work.set()
    return RunRef(runtime, new.workflow_id, run_id, definition)


def _is_call(input: Any) -> bool:
    return (
        isinstance(input, tuple)
        and len(input) == 2
        and isinstance(input[0], list | tuple)
        and isinstance(input[1], dict)
    )


@writes("delete")
async def delete(runtime: "Runtime", workflow_id: str) -> None:
    """Remove an ended run."""
    ref = await reference(runtime, workflow_id)
    run_id = await ref.bound()
    if not await runtime.patient(runtime.store.delete, run_id, outside=True):
        raise UsageError(f"workflow {workflow_id!r} has not ended: cancel it first")


async def executors(runtime: "Runtime") -> list[ExecutorInfo]:
    """The processes that execute workflows of this schema, whatever their app and namespace."""
    return [ExecutorInfo.of(row) for row in await runtime.patient(runtime.store.executors, outside=True)]


async def ended(runtime: "Runtime", workflow_id: str, timeout: float | None) -> WorkflowInfo:
    """The run when it has an outcome, whichever. Raises WaitTimeout, WorkflowNotFound."""
    ref = await reference(runtime, workflow_id)
    await ref.outcome(timeout)
    return WorkflowInfo.of(await ref.row())


@writes("run_until_idle")
async def run_until_idle(runtime: "Runtime", timeout: float) -> None:
    """Wait until nothing is left that could run now: neither here nor enqueued and due. Raises WaitTimeout."""
    live = RunFilter(status=(Status.ENQUEUED, Status.PENDING))
    try:
        async with asyncio.timeout(timeout):
            while runtime.executions or await count(runtime, live):
                runtime.work.set()
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise WaitTimeout(f"there was still work after {timeout:g} s") from None


def health(runtime: "Runtime") -> dict[str, Any]:
    """The engine's state, for a readiness probe."""
    fault = runtime.health.fault
    unsealed = runtime.codec.fault
    fenced = runtime.env.alive() > runtime.fence_until
    return {
        "status": "DRAINING" if runtime.draining else "DEGRADED" if fault or fenced or unsealed else "OK",
        "database": "ok" if fault is None else f"{fault.kind.value}: {fault.told}",
        "codec": "ok" if unsealed is None else str(unsealed),
        "fenced": fenced,
        "incarnation": str(runtime.incarnation),
        "executing": len(runtime.executions),
        "journal_batches": runtime.journal.batches,
        "journal_rows": runtime.journal.rows,
    }
