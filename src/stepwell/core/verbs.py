"""The verbs of a workflow that are no calls: sleeping, recorded values, branches of code."""

import math
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from stepwell.core import async_ops, sealing, thread_ops
from stepwell.core.context import Branch, frame
from stepwell.core.execution import Execution
from stepwell.core.keys import Key, patch_key
from stepwell.core.recall import recall
from stepwell.core.unwind import Unwound
from stepwell.errors import AsyncMismatch, NotInWorkflow, UsageError
from stepwell.model.rows import Intent
from stepwell.serde.codec import CodecFault
from stepwell.serde.fingerprint import fingerprint

P = ParamSpec("P")
T = TypeVar("T")


def branch_here(verb: str) -> Branch:
    """The running workflow's branch. Raises NotInWorkflow, and UsageError within a step."""
    here = frame.get()
    if here is None:
        raise NotInWorkflow(f"stepwell.{verb}() needs a running workflow around it")
    if here.in_step:
        raise UsageError(f"stepwell.{verb}() is for workflows: within a step it would not be recorded on its own")
    assert isinstance(here, Branch)
    return here


def place_to_wait(verb: str) -> Branch | None:
    """The running workflow's branch; None outside any. Raises UsageError within a step."""
    return None if frame.get() is None else branch_here(verb)


def draw(branch: Branch) -> int:
    """The number of the operation that is called here, now."""
    seq = branch.seq
    branch.seq = seq + 1
    return seq


# -- sleeping ------------------------------------------------------------------------------------------------


def sleep(seconds: float | None, due: float | None) -> None:
    """For a def workflow: for so long, or until that instant of the database's clock."""
    branch = def_branch("sleep")
    name = "sleep" if due is None else "sleep_until"
    mark = fingerprint(name, (seconds, due), {})

    def live(execution: Execution, key: Key, mark: int) -> tuple[None, None, None, None]:
        until = due
        if until is None:
            known = execution.intents.get(key)
            if known is None or known.due is None:
                execution.append(_wait_intent(execution, key, name, seconds))
                execution.durable_in_thread()
                until = _due(execution, key)
            else:
                until = known.due
        thread_ops.wait_until(execution, key, name, "sleep", mark, until)
        return None, None, None, None

    thread_ops.operation(
        branch, draw(branch), "sleep", name, mark, branch.execution.runtime.serializer.value(None), live
    )


def sleep_async(seconds: float | None, due: float | None) -> Coroutine[Any, Any, None]:
    """The same for an async workflow."""
    branch = async_branch("sleep")
    name = "sleep" if due is None else "sleep_until"
    mark = fingerprint(name, (seconds, due), {})

    async def live(execution: Execution, key: Key) -> tuple[None, None, None, None]:
        until = due
        if until is None:
            known = execution.intents.get(key)
            if known is None or known.due is None:
                execution.append(_wait_intent(execution, key, name, seconds))
                await execution.durable()
                until = _due(execution, key)
            else:
                until = known.due
        await async_ops.wait_until(execution, key, until)
        return None, None, None, None

    return async_ops.run_operation(
        branch, draw(branch), "sleep", name, mark, branch.execution.runtime.serializer.value(None), live
    )


def _wait_intent(execution: Execution, key: Key, name: str, seconds: float | None) -> Intent:
    return Intent(execution.run_id, execution.epoch, key[0], key[1], name, "wait", 0, seconds)


def _due(execution: Execution, key: Key) -> float:
    due, now = execution.dues[key]
    return now if due is None else due


def def_branch(verb: str) -> Branch:
    """The branch of a def workflow; AsyncMismatch in an async one."""
    branch = branch_here(verb)
    if branch.execution.definition.is_async:
        raise AsyncMismatch(f"stepwell.{verb}() would block the event loop: await stepwell.aio.{verb}(...)")
    return branch


def async_branch(verb: str) -> Branch:
    """The branch of an async workflow; AsyncMismatch in a def one."""
    branch = branch_here(verb)
    if not branch.execution.definition.is_async:
        raise AsyncMismatch(f"stepwell.aio.{verb}() is for async workflows: call stepwell.{verb}(...)")
    return branch


# -- recorded values: they never block -----------------------------------------------------------------------


def now() -> datetime:
    """The database's time, recorded."""
    value = _recorded("now", lambda execution: math.floor(execution.runtime.clock.now() * 1e6) / 1e6)
    return datetime.fromtimestamp(value, UTC)


def uuid4() -> UUID:
    """A random UUID, recorded."""
    return UUID(_recorded("uuid4", lambda execution: str(execution.runtime.env.uuid4())))


def random() -> float:
    """Uniform in [0, 1), recorded."""
    return float(_recorded("random", lambda execution: execution.runtime.env.random()))


def _recorded(kind: str, draw_value: Callable[[Execution], Any]) -> Any:
    return recorded_in(branch_here(kind), kind, draw_value)


def recorded_in(branch: Branch, kind: str, draw_value: Callable[[Execution], Any]) -> Any:
    """A value that is drawn once, at the branch's next place, and recorded there."""
    execution = branch.execution
    if execution.fate is not None:
        raise thread_ops.give_up_if_swallowed(execution)
    key = (branch.path, draw(branch))
    coder = execution.runtime.serializer.value(Any)
    history = execution.history
    if history is not None and (row := history.by_key.get(key)) is not None:
        why = history.mismatch(row, kind, 0)
        if why is not None:
            execution.mismatch(key, why)
            raise Unwound
        deliver_at_once(execution, row)
        return _sealed(execution, recall, execution, row, coder)
    value = draw_value(execution)
    text, codec_id = _sealed(execution, coder.encode, value)
    execution.record(key, kind, kind, "ok", text, None, 0, 0.0, codec_id=codec_id)
    return value


def _sealed(execution: Execution, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """A codec that fails may be waited for on a thread; code on a loop cannot wait here, and the run does."""
    try:
        return call(*args, **kwargs)
    except CodecFault as fault:
        if execution.is_async:
            sealing.give_up(execution, fault)
        return sealing.again_in_thread(execution, fault, call, *args, **kwargs)


def deliver_at_once(execution: Execution, row: Any) -> None:
    """A recorded value that the code gets without waiting."""
    history = execution.history
    assert history is not None
    with execution.lock:
        history.deliver(row)
    execution.caught_up(history)
    if execution.deliveries is not None:
        execution.deliveries.kick()


def patched(name: str) -> bool:
    """Whether this run goes the new way: True in runs that reach this place first with the new code.

    The answer is recorded under the patch's name, not at a place in the sequence, so that runs which were
    recorded before the patch keep matching: for them nothing is recorded here and the answer is False.
    """
    branch = branch_here("patched")
    execution = branch.execution
    if execution.fate is not None:
        raise thread_ops.give_up_if_swallowed(execution)
    key = patch_key(name)
    known = execution.patches.get(name)
    if known is not None:
        return known
    history = execution.history
    row = None if history is None else history.by_key.get(key)
    if row is not None:
        deliver_at_once(execution, row)
        answer = True
    elif history is not None:
        answer = False  # it has passed here before, with the old code
    else:
        execution.record(key, name, "patch", "ok", "true", None, 0, 0.0)
        answer = True
    execution.patches[name] = answer
    return answer
