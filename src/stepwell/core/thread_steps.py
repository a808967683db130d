"""Steps of `def` workflows, on the thread that runs them: the same rules as in `async_steps`, blocking."""

import asyncio
from typing import Any

from stepwell.core import sealing
from stepwell.core.async_steps import live_step
from stepwell.core.context import Branch, StepScope, frame
from stepwell.core.definition import StepDefinition
from stepwell.core.execution import Execution
from stepwell.core.failures import retry_delay, step_interrupted, step_timeout
from stepwell.core.keys import Key
from stepwell.core.recall import recall
from stepwell.core.thread_ops import begin, give_up_if_swallowed, over_limit, replayed, timed_out, wait_until
from stepwell.core.unwind import Unwound
from stepwell.model.options import StepOptions
from stepwell.model.rows import Intent
from stepwell.serde.codec import CodecFault
from stepwell.serde.coder import Coder
from stepwell.serde.fingerprint import fingerprint


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
        raise give_up_if_swallowed(execution)
    runtime = execution.runtime
    name = o.name
    mark = fingerprint(name, args, kwargs)
    key = (branch.path, seq)
    coder = runtime.serializer.result(d.fn)
    if execution.history is not None:
        row = replayed(execution, key, name, mark)
        if row is not None:
            try:
                return recall(execution, row, coder)
            except CodecFault as fault:
                return sealing.again_in_thread(execution, fault, recall, execution, row, coder)
    if d.is_async:
        begin(execution, key, name, "step", mark)
        return _step_on_loop(branch, key, mark, coder, d, o, instance, args, kwargs)
    if over_limit(execution):
        begin(execution, key, name, "step", mark)
        late = timed_out(execution)
        failed, codec_id = sealing.failure_text_in_thread(execution, late)
        execution.record(key, name, "step", "error", None, failed, mark, 0.0, 1, codec_id)
        raise late
    attempt = 1
    if execution.intents and (intent := execution.intents.get(key)) is not None:
        if intent.kind == "once":
            begin(execution, key, name, "step", mark)
            error: Exception = step_interrupted(execution, name)
            failed, codec_id = sealing.failure_text_in_thread(execution, error)
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
            try:
                text, codec_id = coder.encode(value)
            except CodecFault as fault:
                text, codec_id = sealing.again_in_thread(execution, fault, coder.encode, value)
        except Exception as error:
            if execution.fate is not None:
                raise Unwound from error
            delay = retry_delay(execution, d, o, attempt, error)
            if delay is not None:
                _back_off(execution, key, name, mark, attempt, delay, error)
                attempt += 1
                continue
            elapsed = runtime.env.monotonic() - began
            failed, codec_id = sealing.failure_text_in_thread(execution, error)
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
    text = sealing.hint_of_failure(execution, error)
    execution.append(
        Intent(execution.run_id, execution.epoch, key[0], key[1], name, "attempt", attempt, delay, None, text)
    )
    execution.runtime.bus.emit("step.retry", execution=execution, name=name, place=key, attempt=attempt, delay=delay)
    execution.durable_in_thread()
    due, now = execution.dues[key]
    wait_until(execution, key, name, "step", mark, due if due is not None else now)
