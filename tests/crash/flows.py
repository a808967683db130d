"""Small workflows for crashing at every point: steps, a retried one, a child, a sleep, branches; in both colours."""

import asyncio

import stepwell
from stepwell import step, workflow


class NotYet(Exception):
    """The first attempts of a step that is retried."""


@step
async def slow(n: int) -> int:
    await asyncio.sleep(1)
    return n + 1


@step(retry=2)
async def third_time(n: int) -> int:
    if stepwell.current().attempt < 3:
        raise NotYet(f"attempt for {n}")
    return n * 2


@step
async def quick(n: int) -> int:
    return n * 2


@workflow
async def small(n: int) -> int:
    return await slow(await quick(n))


@workflow
async def everything(n: int) -> int:
    a = await slow(n)
    b = await third_time(a)
    await stepwell.aio.sleep(3)
    c = await small(b)
    return sum(await asyncio.gather(*(quick(c + i) for i in range(3))))


@workflow
async def failing(n: int) -> int:
    try:
        await small(n)
        raise NotYet("on purpose")
    finally:
        await quick(n)


@step
def plus(n: int) -> int:
    return n + 1


@step(retry=1)
def second_time(n: int) -> int:
    if stepwell.current().attempt < 2:
        raise NotYet(f"attempt for {n}")
    return n * 2


@workflow
def small_in_thread(n: int) -> int:
    return plus(plus(n))


@workflow
def everything_in_threads(n: int) -> int:
    a = second_time(plus(n))
    stepwell.sleep(3)
    b = small_in_thread(a)
    stepwell.sleep(8)  # parks
    c = small.sync(small_in_thread.start(b).result())
    return sum(plus.map([c, c + 1]))


# -- wrong ones ---------------------------------------------------------------------------------------------------

outside: list[int] = []


@workflow
async def forgetful(n: int) -> int:
    """Keeps something outside its steps: after a crash it is another run."""
    outside.append(n)
    return await quick(len(outside))


@workflow
async def by_the_clock(n: int) -> int:
    """Does what the process's clock says, so a replay does something else."""
    if asyncio.get_running_loop().time() < 1010:
        await slow(n)
    return await quick(n)
