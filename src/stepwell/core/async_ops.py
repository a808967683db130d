"""Operations of `async def` workflows, on the loop: replay or live, body, record, deliver."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from stepwell.core.context import Branch, StepScope, frame
from stepwell.core.definition import StepDefinition
from stepwell.core.execution import Execution
from stepwell.core.keys import Key
from stepwell.core.recall import Reader, encode_failure, recall
from stepwell.core.unwind import Fate, Unwound
from stepwell.errors import Cancelled, NotSerializable, PayloadTooLarge, StepInterrupted, StepTimeout
from stepwell.model.options import StepOptions
from stepwell.model.rows import Intent, Recorded
from stepwell.serde.coder import Coder
from stepwell.serde.fingerprint import fingerprint


async def replayed(execution: Execution, key: Key, name: str, mark: int) -> Recorded | None:
    """The recorded outcome of this operation when its turn has come; None: it is live, and may begin."""
    history = execution.history
    if history is None:
        return None
    row = history.by_key.get(key)
    if row is None:
        if not history.finished:
            await _turn(execution, execution.turnstile().begin())
    else:
        why = history.mismatch(row, name, mark)
        if why is not None:
            execution.mismatch(key, why)
            raise Unwound
        if row.fingerprint != mark:
            execution.runtime.bus.emit("replay.drift", execution=execution, name=name, place=key)
        if not execution.tasks and row.ended != "abandoned" and history.next() is row:
            history.deliver(row)
            if execution.deliveries is not None:
                execution.deliveries.kick()
        else:
            await _turn(execution, execution.turnstile().recorded(row))
    execution.caught_up(history)
    return row


async def _turn(execution: Execution, turn: Awaitable[None]) -> None:
    try:
        await turn
    except asyncio.CancelledError:
        raise interrupted(execution) from None


def interrupted(execution: Execution) -> BaseException:
    """What an operation raises when its task is cancelled."""
    if execution.fate is not None:
        return Unwound()
    if execution.cancel_delivered:
        return Cancelled(f"{execution.workflow_id}: {execution.cancel_reason}")
    return asyncio.CancelledError()


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
            return recall(execution, row, coder)
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
                text, codec_id = coder.encode(value)
            except Exception as error:
                delay = retry_delay(execution, d, o, attempt, error)
                if delay is not None:
                    await _back_off(execution, key, name, attempt, delay, error)
                    attempt += 1
                    continue
                failed, codec_id = encode_failure(execution, error)
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
                settles=key in execution.intents or key in execution.dues,
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
    failed, codec_id = encode_failure(execution, error)
    if execution.tasks:
        await execution.turnstile().live()
    execution.record(key, name, "step", "error", None, failed, mark, 0.0, 1, codec_id, None, True)
    return error


def step_interrupted(execution: Execution, name: str) -> StepInterrupted:
    """The error of an at_most_once step whose process died in its body."""
    return StepInterrupted(
        f"workflow {execution.workflow_id!r}, step {name!r}: it was begun by a process that died, and at_most_once "
        "forbids to run it again; whether it had its effect is not known. Catch this error to decide"
    )


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


def step_timeout(execution: Execution, name: str, timeout: float) -> StepTimeout:
    """The failure of a step that took too long."""
    return StepTimeout(
        f"workflow {execution.workflow_id!r}, step {name!r}: took longer than its timeout of {timeout:g} s"
    )


def retry_delay(
    execution: Execution, d: StepDefinition, o: StepOptions, attempt: int, error: Exception
) -> float | None:
    """Seconds until the next attempt, or None if this failure is the step's outcome."""
    retry = o.retry
    if retry is None or isinstance(error, NotSerializable | PayloadTooLarge) or d.at_most_once:
        return None  # the body has run; it must not run again
    if attempt > retry.retries or not retry.accepts(error):
        return None
    return retry.delay(attempt, execution.runtime.env.random())


async def _back_off(execution: Execution, key: Key, name: str, attempt: int, delay: float, error: Exception) -> None:
    """Remember the failed attempt durably, then wait."""
    runtime = execution.runtime
    text, _ = encode_failure(execution, error)
    execution.append(
        Intent(execution.run_id, execution.epoch, key[0], key[1], name, "attempt", attempt, delay, None, text)
    )
    runtime.bus.emit("step.retry", execution=execution, name=name, place=key, attempt=attempt, delay=delay)
    await execution.durable()
    due, now = execution.dues[key]
    await wait_until(execution, key, due if due is not None else now)


async def wait_until(execution: Execution, key: Key, due: float) -> None:
    """Wait for an instant of the database's clock. A long wait may park the run: then this raises."""
    runtime = execution.runtime
    seconds = runtime.clock.seconds_until(due)
    if seconds <= 0:
        return
    if runtime.may_park_async(execution, seconds):
        execution.waits[key] = runtime.timer_wait(key, due)
        execution.unwind(Fate.PARKED)
        raise Unwound
    future: asyncio.Future[None] = runtime.loop.create_future()
    handle = runtime.loop.call_later(seconds, release_timer, future, context=runtime.context)
    await block(execution, future, handle)


def release_timer(future: "asyncio.Future[None]") -> None:
    """A timer's end."""
    if not future.done():
        future.set_result(None)


async def block(execution: Execution, future: "asyncio.Future[Any]", handle: asyncio.TimerHandle | None = None) -> None:
    """Wait for a future that a fate may break."""
    execution.blocked.add(future)
    try:
        await future
    finally:
        execution.blocked.discard(future)
        if handle is not None:
            handle.cancel()


Live = Callable[[Execution, Key], Awaitable[tuple[Any, str | None, str | None, Any]]]


async def run_operation(branch: Branch, seq: int, kind: str, name: str, mark: int, coder: Reader, live: Live) -> Any:
    """Any other operation that waits: `live` gives (value, text, codec_id, child_run); its exception is its outcome."""
    execution = branch.execution
    if execution.fate is not None:
        raise Unwound
    key = (branch.path, seq)
    row = await replayed(execution, key, name, mark)
    if row is not None:
        return recall(execution, row, coder)
    runtime = execution.runtime
    began = runtime.env.monotonic()
    if execution.unsent_start is not None:
        runtime.journal.send_start(execution)  # only a plain step's body may come before it
    try:
        await execution.durable()
        if runtime.env.alive() > runtime.fence_until or runtime.journal.congested:
            await runtime.may_begin()
        try:
            value, text, codec_id, child_run = await live(execution, key)
        except Exception as error:
            failed, codec_id = encode_failure(execution, error)
            if execution.tasks:
                await execution.turnstile().live()
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
                settles=key in execution.dues or key in execution.intents,
            )
            raise
        if execution.tasks:
            await execution.turnstile().live()
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
            settles=key in execution.dues or key in execution.intents,
        )
        return value
    except asyncio.CancelledError:
        if execution.fate is None:
            execution.record(
                key,
                name,
                kind,
                "abandoned",
                None,
                None,
                mark,
                runtime.env.monotonic() - began,
                settles=key in execution.dues or key in execution.intents,
            )
        raise interrupted(execution) from None
