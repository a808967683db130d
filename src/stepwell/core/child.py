"""Workflows called and started by workflows, and their results awaited there: operations like any other.

A child's gate is its place in the parent, unique in the database: a replay, a new owner or a zombie all meet the
same child.
"""

import asyncio
import json
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepwell.core import async_ops, awaiting, cancel, thread_ops
from stepwell.core.context import Branch
from stepwell.core.definition import WorkflowDefinition
from stepwell.core.execution import Execution
from stepwell.core.keys import Key
from stepwell.core.lifecycle import drive_in_thread
from stepwell.core.outside import result_of
from stepwell.core.ref import RunRef
from stepwell.core.starting import check, execution_of, new_run, own
from stepwell.core.unwind import Ended
from stepwell.model.options import CallOptions
from stepwell.model.rows import Intent, NewRun, ParentRef, Started
from stepwell.model.status import Status
from stepwell.serde.fingerprint import fingerprint

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def draw_seq(branch: Branch) -> int:
    """The number of the branch's next operation."""
    seq = branch.seq
    branch.seq = seq + 1
    return seq


def _row(
    branch: Branch,
    key: Key,
    d: WorkflowDefinition,
    o: CallOptions,
    instance: object | None,
    args: Args,
    kwargs: Kwargs,
    inline: bool = False,
) -> NewRun:
    execution = branch.execution
    runtime = execution.runtime
    run = new_run(runtime, d, o, instance, args, kwargs, execution, ParentRef(execution.run_id, key[0], key[1]))
    # A def child that is called by a def parent runs in its parent's thread, and needs no slot of its own.
    if not o.is_queued and (inline or runtime.has_slot(d.is_async)):
        own(runtime, run)
    return run


# -- call ----------------------------------------------------------------------------------------------------


