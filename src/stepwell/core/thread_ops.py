"""Operations of `def` workflows, on the thread that runs them: the same rules as in `async_ops`, blocking."""

import asyncio
from collections.abc import Callable
from typing import Any

from stepwell.core import cancel
from stepwell.core.async_ops import live_step, retry_delay, step_interrupted, step_timeout
from stepwell.core.context import Branch, StepScope, frame
from stepwell.core.definition import StepDefinition
from stepwell.core.execution import Execution
from stepwell.core.inbox import Slot
from stepwell.core.keys import Key
from stepwell.core.recall import Reader, encode_failure, recall
from stepwell.core.unwind import Fate, Unwound
from stepwell.errors import WaitTimeout
from stepwell.model.options import StepOptions
from stepwell.model.rows import Intent, Recorded, Wait
from stepwell.serde.coder import Coder
from stepwell.serde.fingerprint import fingerprint


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


def begin(execution: Execution, key: Key, name: str, kind: str, mark: int) -> None:
    """All that must hold before something happens outside: durable history, no cancellation, a valid lease."""
    execution.durable_in_thread()
    if execution.cancel_reason is not None and not execution.cancel_delivered:
        cancel.raise_in_thread(execution, key, name, kind, mark, key in execution.dues)
    runtime = execution.runtime
    if runtime.env.alive() > runtime.fence_until or runtime.journal.congested:
        runtime.inbox.run(runtime.may_begin())
        execution.durable_in_thread()


