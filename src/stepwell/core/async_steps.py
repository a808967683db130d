"""Steps of `async def` workflows, on the loop: recorded outcome, or body, retries and record."""

import asyncio
from typing import Any

from stepwell.core import sealing
from stepwell.core.async_ops import interrupted, replayed, wait_until
from stepwell.core.context import Branch, StepScope, frame
from stepwell.core.definition import StepDefinition
from stepwell.core.execution import Execution
from stepwell.core.failures import retry_delay, step_interrupted, step_timeout
from stepwell.core.keys import Key
from stepwell.core.recall import recall
from stepwell.core.unwind import Unwound
from stepwell.model.options import StepOptions
from stepwell.model.rows import Intent
from stepwell.serde.codec import CodecFault
from stepwell.serde.coder import Coder
from stepwell.serde.fingerprint import fingerprint


async def run_step(
    branch: Branch,
    seq: int,
    d: StepDefinition,
    o: StepOptions,
    instance: object | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """One step of an async workflow: its recorded outcome, or its body and then the record."""
    execution = branch.execution
    if execution.fate is not None:
        raise Unwound
    name = o.name
    mark = fingerprint(name, args, kwargs)
    key = (branch.path, seq)
    coder = execution.runtime.serializer.result(d.fn)
    if execution.history is not None:
        row = await replayed(execution, key, name, mark)
        if row is not None:
            try:
                return recall(execution, row, coder)
            except CodecFault as fault:
                return await sealing.recall_again(execution, fault, row, coder)
    return await live_step(branch, key, mark, coder, d, o, instance, args, kwargs)


async def live_step(
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
    """A step that nothing is recorded of: its body, with retries, and the record."""
    execution = branch.execution
    runtime = execution.runtime
    name = o.name
    began = runtime.env.monotonic()
    try:
        attempt = await _begin(execution, key, d, name)
        if attempt == 0:
            raise await _interrupted_before(execution, key, name, mark, d)
        while True:
            if execution.flushed < execution.appended or execution.fate is not None:
                await execution.durable()
            if runtime.env.alive() > runtime.fence_until or runtime.journal.congested:
                await runtime.may_begin()
            began = runtime.env.monotonic()
            try:
                value = await _body(StepScope(branch, key[1], name, "step", attempt), d, o, instance, args, kwargs)
                try:
                    text, codec_id = coder.encode(value)
                except CodecFault as fault:
                    text, codec_id = await sealing.again(execution, fault, coder.encode, value)
            except Exception as error:
                delay = retry_delay(execution, d, o, attempt, error)
                if delay is not None:
                    await _back_off(execution, key, name, attempt, delay, error)
                    attempt += 1
                    continue
                failed, codec_id = await sealing.failure_text(execution, error)
                if execution.tasks:
                    await execution.turnstile().live()
                execution.record(
                    key,
                    name,
                    "step",
                    "error",
                    None,
                    failed,
                    mark,
                    runtime.env.monotonic() - began,
                    attempt,
                    codec_id,
                    None,
                    attempt > 1 or d.at_most_once,
                )
                runtime.bus.step(execution, key, name, "error", runtime.env.monotonic() - began, attempt)
                raise
            if execution.tasks:
                await execution.turnstile().live()
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
    except asyncio.CancelledError:
        if execution.fate is None:
            execution.record(
                key,
                name,
                "step",
                "abandoned",
                None,
                None,
                mark,
                runtime.env.monotonic() - began,
                settles=key in execution.begun,
            )
        raise interrupted(execution) from None
    except (KeyboardInterrupt, SystemExit) as leaving:
        runtime.leaving(execution, leaving)
        raise Unwound from None


async def _begin(execution: Execution, key: Key, d: StepDefinition, name: str) -> int:
    """The number of the attempt that comes now; 0: an at_most_once body was begun by a process that died."""
    attempt = 1
    if execution.intents and (intent := execution.intents.get(key)) is not None:
        if intent.kind == "once":
            return 0
        attempt = intent.attempt + 1
        if intent.due is not None:
            await wait_until(execution, key, intent.due)
    if d.at_most_once:
        execution.append(Intent(execution.run_id, execution.epoch, key[0], key[1], name, "once"))
    return attempt


async def _interrupted_before(execution: Execution, key: Key, name: str, mark: int, d: StepDefinition) -> Exception:
    """Record that nobody knows what an at_most_once body has done."""
    error = step_interrupted(execution, name)
    failed, codec_id = await sealing.failure_text(execution, error)
    if execution.tasks:
        await execution.turnstile().live()
    execution.record(key, name, "step", "error", None, failed, mark, 0.0, 1, codec_id, None, True)
    return error


async def _body(
    scope: StepScope,
    d: StepDefinition,
    o: StepOptions,
    instance: object | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """The function itself, within its scope and timeout."""
    if instance is not None:
        args = (instance, *args)
    timeout = o.timeout
    bus = scope.execution.runtime.bus
    if bus.active:
        bus.body(scope)
    token = frame.set(scope)
    try:
        if timeout is None and d.is_async:
            return await d.fn(*args, **kwargs)
        limit = asyncio.timeout(timeout)
        try:
            async with limit:
                if d.is_async:
                    return await d.fn(*args, **kwargs)
                return await scope.execution.runtime.pool.run_async(d.fn, args, kwargs)
        except TimeoutError as error:
            if limit.expired():
                raise step_timeout(scope.execution, scope.name, timeout or 0.0) from error
            raise
    finally:
        frame.reset(token)


async def _back_off(execution: Execution, key: Key, name: str, attempt: int, delay: float, error: Exception) -> None:
    """Remember the failed attempt durably, then wait."""
    runtime = execution.runtime
    text = sealing.hint_of_failure(execution, error)
    execution.append(
        Intent(execution.run_id, execution.epoch, key[0], key[1], name, "attempt", attempt, delay, None, text)
    )
    runtime.bus.emit("step.retry", execution=execution, name=name, place=key, attempt=attempt, delay=delay)
    await execution.durable()
    due, now = execution.dues[key]
    await wait_until(execution, key, due if due is not None else now)
