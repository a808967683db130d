"""What follows when an execution has ended: it is forgotten here, and whoever waits for the run is told."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepwell.core import cancel
from stepwell.core.unwind import Ended, Fate
from stepwell.model.looking import Outcome
from stepwell.model.rows import Leave
from stepwell.model.status import Status

if TYPE_CHECKING:
    from stepwell.core.execution import Execution

#: Where a run goes when its execution ends without an outcome. The others are somebody else's already.
_STATUS_OF = {
    Fate.PARKED: Status.WAITING,
    Fate.BLOCKED: Status.BLOCKED,
    Fate.UNREAD: Status.BLOCKED,
    Fate.RELEASED: Status.ENQUEUED,
}


def thread_ended(ended: Ended) -> None:
    """A def execution has ended on its thread. On the loop."""
    runtime = ended.execution.runtime
    if ended.execution.pooled:
        runtime.on_pool -= 1
        runtime.work.set()
    if ended.fate is None:
        runtime.loop.call_soon(
            outcome_durable, ended, context=runtime.context
        )  # by itself: whatever it meets stays there
    else:
        runtime.spawn(execution_ended(ended))


def outcome_durable(ended: Ended) -> None:
    """The usual end of an execution. Without a task of its own, unless the database has to be asked for something."""
    _forget(ended)
    rest = _tell(ended)
    if rest is not None:
        ended.execution.runtime.spawn(_when_told(ended.execution, rest))
    elif ended.execution.queue:
        ended.execution.runtime.places.freed()


async def _when_told(execution: "Execution", rest: Coroutine[Any, Any, None]) -> None:
    await rest
    if execution.queue:
        execution.runtime.places.freed()


async def execution_ended(ended: Ended) -> None:
    """Forget the execution, give the run back if it has no outcome, and tell everybody."""
    if ended.fate is None:
        return outcome_durable(ended)
    execution = ended.execution
    await execution.settled()
    _forget(ended)
    await _give_back(execution, ended.fate)
    if execution.queue:
        execution.runtime.places.freed()
    return None


def _forget(ended: Ended) -> None:
    execution = ended.execution
    runtime = execution.runtime
    for timer in execution.timers:
        timer.cancel()
    # Its task holds the exception it ended with, whose frames hold the execution: thousands may park at once,
    # and should not wait for the garbage collector.
    execution.root_task = None
    if runtime.executions.get(execution.run_id) is execution:
        del runtime.executions[execution.run_id]
        if not runtime.executions:
            runtime.emptied.set()
    runtime.bus.emit(
        "workflow.ended",
        execution=execution,
        status=ended.status,
        fate=ended.fate.value if ended.fate else None,
        reason=execution.fate_reason,
    )
    callbacks, execution.on_end = execution.on_end, []  # they hold who waits, who will hold the end
    for callback in callbacks:
        callback(ended)


def _tell(ended: Ended) -> Coroutine[Any, Any, None] | None:
    """The outcome is durable: waiters here learn of it. Returns what is left to do for parked ones and for children."""
    execution = ended.execution
    runtime = execution.runtime
    runtime.watch.ended(
        Outcome(
            execution.run_id,
            ended.status or "",
            ended.output,
            ended.recorded_error,
            ended.reason,
            ended.codec_id,
        )
    )
    runtime.facts.look([execution.run_id])
    parent = execution.parent
    parked = parent is not None and parent.run_id not in runtime.executions
    return _tell_others(execution) if parked or execution.children or execution.called else None


async def _tell_others(execution: "Execution") -> None:
    runtime, parent = execution.runtime, execution.parent
    if parent is not None and parent.run_id not in runtime.executions and not runtime.wakeups.awaits(execution.run_id):
        await runtime.wakeups.wake_waiters_of(execution.run_id)
    if execution.children or execution.called:
        await cancel.close_children(runtime, UUID(int=execution.run_id.int - 1), parents=1)


async def _give_back(execution: "Execution", fate: Fate) -> None:
    runtime = execution.runtime
    status = _STATUS_OF.get(fate)
    if status is Status.BLOCKED:
        runtime.log.error(
            "workflow %r (%s) is BLOCKED: %s",
            execution.workflow_id,
            execution.definition.name,
            execution.fate_reason,
        )
    if status is not None:
        await runtime.leave(
            Leave(
                execution.run_id,
                execution.epoch,
                status,
                execution.fate_reason,
                execution.definition.code_hint if fate is Fate.BLOCKED else None,
                tuple(execution.waits.values()),
                execution.fate_recovery,
                execution.queue,
            )
        )
    if (fate is Fate.RELEASED or execution.cancel_reason is not None) and not runtime.draining:
        runtime.work.set()
    runtime.watch.elsewhere(execution.run_id)
    if status == Status.WAITING:
        await runtime.wakeups.parked(execution.run_id, execution.waits.values())