def step(
    branch: Branch,
    seq: int,
    d: StepDefinition,
    o: StepOptions,
    instance: object | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """One step of a def workflow, in the calling thread (an `async def` one, through `.sync`, on the loop)."""
    execution = branch.execution
    if execution.fate is not None:
        raise Unwound
    runtime = execution.runtime
    name = o.name
    mark = fingerprint(name, args, kwargs)
    key = (branch.path, seq)
    coder = runtime.serializer.result(d.fn)
    if execution.history is not None:
        row = replayed(execution, key, name, mark)
        if row is not None:
            return recall(execution, row, coder)
    if d.is_async:
        begin(execution, key, name, "step", mark)
        return _step_on_loop(branch, key, mark, coder, d, o, instance, args, kwargs)
    if over_limit(execution):
        begin(execution, key, name, "step", mark)
        late = timed_out(execution)
        failed, codec_id = encode_failure(execution, late)
        execution.record(key, name, "step", "error", None, failed, mark, 0.0, 1, codec_id)
        raise late
    attempt = 1
    if execution.intents and (intent := execution.intents.get(key)) is not None:
        if intent.kind == "once":
            begin(execution, key, name, "step", mark)
            error: Exception = step_interrupted(execution, name)
            failed, codec_id = encode_failure(execution, error)
            execution.record(key, name, "step", "error", None, failed, mark, 0.0, 1, codec_id, None, True)
            raise error
        attempt = intent.attempt + 1
        if intent.due is not None:
            wait_until(execution, key, name, "step", mark, intent.due)
    if d.at_most_once:
        execution.append(Intent(execution.run_id, execution.epoch, key[0], key[1], name, "once"))
    while True:
        begin(execution, key, name, "step", mark)
        began = runtime.env.monotonic()
        try:
            value = _body(StepScope(branch, seq, name, "step", attempt), d, o, instance, args, kwargs)
            text, codec_id = coder.encode(value)
        except Exception as error:
            if execution.fate is not None:
                raise Unwound from error
            delay = retry_delay(execution, d, o, attempt, error)
            if delay is not None:
                _back_off(execution, key, name, mark, attempt, delay, error)
                attempt += 1
                continue
            elapsed = runtime.env.monotonic() - began
            failed, codec_id = encode_failure(execution, error)
            execution.record(
                key,
                name,
                "step",
                "error",
                None,
                failed,
                mark,
                elapsed,
                attempt,
                codec_id,
                None,
                attempt > 1 or d.at_most_once,
            )
            runtime.bus.step(execution, key, name, "error", elapsed, attempt)
            raise
        except (KeyboardInterrupt, SystemExit) as leaving:
            runtime.leaving(execution, leaving)
            raise Unwound from None
        elapsed = runtime.env.monotonic() - began
        execution.record(
            key,
            name,
            "step",
            "ok",
            text,
            None,
            mark,
            elapsed,
            attempt,
            codec_id,
            None,
            attempt > 1 or d.at_most_once,
        )
        if runtime.bus.active:
            runtime.bus.step(execution, key, name, "ok", elapsed, attempt)
        return value


def _step_on_loop(
    branch: Branch,
    key: Key,
    mark: int,
    coder: Coder,
    d: StepDefinition,
    o: StepOptions,
    instance: object | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    runtime = branch.execution.runtime
    try:
        return runtime.inbox.run(live_step(branch, key, mark, coder, d, o, instance, args, kwargs))
    except asyncio.CancelledError:
        if branch.execution.fate is not None:
            raise Unwound from None
        raise


def _body(
    scope: StepScope,
    d: StepDefinition,
    o: StepOptions,
    instance: object | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    if instance is not None:
        args = (instance, *args)
    bus = scope.execution.runtime.bus
    if bus.active:
        bus.body(scope)
    token = frame.set(scope)
    try:
        if o.timeout is None:
            return d.fn(*args, **kwargs)
        # A thread cannot be stopped: the body goes on in the background, the step has failed.
        runtime = scope.execution.runtime
        job = runtime.pool.submit(d.fn, args, kwargs, extra_thread=True)
        if not job.wait(o.timeout):
            raise step_timeout(scope.execution, scope.name, o.timeout)
        return job.result()
    finally:
        frame.reset(token)


def _back_off(
    execution: Execution, key: Key, name: str, mark: int, attempt: int, delay: float, error: Exception
) -> None:
    text, _ = encode_failure(execution, error)
    execution.append(
        Intent(execution.run_id, execution.epoch, key[0], key[1], name, "attempt", attempt, delay, None, text)
    )
    execution.runtime.bus.emit("step.retry", execution=execution, name=name, place=key, attempt=attempt, delay=delay)
    execution.durable_in_thread()
    due, now = execution.dues[key]
    wait_until(execution, key, name, "step", mark, due if due is not None else now)


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
    runtime.on_loop(_arm, execution, slot, seconds)
    wait(execution, slot, key, name, kind, mark)


def over_limit(execution: Execution) -> bool:
    """Whether an enclosing `timeout()` block is over."""
    return bool(execution.limits) and execution.runtime.clock.now() >= min(execution.limits)


def timed_out(execution: Execution) -> WaitTimeout:
    """What ends the operations of such a block."""
    return WaitTimeout(f"workflow {execution.workflow_id!r}: the time of its timeout() block is over")


def _arm(execution: Execution, slot: Slot, seconds: float) -> None:
    """On the loop: a timer there, so that virtual time reaches it too."""
    if execution.fate is not None or (execution.cancel_reason is not None and not execution.cancel_delivered):
        slot.resolve()
        return
    execution.blocked.add(slot)
    execution.runtime.loop.call_later(seconds, slot.resolve, context=execution.runtime.context)


def wait(
    execution: Execution, slot: Slot, key: Key, name: str, kind: str, mark: int, timeout: float | None = None
) -> bool:
    """Block in a slot that a fate or a cancellation may break; False after `timeout` seconds."""
    try:
        answered = slot.wait(timeout)
    finally:
        execution.runtime.on_loop(execution.blocked.discard, slot)
    if execution.fate is not None:
        raise Unwound
    if execution.cancel_reason is not None and not execution.cancel_delivered:
        cancel.raise_in_thread(execution, key, name, kind, mark, key in execution.dues)
    return answered


def park(execution: Execution, wait: Wait) -> None:
    """Give the thread back; the run is replayed when the wait ends."""
    execution.waits[(wait.branch, wait.seq)] = wait
    execution.unwind(Fate.PARKED)
    raise Unwound


#: (execution, key, mark) -> (value, text, codec_id, child_run)
Live = Callable[[Execution, Key, int], tuple[Any, str | None, str | None, Any]]


def operation(branch: Branch, seq: int, kind: str, name: str, mark: int, coder: Reader, live: Live) -> Any:
    """Any other operation that waits."""
    execution = branch.execution
    if execution.fate is not None:
        raise Unwound
    key = (branch.path, seq)
    row = replayed(execution, key, name, mark)
    if row is not None:
        return recall(execution, row, coder)
    runtime = execution.runtime
    began = runtime.env.monotonic()
    if execution.unsent_start is not None:
        runtime.journal.send_start(execution)  # only a plain step's body may come before it
    begin(execution, key, name, kind, mark)
    settles = key in execution.intents
    try:
        value, text, codec_id, child_run = live(execution, key, mark)
    except Exception as error:
        if execution.fate is not None:
            raise Unwound from error
        failed, codec_id = encode_failure(execution, error)
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
            settles=settles or key in execution.dues,
        )
        raise
    execution.record(
        key,
        name,
        kind,
        "ok",
        text,
        None,
        mark,
        runtime.env.monotonic() - began,
        codec_id=codec_id,
        child_run=child_run,
        settles=settles or key in execution.dues,
    )
    return value
