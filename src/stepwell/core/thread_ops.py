"""Operations of `def` workflows, on the thread that runs them: the same rules as in `async_ops`, blocking."""

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

from stepwell.core import cancel, sealing
from stepwell.core.context import Branch
from stepwell.core.ending import thread_ended
from stepwell.core.execution import Execution
from stepwell.core.inbox import Slot
from stepwell.core.keys import Key
from stepwell.core.recall import TIMEOUT_SUFFIX, Reader, TimedOut, recall
from stepwell.core.unwind import MOST_SWALLOWED, Ended, Fate, Unwound
from stepwell.errors import WaitTimeout
from stepwell.model.rows import Recorded, Wait
from stepwell.serde.codec import CodecFault


def replayed(execution: Execution, key: Key, name: str, mark: int) -> Recorded | None:
    """The recorded outcome of this operation; None: it is live."""
    history = execution.history
    if history is None:
        return None
    row = history.by_key.get(key)
    if row is None:
        return None
    why = history.mismatch(row, name, mark)
    if why is not None:
        execution.mismatch(key, why)
        raise Unwound
    if row.fingerprint != mark:
        execution.runtime.bus.emit("replay.drift", execution=execution, name=name, place=key)
    with execution.lock:
        history.deliver(row)
        if row.ended == "abandoned":
            _cancelled_before(execution)
    execution.left_behind(row)
    execution.caught_up(history)
    return row


def _cancelled_before(execution: Execution) -> None:
    """In a def run only a cancellation interrupts an operation: it was delivered here."""
    if not execution.cancel_delivered:
        execution.cancel_delivered = True
        execution.cancel_reason = execution.cancel_reason or "cancel"
        history = execution.history
        if history is not None:
            for row in history.order:
                if row.kind == "cancel":
                    history.deliver(row)
        execution.runtime.on_loop(cancel.start_grace, execution)


def give_up_if_swallowed(execution: Execution) -> Unwound:
    """What every verb raises once the execution has a fate.

    A function that catches it and goes on, again and again, must not keep a worker: the run ends here without
    it, and its thread stands still for good (a daemon; a new one takes its place in the pool).
    """
    execution.swallowed += 1
    if execution.swallowed > MOST_SWALLOWED and execution.pooled and not execution.submitted:
        runtime = execution.runtime
        runtime.log.error(
            "workflow %r (%s) catches what ends its execution and goes on: it loses its thread. Let BaseException pass",
            execution.workflow_id,
            execution.definition.name,
        )
        runtime.pool.lose_thread()
        runtime.on_loop(thread_ended, Ended(execution, fate=execution.fate, error=execution.leaving))
        threading.Event().wait()
    return Unwound()


def begin(execution: Execution, key: Key, name: str, kind: str, mark: int, reads: bool = False) -> None:
    """All that must hold before something happens outside: durable history, no cancellation, a valid lease. What only
    `reads` needs no durable history."""
    if not reads:
        execution.durable_in_thread()
    if execution.cancel_reason is not None and not execution.cancel_delivered:
        cancel.raise_in_thread(execution, key, name, kind, mark)
    runtime = execution.runtime
    if runtime.env.alive() > runtime.fence_until or runtime.journal.congested:
        runtime.inbox.run(runtime.may_begin())
        execution.durable_in_thread()


def wait_until(execution: Execution, key: Key, name: str, kind: str, mark: int, due: float) -> None:
    """Wait for an instant of the database's clock; a long wait parks the run and gives the thread back."""
    runtime = execution.runtime
    limit = min(execution.limits, default=due)
    if limit < due:
        wait_until(execution, key, name, kind, mark, limit)
        raise timed_out(execution)
    seconds = runtime.clock.seconds_until(due)
    if seconds <= 0:
        return
    if runtime.may_park(execution, seconds):
        park(execution, runtime.timer_wait(key, due))
    slot = Slot()
    runtime.on_loop(_arm, execution, slot, due)
    wait(execution, slot, key, name, kind, mark)


def over_limit(execution: Execution) -> bool:
    """Whether an enclosing `timeout()` block is over."""
    return bool(execution.limits) and execution.runtime.clock.now() >= min(execution.limits)


def timed_out(execution: Execution) -> WaitTimeout:
    """What ends the operations of such a block."""
    return WaitTimeout(f"workflow {execution.workflow_id!r}: the time of its timeout() block is over")


#: The value of a slot whose time was over before it was answered.
_OVER = object()


def _arm(execution: Execution, slot: Slot, due: float) -> None:
    """On the loop: a timer there, so that virtual time reaches it too."""
    if execution.fate is not None or (execution.cancel_reason is not None and not execution.cancel_delivered):
        slot.resolve()
        return
    execution.blocked.add(slot)
    execution.runtime.alarms.at(due, slot.resolve)