def call(
    branch: Branch, d: WorkflowDefinition, o: CallOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> Any:
    """A child called by a def workflow: its body runs in the parent's thread."""
    runtime = branch.execution.runtime
    coder = runtime.serializer.result(d.fn)

    def live(execution: Execution, key: Key, mark: int) -> tuple[Any, str | None, str | None, UUID]:
        run = _row(branch, key, d, o, instance, args, kwargs, inline=not d.is_async)
        started = runtime.inbox.run(runtime.start(run))
        check(run, started, d, o)
        _ends_with(execution, key, started, o)
        if started.created and run.status == Status.PENDING:
            child = execution_of(runtime, run, d, instance, (args, kwargs), started.deadline)
            if d.is_async:
                runtime.on_loop(runtime.begin, child)
            else:
                child.keeps_thread = execution.keeps_thread
                runtime.enter(child)
                ended = drive_in_thread(child)
                if ended.fate is None:
                    value = _live_result(execution, key, d.name, mark, ended)
                    execution.called.pop(key, None)
                    return value
                if ended.error is not None:
                    raise ended.error
        elif started.created:
            runtime.on_loop(runtime.work.set)
        ref = RunRef(runtime, started.workflow_id, started.run_id, d)
        outcome = awaiting.in_thread(execution, key, d.name, "child", mark, ref)
        value = ref.unpack(outcome)
        execution.called.pop(key, None)
        return value, outcome.output, outcome.codec_id, started.run_id

    seq, name, mark = place_of(branch, d, args, kwargs)
    return thread_ops.operation(branch, seq, "child", name, mark, coder, live)


def place_of(branch: Branch, d: WorkflowDefinition, args: Args, kwargs: Kwargs) -> tuple[int, str, int]:
    """(seq, name, fingerprint) of a child that is called or started here, now."""
    seq = draw_seq(branch)
    name = recorded_name(branch.execution, (branch.path, seq), d)
    return seq, name, fingerprint(name, args, kwargs)


def recorded_name(execution: Execution, key: Key, d: WorkflowDefinition) -> str:
    """The name under which this child is recorded: a workflow that was renamed (`aliases=`) is the same child."""
    history = execution.history
    if d.aliases and history is not None:
        row = history.by_key.get(key)
        if row is not None and row.name in d.aliases:
            return row.name
    return d.name


def _ends_with(execution: Execution, key: Key, started: Started, o: CallOptions) -> None:
    """Until its outcome is there, the called child ends when we do: its call may be interrupted."""
    if o.parent_close == "cancel":
        execution.called[key] = started.run_id


def _live_result(
    execution: Execution, key: Key, name: str, mark: int, ended: Ended
) -> tuple[Any, str | None, str | None, UUID]:
    if ended.status == Status.CANCELLED and execution.cancel_reason is not None and not execution.cancel_delivered:
        # The child was cancelled because we are.
        cancel.raise_in_thread(execution, key, name, "child", mark)
    return result_of(ended), ended.output, ended.codec_id, ended.execution.run_id


def call_async(
    branch: Branch, d: WorkflowDefinition, o: CallOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> Coroutine[Any, Any, Any]:
    """A child called by an async workflow: a task of its own on the core's loop, or a thread."""
    runtime = branch.execution.runtime

    async def live(execution: Execution, key: Key) -> tuple[Any, str | None, str | None, UUID]:
        started = await _insert(
            runtime, _row(branch, key, d, o, instance, args, kwargs), d, o, instance, (args, kwargs)
        )
        ref = RunRef(runtime, started.workflow_id, started.run_id, d)
        _ends_with(execution, key, started, o)
        outcome = await awaiting.on_loop(execution, ref)
        value = ref.unpack(outcome)
        execution.called.pop(key, None)
        return value, outcome.output, outcome.codec_id, started.run_id

    seq, name, mark = place_of(branch, d, args, kwargs)
    return async_ops.run_operation(branch, seq, "child", name, mark, runtime.serializer.result(d.fn), live)


async def _insert(
    runtime: "Runtime",
    run: NewRun,
    d: WorkflowDefinition,
    o: CallOptions,
    instance: object | None,
    arguments: tuple[Args, Kwargs],
) -> Started:
    started = await runtime.start(run)
    check(run, started, d, o)
    if started.created and run.status == Status.PENDING:
        runtime.begin(execution_of(runtime, run, d, instance, arguments, started.deadline))
    elif started.created:
        runtime.work.set()
    return started


# -- start ---------------------------------------------------------------------------------------------------


class RefCoder:
    """Reads the recorded start of a child back as a reference to it."""

    def __init__(self, runtime: "Runtime", d: WorkflowDefinition) -> None:
        self._runtime = runtime
        self._definition = d

    def decode(self, text: str, codec_id: str | None = None) -> RunRef:
        """The reference."""
        recorded = json.loads(text)
        return RunRef(self._runtime, recorded["id"], UUID(recorded["run_id"]), self._definition)


def recorded_start(workflow_id: str, run_id: UUID | None) -> str:
    """What a recorded start says; `RefCoder` reads it."""
    return json.dumps({"id": workflow_id, "run_id": str(run_id)})


def start(
    branch: Branch, d: WorkflowDefinition, o: CallOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> RunRef:
    """Start a child and go on; its end is bound to the parent's by `parent_close`."""
    runtime = branch.execution.runtime

    def live(execution: Execution, key: Key, mark: int) -> tuple[RunRef, str, None, UUID]:
        run = _row(branch, key, d, o, instance, args, kwargs)
        started = runtime.inbox.run(_insert(runtime, run, d, o, instance, (args, kwargs)))
        return (
            RunRef(runtime, started.workflow_id, started.run_id, d),
            recorded_start(started.workflow_id, started.run_id),
            None,
            started.run_id,
        )

    seq, name, mark = place_of(branch, d, args, kwargs)
    ref: RunRef = thread_ops.operation(branch, seq, "start", name, mark, RefCoder(runtime, d), live)
    return bound_to(branch.execution, ref, o)


def start_async(
    branch: Branch, d: WorkflowDefinition, o: CallOptions, instance: object | None, args: Args, kwargs: Kwargs
) -> Coroutine[Any, Any, RunRef]:
    """The same for async workflows."""
    runtime = branch.execution.runtime

    async def live(execution: Execution, key: Key) -> tuple[RunRef, str, None, UUID]:
        started = await _insert(
            runtime, _row(branch, key, d, o, instance, args, kwargs), d, o, instance, (args, kwargs)
        )
        return (
            RunRef(runtime, started.workflow_id, started.run_id, d),
            recorded_start(started.workflow_id, started.run_id),
            None,
            started.run_id,
        )

    seq, name, mark = place_of(branch, d, args, kwargs)
    operation = async_ops.run_operation(branch, seq, "start", name, mark, RefCoder(runtime, d), live)

    async def bound() -> RunRef:
        return bound_to(branch.execution, await operation, o)

    return bound()


def bound_to(execution: Execution, ref: RunRef, o: CallOptions) -> RunRef:
    """The child ends when its parent does, unless it was started to outlive it."""
    if o.parent_close == "cancel" and ref.run_id is not None:
        execution.children.append(ref.run_id)
    return ref


# -- results -------------------------------------------------------------------------------------------------


def result(branch: Branch, ref: RunRef, timeout: float | None) -> Any:
    """`handle.result()` within a def workflow: recorded there."""

    def live(execution: Execution, key: Key, mark: int) -> tuple[Any, str | None, str | None, None]:
        due = None
        if timeout is not None:
            execution.append(_deadline_of(execution, key, ref, timeout))
            execution.durable_in_thread()
            due = execution.dues[key][0]
        outcome = awaiting.in_thread(execution, key, ref.workflow_id, "result", mark, ref, due, timeout)
        return ref.unpack(outcome), outcome.output, outcome.codec_id, None

    mark = fingerprint("result", (ref.workflow_id,), {})
    return thread_ops.operation(branch, draw_seq(branch), "result", ref.workflow_id, mark, ref.coder, live)


def result_async(branch: Branch, ref: RunRef, timeout: float | None) -> Coroutine[Any, Any, Any]:
    """The same for async workflows."""

    async def live(execution: Execution, key: Key) -> tuple[Any, str | None, str | None, None]:
        seconds = None
        if timeout is not None:
            execution.append(_deadline_of(execution, key, ref, timeout))
            await execution.durable()
            due, now = execution.dues[key]
            seconds = max(0.0, execution.runtime.clock.seconds_until(now if due is None else due))
        try:
            async with asyncio.timeout(seconds):
                outcome = await awaiting.on_loop(execution, ref)
        except TimeoutError:
            raise ref.timed_out(timeout) from None
        return ref.unpack(outcome), outcome.output, outcome.codec_id, None

    mark = fingerprint("result", (ref.workflow_id,), {})
    return async_ops.run_operation(branch, draw_seq(branch), "result", ref.workflow_id, mark, ref.coder, live)


def _deadline_of(execution: Execution, key: Key, ref: RunRef, timeout: float) -> Intent:
    return Intent(execution.run_id, execution.epoch, key[0], key[1], ref.workflow_id, "wait", 0, timeout)
