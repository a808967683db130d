"""What a fan-out within a workflow records besides its starts: which children have ended, and their results.

"any" is an operation that waits until at least one of some children has ended. Its outcome lists all that had ended by
then, so that one row stands for many short children, and a replay goes on with the same ones. A def run parks with the
end of each of them as a wait of its own: the first that ends wakes it.
"""

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from stepwell.core import async_ops, awaiting, cancel, thread_ops
from stepwell.core.child import draw_seq
from stepwell.core.context import Branch
from stepwell.core.execution import Execution
from stepwell.core.fan_out import Ended
from stepwell.core.fan_out_ends import Ends
from stepwell.core.keys import Key
from stepwell.core.ref import RunRef
from stepwell.model.looking import Outcome
from stepwell.model.rows import Wait
from stepwell.model.status import Status
from stepwell.serde.fingerprint import fingerprint

Refs = Mapping[int, RunRef]


class _EndedCoder:
    """Reads which had ended."""

    def decode(self, text: str, codec_id: str | None = None) -> Ended:
        recorded = json.loads(text)
        return Ended(recorded["ended"], recorded["failed"])


_ENDED = _EndedCoder()


def _recorded(ended: Ended) -> tuple[Ended, str, None, None]:
    return ended, json.dumps({"ended": ended.places, "failed": ended.failed}, separators=(",", ":")), None, None


def _mark(refs: Refs) -> int:
    return fingerprint("any", (min(refs), len(refs)), {})


# -- one of them has ended ------------------------------------------------------------------------------------


def any_of(branch: Branch, refs: Refs, ends: Ends) -> Ended:
    """For a def workflow: wait until at least one of these has ended."""

    def live(execution: Execution, key: Key, mark: int) -> tuple[Ended, str, None, None]:
        waits = [Wait(_beside(key[0], place), key[1], "run", target_run=ref.run_id) for place, ref in refs.items()]
        slot = awaiting.answered(execution, key, "any", "any", mark, lambda slot: ends.watch(refs, slot.resolve), waits)
        if slot is None:
            raise thread_ops.timed_out(execution)
        return _recorded(ends.of(refs))

    ended: Ended = thread_ops.operation(branch, draw_seq(branch), "any", "any", _mark(refs), _ENDED, live, reads=True)
    return ended


def _beside(path: str, place: int) -> str:
    """The rows of waits are told apart by their branch: no branch of a run is called so."""
    return f"{path}#{place}"


async def any_of_async(branch: Branch, refs: Refs, ends: Ends) -> Ended:
    """The same for async workflows."""

    async def live(execution: Execution, key: Key) -> tuple[Ended, str, None, None]:
        ended: asyncio.Future[None] = execution.runtime.loop.create_future()
        ends.watch(refs, partial(async_ops.release_timer, ended))
        await async_ops.block(execution, ended)
        return _recorded(ends.of(refs))

    found: Ended = await async_ops.run_operation(
        branch, draw_seq(branch), "any", "any", _mark(refs), _ENDED, live, reads=True
    )
    return found


# -- the result of one ----------------------------------------------------------------------------------------


def result(branch: Branch, place: int, ref: RunRef, ends: Ends) -> Any:
    """The result of a child that has ended, recorded like `handle.result()`."""

    def live(execution: Execution, key: Key, mark: int) -> tuple[Any, str | None, str | None, UUID | None]:
        outcome = _at_hand(place, ends)
        if outcome is None:
            outcome = awaiting.in_thread(execution, key, ref.workflow_id, "result", mark, ref)
        return ref.unpack(outcome), outcome.output, outcome.codec_id, ref.run_id

    name, mark = ref.workflow_id, fingerprint("result", (ref.workflow_id,), {})
    return thread_ops.operation(branch, draw_seq(branch), "result", name, mark, ref.coder, live, reads=True)


async def result_async(branch: Branch, place: int, ref: RunRef, ends: Ends) -> Any:
    """The same for async workflows."""

    async def live(execution: Execution, key: Key) -> tuple[Any, str | None, str | None, UUID | None]:
        outcome = _at_hand(place, ends)
        if outcome is None:
            outcome = await awaiting.on_loop(execution, ref)
        return ref.unpack(outcome), outcome.output, outcome.codec_id, ref.run_id

    name, mark = ref.workflow_id, fingerprint("result", (ref.workflow_id,), {})
    return await async_ops.run_operation(branch, draw_seq(branch), "result", name, mark, ref.coder, live, reads=True)


def _at_hand(place: int, ends: Ends) -> Outcome | None:
    """A cancelled one is waited for as others are: it may have been cancelled because we are."""
    outcome = ends.take(place)
    return None if outcome is not None and outcome.status == Status.CANCELLED else outcome


# -- the others are not wanted any more -----------------------------------------------------------------------


def close(branch: Branch, run_ids: list[UUID]) -> None:
    """Cancel children; recorded once it is requested."""

    def live(execution: Execution, key: Key, mark: int) -> tuple[None, None, None, None]:
        execution.runtime.inbox.run(cancel.request(execution.runtime, run_ids, cancel.FAN_OUT_FAILED))
        return None, None, None, None

    nothing = branch.execution.runtime.serializer.value(None)
    mark = fingerprint("close", (len(run_ids),), {})
    thread_ops.operation(branch, draw_seq(branch), "close", "close", mark, nothing, live)


async def close_async(branch: Branch, run_ids: list[UUID]) -> None:
    """The same for async workflows."""

    async def live(execution: Execution, key: Key) -> tuple[None, None, None, None]:
        await cancel.request(execution.runtime, run_ids, cancel.FAN_OUT_FAILED)
        return None, None, None, None

    nothing = branch.execution.runtime.serializer.value(None)
    mark = fingerprint("close", (len(run_ids),), {})
    await async_ops.run_operation(branch, draw_seq(branch), "close", "close", mark, nothing, live)
