"""Workflows that use everything, and whose outcomes depend on nothing but their arguments."""

import asyncio
from typing import Any

import stepwell
from stepwell import step, workflow
from stepwell.core.definition import BoundCall
from stepwell.errors import StepInterrupted, WaitTimeout


class Refused(Exception):
    """What a failing workflow ends with."""


@step
async def add(a: int, b: int) -> int:
    return a + b


@step
async def slow(n: int) -> int:
    await asyncio.sleep(n % 5)
    return n


@step(retry=3)
async def third_time(n: int) -> int:
    if stepwell.current().attempt < 3:
        raise Refused(f"attempt for {n}")
    return n


@step(at_most_once=True)
async def once(n: int) -> int:
    await asyncio.sleep(1)
    return n


@step
async def refuse(n: int) -> int:
    raise Refused(f"no {n}")


@workflow
async def chain(n: int) -> int:
    """One thing after the other."""
    total = 0
    for i in range(n % 5 + 2):
        total = await add(total, await slow(i))
    return total


@workflow
async def sleeper(n: int) -> int:
    """Durable waits, short and long."""
    total = await add(n, 1)
    await stepwell.aio.sleep(0.5 + n % 7)
    total = await add(total, 1)
    await stepwell.aio.sleep(20 + n)
    return await add(total, 1)


@workflow
async def wide(n: int) -> list[int]:
    """Branches of several steps, and in what order they end is nobody's business."""

    async def branch(i: int) -> int:
        first = await slow(n + i)
        stepwell.uuid4()
        return await add(first, i)

    return list(await asyncio.gather(*(branch(i) for i in range(4)), *(add(n, i) for i in range(3))))


@workflow
async def race(n: int) -> int:
    """What comes first decides what is done next."""
    total = 0
    # Tasks: bare coroutines would be begun in the order of a set, another one in each process.
    runners = [asyncio.ensure_future(slow(n + i)) for i in range(3)]
    for next_one in asyncio.as_completed(runners):
        total = await add(total, await next_one)
    return total


@workflow
async def retried(n: int) -> int:
    """Attempts, with their pauses."""
    return await third_time(n) + await third_time(n + 1)


@workflow
async def failing(n: int) -> int:
    """Ends with an exception, after one that it has caught."""
    try:
        await refuse(n)
    except Refused:
        await add(n, 0)
    return await refuse(n + 1)


@workflow
async def careful(n: int) -> str:
    """A body that never runs twice, whatever becomes of it."""
    try:
        await once(n)
    except StepInterrupted:
        await add(n, 0)
    return f"done {n}"


@workflow
async def family(n: int) -> list[Any]:
    """Children that are called, and children that are started and awaited later."""
    handle = await chain.start(n)
    called = await retried(n)
    caught = ""
    try:
        await failing(n)
    except Refused as error:
        caught = str(error)
    return [await handle.result(), called, caught, await asyncio.gather(chain(n + 1), chain(n + 2))]


@workflow
async def tidy(n: int) -> int:
    """Cleans up when it is cancelled."""
    try:
        await slow(n)
        await stepwell.aio.sleep(15)
        return await add(n, 1)
    finally:
        await add(n, -1)


@workflow
async def timed(n: int) -> str:
    """A block whose time may be over, depending on how slow everything is."""
    try:
        async with stepwell.aio.timeout(4):
            await slow(n)
            await slow(n + 1)
    except WaitTimeout:
        await add(n, 0)
    return f"timed {n}"


@workflow
async def impatient(n: int) -> int:
    """Waits for another run, not long enough and then long enough."""
    handle = await sleeper.start(n)
    try:
        await handle.result(timeout=2)
    except WaitTimeout:
        await add(n, 0)
    return await handle.result()


@workflow
async def together(n: int) -> str:
    """Siblings that are interrupted when one of them fails."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(slow(3))
            group.create_task(chain(n))
            group.create_task(refuse(n))
    except* Refused:
        await add(n, 0)
    index, _ = await stepwell.aio.first(slow(n), slow(n + 1), stepwell.aio.sleep(2))
    return f"together {index >= 0}"


@step
async def compare(a: str, b: str) -> bool:
    return a == b


@workflow
async def remembering(n: int) -> bool:
    """What was drawn once stays, on both sides of a crash."""
    drawn = f"{stepwell.uuid4()} {stepwell.random()} {stepwell.now()}"
    first = await compare(drawn, drawn)
    if stepwell.patched("sleeps in between"):
        await stepwell.aio.sleep(5)
    return first and await compare(drawn, drawn)


KINDS = (
    chain, sleeper, wide, race, retried, failing, careful, family, tidy, timed, impatient, together, remembering,
)  # fmt: skip


def calls(count: int) -> list[BoundCall[Any]]:
    """So many runs of all kinds, some of them with options."""
    every = [KINDS[n % len(KINDS)] for n in range(count)]
    return [
        (fn.options(delay=n % 11) if n % 9 == 4 else fn.options(timeout=20) if n % 13 == 8 else fn).bind(n)
        for n, fn in enumerate(every)
    ]


# -- def workflows, on threads -------------------------------------------------------------------------------


@step
def plus(a: int, b: int) -> int:
    return a + b


@step(retry=2)
def second_time(n: int) -> int:
    if stepwell.current().attempt < 2:
        raise Refused(f"attempt for {n}")
    return n


@workflow
def steps(n: int) -> int:
    total = 0
    for i in range(n % 4 + 2):
        total = plus(total, i)
    return total + second_time(n)


@workflow
def parking(n: int) -> int:
    """Gives its thread back, twice."""
    total = plus(n, 1)
    stepwell.sleep(6 + n % 5)
    total = plus(total, 1)
    stepwell.sleep(20)
    return plus(total, 1)


@workflow
def many(n: int) -> list[int]:
    """Steps on other threads."""
    futures = [plus.submit(n, i) for i in range(3)]
    return [future.result() for future in futures]


@workflow
def parent(n: int) -> list[int]:
    """Children of both colours, called and started."""
    handle = parking.start(n)
    called = steps(n)
    other = chain.sync(n)
    return [called, other, handle.result()]


DEF_KINDS = (steps, parking, many, parent)


def def_calls(count: int) -> list[BoundCall[Any]]:
    """The same for `def` workflows."""
    return [DEF_KINDS[n % len(DEF_KINDS)].bind(n) for n in range(count)]
