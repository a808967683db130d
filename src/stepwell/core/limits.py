"""`timeout(duration)`: a block of workflow code with a durable deadline.

The deadline is kept as an intent, so a replay has the first one. In an async workflow its end is an outcome with a
position, and interrupts what the block awaits; in a def one it ends the block's waits and refuses its next steps.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from stepwell.core.async_ops import block
from stepwell.core.execution import Execution
from stepwell.core.keys import Key
from stepwell.core.unwind import Unwound
from stepwell.core.verbs import async_branch, def_branch, draw
from stepwell.errors import WaitTimeout
from stepwell.model.rows import Intent


def _intent(execution: Execution, key: Key, seconds: float) -> Intent:
    return Intent(execution.run_id, execution.epoch, key[0], key[1], "timeout", "wait", 0, seconds)


def _due(execution: Execution, key: Key) -> float:
    due, now = execution.dues[key]
    return now if due is None else due


@contextmanager
def timeout(seconds: float) -> Iterator[None]:
    """For def workflows."""
    branch = def_branch("timeout")
    execution = branch.execution
    key = (branch.path, draw(branch))
    known = execution.intents.get(key)
    if known is None or known.due is None:
        execution.append(_intent(execution, key, seconds))
        execution.durable_in_thread()
        due = _due(execution, key)
    else:
        due = known.due
    execution.limits.append(due)
    try:
        yield
    finally:
        execution.limits.remove(due)


async def _due_async(execution: Execution, key: Key, seconds: float) -> float:
    known = execution.intents.get(key)
    if known is not None and known.due is not None:
        return known.due
    execution.append(_intent(execution, key, seconds))
    await execution.durable()
    return _due(execution, key)


@asynccontextmanager
async def timeout_async(seconds: float) -> AsyncIterator[None]:
    """For async workflows."""
    branch = async_branch("timeout")
    execution = branch.execution
    runtime = execution.runtime
    key = (branch.path, draw(branch))
    limit = asyncio.timeout(None)
    replayed = execution.history is not None and key in execution.history.by_key  # its end comes from there
    due = float("inf") if replayed else await _due_async(execution, key, seconds)

    ended = False

    def end() -> None:
        nonlocal ended
        ended = True
        if not limit.expired():
            limit.reschedule(runtime.loop.time())

    async def fire() -> None:
        try:
            if execution.history is not None:
                await execution.turnstile().begin()
            if execution.tasks:
                await execution.turnstile().live()
        except Unwound:
            return
        if execution.timeouts.pop(key, None) is not None and execution.fate is None:
            execution.record(key, "timeout", "timeout", "ok", None, None, 0, 0.0, settles=True)
            end()

    def is_due() -> bool:
        """The end of the block is recorded, but what it was to interrupt could not be (a commit)."""
        history = execution.history
        return ended or (replayed and history is not None and key not in history.delivered)

    timer = runtime.alarms.at(due, lambda: runtime.spawn(fire()))
    execution.timers.append(timer)
    try:
        async with limit:
            execution.timeouts[key] = end
            if execution.deliveries is not None:
                execution.deliveries.kick()
            try:
                yield
                if is_due() and execution.fate is None:
                    execution.turnstile().kick()
                    with suppress(asyncio.CancelledError):  # which `end` brings, or has brought
                        await (asyncio.sleep(0) if limit.expired() else block(execution, runtime.loop.create_future()))
                    raise asyncio.CancelledError
            finally:
                execution.timeouts.pop(key, None)
                timer.cancel()
    except TimeoutError as error:
        if limit.expired():
            raise WaitTimeout(
                f"workflow {execution.workflow_id!r}: the block took longer than its timeout of {seconds:g} s"
            ) from error
        raise