def wait(
    execution: Execution, slot: Slot, key: Key, name: str, kind: str, mark: int, timeout: float | None = None
) -> bool:
    """Block in a slot that a fate or a cancellation may break; False after `timeout` seconds."""
    if timeout is not None:
        # On the loop, like all timers: virtual time reaches it there.
        execution.runtime.on_loop(_limit, execution, slot, timeout)
    try:
        slot.wait()
    finally:
        execution.runtime.on_loop(execution.blocked.discard, slot)
    if execution.fate is not None:
        raise Unwound
    if execution.cancel_reason is not None and not execution.cancel_delivered:
        cancel.raise_in_thread(execution, key, name, kind, mark)
    return slot.value is not _OVER


def _limit(execution: Execution, slot: Slot, seconds: float) -> None:
    execution.runtime.loop.call_later(seconds, slot.resolve, _OVER, context=execution.runtime.context)


#: The value of a slot whose run is to be parked.
_PARKS = object()
#: Between two looks whether it may be parked by now, however small the settings of a test are.
_LEAST_PATIENCE_SECONDS = 0.01


def wait_or_park(
    execution: Execution,
    slot: Slot,
    key: Key,
    name: str,
    kind: str,
    mark: int,
    timeout: float | None,
    waits: Callable[[], Sequence[Wait]] | None,
) -> bool:
    """Like `wait`, which holds the thread for a while; then the run parks with the rows that `waits` gives then. None:
    it cannot be parked.

    The while is so long that replays cost little next to it, not a condition: a wait of unknown length must not hold
    its thread for good because its replay is slow, nor because a submitted step was under way when it began.
    """
    runtime = execution.runtime
    patience = max(runtime.settings.park_after, 100 * execution.replay_seconds, _LEAST_PATIENCE_SECONDS)
    if waits is not None and not execution.keeps_thread and (timeout is None or timeout > patience):
        runtime.on_loop(_tire, execution, slot, patience)
    in_time = wait(execution, slot, key, name, kind, mark, timeout)
    if waits is not None and slot.value is _PARKS:
        park(execution, *waits())
    return in_time


def _tire(execution: Execution, slot: Slot, patience: float) -> None:
    execution.runtime.loop.call_later(patience, _tired, execution, slot, patience, context=execution.runtime.context)


def _tired(execution: Execution, slot: Slot, patience: float) -> None:
    """On the loop: park, or look again as much later, as long as somebody waits in the slot."""
    if slot not in execution.blocked:
        return
    if execution.runtime.may_park(execution, math.inf):
        slot.resolve(_PARKS)
    else:
        _tire(execution, slot, patience)


def park(execution: Execution, *waits: Wait) -> None:
    """Give the thread back; the run is replayed when one of the waits ends."""
    for wait in waits:
        execution.waits[(wait.branch, wait.seq)] = wait
    execution.unwind(Fate.PARKED)
    raise Unwound


#: (execution, key, mark) -> (value, text, codec_id, child_run). The text of TimedOut is its failure's, if any.
Live = Callable[[Execution, Key, int], tuple[Any, str | None, str | None, Any]]


def operation(
    branch: Branch,
    seq: int,
    kind: str,
    name: str,
    mark: int,
    coder: Reader,
    live: Live,
    *,
    reads: bool = False,
    ready: bool = False,
) -> Any:
    """Any other operation that waits. `reads`: see `async_ops.run_operation`. `ready`: it has begun with another one,
    and `live` only says what came of it."""
    execution = branch.execution
    if execution.fate is not None:
        raise give_up_if_swallowed(execution)
    key = (branch.path, seq)
    row = replayed(execution, key, name, mark)
    if row is not None:
        try:
            return recall(execution, row, coder)
        except CodecFault as fault:
            return sealing.again_in_thread(execution, fault, recall, execution, row, coder)
    runtime = execution.runtime
    began = runtime.env.monotonic()
    if execution.unsent_start is not None:
        runtime.journal.send_start(execution)  # only a plain step's body may come before it
    if not ready:
        begin(execution, key, name, kind, mark, reads)
        began = runtime.env.monotonic()  # what waits for the past to be durable has not begun before it was
    try:
        try:
            value, text, codec_id, child_run = live(execution, key, mark)
        except CodecFault as fault:
            value, text, codec_id, child_run = sealing.again_in_thread(execution, fault, live, execution, key, mark)
    except Exception as error:
        if execution.fate is not None:
            raise Unwound from error
        failed, codec_id = sealing.failure_text_in_thread(execution, error)
        execution.record(
            key,
            name,
            kind,
            "error",
            None,
            failed,
            mark,
            runtime.env.monotonic() - began,
            codec_id=codec_id,
            child_run=execution.called.get(key),
            settles=key in execution.begun,
        )
        raise
    late = isinstance(value, TimedOut)
    execution.record(
        key,
        name,
        kind + TIMEOUT_SUFFIX if late else kind,
        "error" if late and text is not None else "ok",
        None if late else text,
        text if late else None,
        mark,
        runtime.env.monotonic() - began,
        codec_id=codec_id,
        child_run=child_run,
        settles=key in execution.begun,
    )
    return value
