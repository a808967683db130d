"""Cancellation: requested in the database, delivered once to the execution, recorded, enforced after a grace.

The delivery is an outcome with a position of its own, so that cleanup replays as it ran.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

from stepwell.core.keys import CANCEL_KEY, Key
from stepwell.core.unwind import Fate, Unwound, release
from stepwell.errors import Cancelled

if TYPE_CHECKING:
    from stepwell.core.execution import Execution
    from stepwell.core.runtime import Runtime


#: What children are told that are cancelled because their parent has ended, or because others of a `map` have failed.
PARENT_CLOSED = "parent closed"
FAN_OUT_FAILED = "fan-out failed"


# -- requests ----------------------------------------------------------------------------------------------


async def request(
    runtime: "Runtime",
    run_ids: Sequence[UUID],
    reason: str,
    *,
    force: bool = False,
    children: bool = True,
    outside: bool = False,
) -> list[UUID]:
    """Record the request, and deliver it at once to what runs here. Returns the runs that it touched."""
    touched = await runtime.patient(
        runtime.store.request_cancel, list(run_ids), reason, force, children, outside=outside
    )
    for run_id in touched:
        known(runtime, run_id, reason, force)
        runtime.watch.elsewhere(run_id)
    runtime.work.set()
    return touched


#: How many children are asked to stop at once.
_CHILDREN = 500


async def close_children(runtime: "Runtime", after: UUID | None, parents: int) -> UUID | None:
    """Ask the children of the next `parents` parents to stop, as far as those have ended; after which id to go on."""
    while True:
        children, reached = await runtime.patient(runtime.store.children_left, after, parents, _CHILDREN)
        if children:
            await request(runtime, children, PARENT_CLOSED)
        if len(children) < _CHILDREN:
            return reached


def known(runtime: "Runtime", run_id: UUID, reason: str, force: bool = False) -> None:
    """A request is recorded for a run that may be executing here. On the loop."""
    execution = runtime.executions.get(run_id)
    if execution is None:
        return
    if force:
        execution.unwind(Fate.FORCED)
    else:
        requested(execution, reason)


def arm_deadline(execution: "Execution") -> None:
    """Cancel the run when its deadline is over; any process's sweep does the same. On the loop."""
    runtime = execution.runtime
    if execution.deadline is None:
        return
    execution.timers.append(runtime.alarms.at(execution.deadline, _deadline_over, execution))


def _deadline_over(execution: "Execution") -> None:
    runtime = execution.runtime
    if runtime.executions.get(execution.run_id) is execution:
        runtime.spawn(request(runtime, [execution.run_id], "deadline"))


# -- delivery ----------------------------------------------------------------------------------------------


def requested(execution: "Execution", reason: str) -> None:
    """Somebody wants this run cancelled. On the loop; delivered once, at the current wait or next step."""
    if execution.cancel_reason is None and execution.fate is None:
        execution.cancel_reason = reason
        begin(execution)


def begin(execution: "Execution") -> None:
    """Deliver `cancel_reason`, which may have been known when the run was claimed."""
    if execution.is_async:
        execution.runtime.spawn(_deliver(execution))
    else:
        for waiter in list(execution.blocked):
            release(waiter)  # whoever wakes looks for the reason, and raises


async def _deliver(execution: "Execution") -> None:
    deliveries = execution.turnstile()
    try:
        if execution.history is not None:
            await deliveries.begin()
        if execution.tasks:
            await deliveries.live()
    except Unwound:
        return
    task = execution.root_task
    if execution.cancel_delivered or execution.fate is not None or task is None or task.done():
        return
    _record(execution)
    _interrupt(execution)


def again(execution: "Execution") -> None:
    """The replay has reached the recorded cancellation."""
    execution.cancel_reason = execution.cancel_reason or "cancel"
    _interrupt(execution)


def raise_in_thread(execution: "Execution", key: Key, name: str, kind: str, mark: int) -> NoReturn:
    """Record that the cancellation was delivered at this operation of a def run, and raise it."""
    execution.cancel_delivered = True
    _record(execution)
    settles = key in execution.begun
    child = execution.called.get(key)
    execution.record(key, name, kind, "abandoned", None, None, mark, 0.0, child_run=child, settles=settles)
    execution.runtime.on_loop(start_grace, execution)
    raise Cancelled(f"{execution.workflow_id}: {execution.cancel_reason}")


def _record(execution: "Execution") -> None:
    execution.record(CANCEL_KEY, execution.cancel_reason or "cancel", "cancel", "ok", None, None, 0, 0.0)


def _interrupt(execution: "Execution") -> None:
    execution.cancel_delivered = True
    start_grace(execution)
    if execution.root_task is not None:
        execution.root_task.cancel()


def start_grace(execution: "Execution") -> None:
    """Cleanup may run steps for so long; then the run is ended by force. On the loop."""
    runtime = execution.runtime
    execution.timers.append(
        runtime.loop.call_later(runtime.settings.cancel_grace, _grace_over, execution, context=runtime.context)
    )


def _grace_over(execution: "Execution") -> None:
    runtime = execution.runtime
    if runtime.executions.get(execution.run_id) is execution and execution.fate is None:
        reason = execution.cancel_reason or "cancel"
        runtime.spawn(request(runtime, [execution.run_id], reason, force=True, children=False))
