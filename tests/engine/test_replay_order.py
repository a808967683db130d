"""Concurrency replays as it ran: the same order of outcomes, the same winners, whatever the timing of the replay."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import stepwell
from stepwell import Stepwell, step, workflow
from tests.engine.kit import Exits

TAGS = "abcdef"
REPLAYS = 6


class Turns:
    """Lets the bodies of steps end in a chosen order, each when the one before has ended."""

    def __init__(self, order: str) -> None:
        self.order = order
        self._events = {tag: asyncio.Event() for tag in order}
        self._events[order[0]].set()

    async def take(self, tag: str) -> None:
        await self._events[tag].wait()

    def give(self, tag: str) -> None:
        at = self.order.index(tag) + 1
        if at < len(self.order):
            self._events[self.order[at]].set()


turns: list[Turns] = []
bodies: list[str] = []
exits = Exits(0)


@step
async def turn(tag: str) -> str:
    await turns[0].take(tag)
    bodies.append(tag)
    turns[0].give(tag)
    return tag


@step
async def failing(tag: str) -> str:
    await turn(tag)
    raise LookupError(tag)


@step
async def endless(tag: str) -> str:
    await asyncio.Event().wait()
    return tag


@step
async def after(tag: str) -> str:
    bodies.append(tag)
    return tag


@step
async def leave() -> None:
    exits()


# -- what workflows do with several steps; each gives the decisions it came to -------------------------------


async def gather() -> list[Any]:
    return await asyncio.gather(*(turn(tag) for tag in TAGS))


async def gather_helpers() -> list[Any]:
    order: list[str] = []

    async def helper(tag: str) -> str:
        found = await turn(tag)
        order.append(found)
        second = await after(f"{tag}{len(order)}")
        order.append(second)
        return second

    return [await asyncio.gather(*(helper(tag) for tag in TAGS)), order]


async def task_group() -> list[Any]:
    order: list[str] = []

    async def helper(tag: str) -> None:
        order.append(await turn(tag))

    async with asyncio.TaskGroup() as group:
        for tag in TAGS:
            group.create_task(helper(tag))
    return order


async def task_group_that_fails() -> list[Any]:
    order: list[str] = []

    async def helper(tag: str) -> None:
        try:
            order.append(await (failing(tag) if tag == "c" else turn(tag)))
        except asyncio.CancelledError:
            order.append(f"{tag} cancelled")
            raise

    try:
        async with asyncio.TaskGroup() as group:
            for tag in TAGS:
                group.create_task(helper(tag))
    except* LookupError as failed:
        order.append(f"{len(failed.exceptions)} failed")
    return order


async def as_completed() -> list[Any]:
    order = [await each for each in asyncio.as_completed([turn(tag) for tag in TAGS])]
    return [order, await after(f"after {order}")]


async def wait_first() -> list[Any]:
    pending = {asyncio.ensure_future(turn(tag)) for tag in TAGS}
    rounds = []
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        rounds.append(sorted(each.result() for each in done))
    return rounds


async def wait_first_and_cancel_the_rest() -> list[Any]:
    tasks = [asyncio.ensure_future(turn(tag)) for tag in TAGS]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for each in pending:
        each.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    winners = sorted(each.result() for each in done)
    return [winners, await after(f"after {winners}")]


async def first() -> list[Any]:
    index, found = await stepwell.aio.first(*(turn(tag) for tag in TAGS))
    return [index, found, await after(f"after {found}")]


async def wait_exception() -> list[Any]:
    tasks = [asyncio.ensure_future(failing(tag) if tag in "be" else turn(tag)) for tag in TAGS]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    found = [sorted(TAGS[tasks.index(each)] for each in group) for group in (done, pending)]
    await asyncio.gather(*pending, return_exceptions=True)
    return found


async def semaphore() -> list[Any]:
    """Two at a time: who is next depends on who came out."""
    limit = asyncio.Semaphore(2)
    order: list[str] = []

    async def helper(tag: str) -> None:
        async with limit:
            order.append(await after(f"{tag} in"))
            order.append(await after(f"{tag} out {len(order)}"))

    await asyncio.gather(*(helper(tag) for tag in TAGS))
    return order


async def queue() -> list[Any]:
    """Workers that take from a queue what others put there."""
    work: asyncio.Queue[str] = asyncio.Queue()
    done: list[str] = []

    async def producer(tag: str) -> None:
        await work.put(await turn(tag))

    async def consumer(name: int) -> None:
        while True:
            tag = await work.get()
            done.append(await after(f"{name}{tag}"))
            work.task_done()

    consumers = [asyncio.create_task(consumer(name)) for name in range(2)]
    await asyncio.gather(*(producer(tag) for tag in TAGS))
    await work.join()
    for each in consumers:
        each.cancel()
    return done


async def within_a_timeout() -> list[Any]:
    async with asyncio.timeout(30):
        return await asyncio.gather(*(asyncio.wait_for(turn(tag), 30) for tag in TAGS))


async def after_a_timeout() -> list[Any]:
    order: list[str] = []
    for tag in TAGS[:2]:
        try:
            async with asyncio.timeout(0.02):
                await endless(tag)
        except TimeoutError:
            order.append(await after(f"{tag} timed out"))
        try:
            await asyncio.wait_for(endless(tag), 0.01)
        except TimeoutError:
            order.append(await after(f"{tag} too slow"))
    return [order, await gather()]


async def shielded() -> list[Any]:
    return await asyncio.gather(*(asyncio.shield(turn(tag)) for tag in TAGS))


async def nested() -> list[Any]:
    order: list[str] = []

    async def inner(tag: str) -> str:
        found = await turn(tag)
        order.append(found)
        return found

    async def outer(tags: str) -> list[str]:
        return await asyncio.gather(*(inner(tag) for tag in tags))

    found = await asyncio.gather(outer(TAGS[:2]), outer(TAGS[2:4]), outer(TAGS[4:]))
    return [found, order]


async def mixed_values() -> list[Any]:
    async def helper(tag: str) -> list[Any]:
        return [str(stepwell.uuid4()), await turn(tag), stepwell.random(), await after(f"{tag}!")]

    return await asyncio.gather(*(helper(tag) for tag in TAGS))


async def sleeping() -> list[Any]:
    order: list[str] = []

    async def helper(tag: str, seconds: float) -> None:
        await stepwell.aio.sleep(seconds)
        order.append(tag)
        order.append(await after(f"{tag}{len(order)}"))

    delays = [0.03, 0.01, 0.02, 0.0, 0.015, 0.015]
    await asyncio.gather(*(helper(tag, delay) for tag, delay in zip(TAGS, delays, strict=True)))
    return order


SHAPES: list[Callable[[], Awaitable[list[Any]]]] = [
    gather,
    gather_helpers,
    task_group,
    task_group_that_fails,
    as_completed,
    wait_first,
    wait_first_and_cancel_the_rest,
    first,
    wait_exception,
    semaphore,
    queue,
    within_a_timeout,
    after_a_timeout,
    shielded,
    nested,
    mixed_values,
    sleeping,
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda each: each.__name__)
def test_replays_decide_as_the_first_execution_did(engine: Stepwell, shape: Callable[[], Awaitable[list[Any]]]) -> None:
    orders = [TAGS, TAGS[::-1]] + ["".join(random.Random(n).sample(TAGS, 6)) for n in range(2)]
    for order in orders:
        turns[:] = [Turns(order)]
        bodies.clear()
        exits.left = REPLAYS
        decisions: list[Any] = []

        @workflow(name="shape", replace=True, max_recoveries=100)
        async def shaped() -> str:
            decisions.append(await shape())
            await leave()
            return await after("the end")

        handle = shaped.sync.start()
        assert handle.result() == "the end", handle.status()
        assert len(decisions) == REPLAYS + 1
        assert all(each == decisions[0] for each in decisions), decisions
        ended = [each for each in bodies if each in TAGS]
        assert ended == list(order)[: len(ended)]
        assert len(bodies) == len(set(bodies))


def test_a_slow_replay_does_not_time_out_where_the_first_execution_did_not(engine: Stepwell) -> None:
    """`asyncio.timeout` counts real time; but what is recorded has happened in time."""
    turns[:] = [Turns(TAGS)]
    exits.left = 3
    slow = False
    decisions: list[Any] = []

    @workflow(name="slow replay", replace=True)
    async def flow() -> None:
        nonlocal slow
        found = []
        try:
            async with asyncio.timeout(0.2):
                if slow:
                    time.sleep(0.3)
                found.append(await asyncio.create_task(turn("a")))
                found.append(await asyncio.wait_for(turn("b"), 5))
        except TimeoutError:
            found.append("timed out")
        decisions.append(found)
        slow = True
        await leave()

    flow.sync.start().result()
    assert decisions == [["a", "b"]] * 4
