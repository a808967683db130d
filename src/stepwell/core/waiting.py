"""Waiting for a fact (a message, an event, an entry of a stream) within workflows, in both colours.

The wait's end is recorded like any outcome, and says how it ended: with the fact, by its timeout, or interrupted. A
long wait of a def run gives its thread back, with the fact as a row of the run's waits.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from stepwell.core import async_ops, thread_ops
from stepwell.core.alarms import Alarm
from stepwell.core.execution import Execution
from stepwell.core.inbox import Slot
from stepwell.core.keys import Key
from stepwell.core.unwind import Fate, Unwound
from stepwell.model.rows import Intent, Wait

#: An async wait of unknown length stays in memory for so long before it may be parked.
_PATIENCE_SECONDS = 60.0

#: What a wait is answered with when its time is over, and when it is to be parked.
LATE = object()
_PATIENCE_OVER = object()


class Looks(Protocol):
    """Who looks for facts."""

    def first_look(self, waiting: "asyncio.Future[Any]") -> "asyncio.Future[None]":
        """Done when the fact is there, or it has been looked for once."""
        ...


class Fact:
    """What is waited for: who asks for it, how to begin and to give up waiting on the loop, and the wait as a row.

    No row: the fact is in another engine's database, and the run cannot be parked on it.
    """

    __slots__ = ("facts", "give_up", "row", "subscribe")

    def __init__(
        self,
        facts: Looks,
        subscribe: Callable[[], "asyncio.Future[Any]"],
        give_up: Callable[["asyncio.Future[Any]"], object],
        row: Callable[[Key, float | None], Wait] | None,
    ) -> None:
        self.facts = facts
        self.subscribe = subscribe
        self.give_up = give_up
        self.row = row


def _intent(execution: Execution, key: Key, name: str, seconds: float) -> Intent:
    return Intent(execution.run_id, execution.epoch, key[0], key[1], name, "wait", 0, seconds)


def _stored_due(execution: Execution, key: Key) -> float:
    due, now = execution.dues[key]
    return now if due is None else due


def _answer(future: "asyncio.Future[Any]", answer: object) -> None:
    if not future.done():
        future.set_result(answer)


# -- async -----------------------------------------------------------------------------------------------------


async def on_loop(execution: Execution, key: Key, name: str, fact: Fact, timeout: float | None) -> Any:
    """The fact; LATE if `timeout` seconds passed first, counted from when this run first waited here."""
    runtime = execution.runtime
    due: float | None = None
    while True:
        waiting = fact.subscribe()
        alarms: list[Alarm | asyncio.TimerHandle] = []
        answer: object = None
        try:
            if timeout is not None and due is None and not waiting.done():
                # What is there already needs no deadline, and wins over one that is over.
                await async_ops.block(execution, fact.facts.first_look(waiting))
                if not waiting.done():
                    due = await _due(execution, key, name, timeout)
            if due is not None:
                alarms.append(runtime.alarms.at(due, _answer, waiting, LATE))
            if fact.row is not None and runtime.may_park_async(execution, _left(execution, due)):
                # As with the thread of a def run: so long that replays cost little next to it.
                patience = max(_PATIENCE_SECONDS, runtime.settings.park_after, 100 * execution.replay_seconds)
                alarms.append(
                    runtime.loop.call_later(patience, _answer, waiting, _PATIENCE_OVER, context=runtime.context)
                )
            await async_ops.block(execution, waiting)
            answer = waiting.result()
        except BaseException:
            fact.give_up(waiting)
            raise
        finally:
            for alarm in alarms:
                alarm.cancel()
        if answer is not _PATIENCE_OVER:
            if answer is LATE:
                fact.give_up(waiting)
            return answer
        fact.give_up(waiting)
        if fact.row is not None and runtime.may_park_async(execution, _left(execution, due)):
            execution.waits[key] = fact.row(key, due)
            execution.unwind(Fate.PARKED)
            raise Unwound


def _left(execution: Execution, due: float | None) -> float:
    return float("inf") if due is None else execution.runtime.clock.seconds_until(due)


async def _due(execution: Execution, key: Key, name: str, seconds: float) -> float:
    known = execution.intents.get(key)
    if known is not None and known.due is not None:
        return known.due
    if seconds == 0:
        return execution.runtime.clock.now()
    execution.append(_intent(execution, key, name, seconds))
    await execution.durable()
    return _stored_due(execution, key)


# -- on a thread -----------------------------------------------------------------------------------------------


def in_thread(
    execution: Execution, key: Key, name: str, kind: str, mark: int, fact: Fact, timeout: float | None
) -> Any:
    """The same for a def run, whose thread it holds for a while and then gives back."""
    runtime = execution.runtime
    due: float | None = None
    if timeout is not None:
        found = runtime.inbox.run(_look_once(execution, fact))
        if found is not None:
            return found
        due = _due_in_thread(execution, key, name, timeout)
    block_ends = min(execution.limits, default=None)
    ends = block_ends if due is None else due if block_ends is None else min(due, block_ends)
    left = None if ends is None else max(0.0, runtime.clock.seconds_until(ends))
    row = fact.row
    rows = None if row is None else lambda: [row(key, ends)]
    slot = Slot()
    holder: list[asyncio.Future[Any]] = []
    runtime.on_loop(_arm, execution, slot, fact, holder)
    try:
        answered = thread_ops.wait_or_park(execution, slot, key, name, kind, mark, left, rows)
    except BaseException:
        runtime.on_loop(_give_up, fact, holder)
        raise
    if answered and slot.error is None:
        return slot.value
    runtime.on_loop(_give_up, fact, holder)
    if slot.error is not None:
        raise slot.error
    if due is None or (block_ends is not None and block_ends < due):
        raise thread_ops.timed_out(execution)
    return LATE


async def _look_once(execution: Execution, fact: Fact) -> Any:
    waiting = fact.subscribe()
    try:
        await fact.facts.first_look(waiting)
    except BaseException:
        fact.give_up(waiting)
        raise
    if waiting.done():
        return waiting.result()
    fact.give_up(waiting)
    return None


def _due_in_thread(execution: Execution, key: Key, name: str, seconds: float) -> float:
    known = execution.intents.get(key)
    if known is not None and known.due is not None:
        return known.due
    if seconds == 0:
        return execution.runtime.clock.now()
    execution.append(_intent(execution, key, name, seconds))
    execution.durable_in_thread()
    return _stored_due(execution, key)


def _arm(execution: Execution, slot: Slot, fact: Fact, holder: "list[asyncio.Future[Any]]") -> None:
    if execution.fate is not None or (execution.cancel_reason is not None and not execution.cancel_delivered):
        slot.resolve()
        return
    execution.blocked.add(slot)
    try:
        waiting = fact.subscribe()
    except Exception as error:
        slot.fail(error)
        return
    holder.append(waiting)

    def answer(done: "asyncio.Future[Any]") -> None:
        if done.cancelled():
            return
        error = done.exception()
        slot.resolve(done.result()) if error is None else slot.fail(error)

    waiting.add_done_callback(answer, context=execution.runtime.context)


def _give_up(fact: Fact, holder: "list[asyncio.Future[Any]]") -> None:
    for waiting in holder:
        fact.give_up(waiting)
