"""Waiting within workflows until other runs have ended, in both colours.

On a thread a long wait parks the run: its rows of waits name the runs whose end wakes it.
"""

import asyncio
from collections.abc import Callable, Sequence

from stepwell.core import async_ops, cancel, thread_ops
from stepwell.core.execution import Execution
from stepwell.core.inbox import Slot
from stepwell.core.keys import Key
from stepwell.core.ref import RunRef
from stepwell.model.looking import Outcome
from stepwell.model.rows import Wait
from stepwell.model.status import Status


async def on_loop(execution: Execution, ref: RunRef) -> Outcome:
    """Wait for a run's outcome; a fate of the waiting execution breaks it."""
    runtime = execution.runtime
    waiting = runtime.spawn(ref.outcome())
    ended: asyncio.Future[None] = runtime.loop.create_future()
    waiting.add_done_callback(lambda _: async_ops.release_timer(ended), context=runtime.context)
    try:
        await async_ops.block(execution, ended)
    finally:
        waiting.cancel()
    outcome = waiting.result()
    if outcome.status == Status.CANCELLED:
        await _learn_own_cancellation(execution)
    if outcome.status == Status.CANCELLED and execution.cancel_reason is not None and not execution.cancel_delivered:
        # It was cancelled because we are: our own cancellation is on its way here.
        await async_ops.block(execution, runtime.loop.create_future())
    return outcome


def in_thread(
    execution: Execution,
    key: Key,
    name: str,
    kind: str,
    mark: int,
    ref: RunRef,
    due: float | None = None,
    timeout: float | None = None,
) -> Outcome:
    """The same on a thread; after a while the run parks, with the other run's end as its wait."""
    runtime = execution.runtime
    waits = [Wait(key[0], key[1], "run", target_run=ref.run_id)]
    slot = answered(execution, key, name, kind, mark, ref.subscribe, waits, due)
    if slot is None:
        raise thread_ops.timed_out(execution) if timeout is None else ref.timed_out(timeout)
    outcome: Outcome = slot.value
    if outcome.status == Status.CANCELLED:
        runtime.inbox.run(_learn_own_cancellation(execution))
    if outcome.status == Status.CANCELLED and execution.cancel_reason is not None and not execution.cancel_delivered:
        cancel.raise_in_thread(execution, key, name, kind, mark)
    return outcome


def answered(
    execution: Execution,
    key: Key,
    name: str,
    kind: str,
    mark: int,
    subscribe: Callable[[Slot], object],
    waits: Sequence[Wait],
    due: float | None = None,
) -> Slot | None:
    """Block until what `subscribe` asks for on the loop answers the slot; None if `due` or a `timeout()` block's end
    came first. Raises the slot's error. Parks, after a while, with these waits."""
    runtime = execution.runtime
    slot = Slot()
    runtime.on_loop(_arm, execution, slot, subscribe)
    limited = min(execution.limits, default=None)
    if limited is not None:
        due = limited if due is None else min(due, limited)
    left = None if due is None else max(0.0, runtime.clock.seconds_until(due))
    in_time = thread_ops.wait_or_park(
        execution, slot, key, name, kind, mark, left, lambda: [_until(wait, due) for wait in waits]
    )
    if not in_time:
        return None
    if slot.error is not None:
        raise slot.error
    return slot


def _until(wait: Wait, due: float | None) -> Wait:
    return Wait(wait.branch, wait.seq, wait.kind, due, wait.target_run)


async def _learn_own_cancellation(execution: Execution) -> None:
    """A cancelled child may tell us sooner than the heartbeat that we are cancelled too."""
    if execution.cancel_reason is not None:
        return
    runtime = execution.runtime
    row = await runtime.patient(runtime.store.get_run, execution.run_id)
    if row is not None and row.epoch == execution.epoch and row.cancel_reason is not None:
        cancel.requested(execution, row.cancel_reason)


def _arm(execution: Execution, slot: Slot, subscribe: Callable[[Slot], object]) -> None:
    if execution.fate is not None or (execution.cancel_reason is not None and not execution.cancel_delivered):
        slot.resolve()
        return
    execution.blocked.add(slot)
    subscribe(slot)
