"""Workflows that do ten things at once, and children of this process that die at a given moment of them.

A moment ("tick") is: a body begins, a body ends, the workflow goes on after a step. `python -m ... die` forks
one child per moment given; each runs one workflow and kills itself at its moment.
"""

import asyncio
import os
import signal
import sys

from stepwell import step, workflow
from tests.faults.kit.child import effect, make_engine, obey, say

WIDTH = 10


class Fuse:
    """Counts moments; at the last one the process is gone, as by SIGKILL from outside."""

    left = -1  # burns for ever

    @classmethod
    def tick(cls) -> None:
        """One moment."""
        cls.left -= 1
        if cls.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


@step
async def work(run: str, number: int, part: int) -> int:
    """Takes a different time each, so that the order of ends is not the order of begins."""
    effect(run, number, part)
    Fuse.tick()
    await asyncio.sleep(0.001 * ((number * 7 + part * 3) % 10))
    Fuse.tick()
    return number * 10 + part


async def helper(run: str, number: int, order: list[int]) -> int:
    """Three steps in a row; `order` sees them end."""
    total = 0
    for part in range(3):
        total += await work(run, number, part)
        order.append(number * 10 + part)
        Fuse.tick()
    return total


@workflow
async def ten_steps(run: str) -> list[int]:
    """Ten steps at once, then one more."""
    found = list(await asyncio.gather(*(work(run, number, 0) for number in range(WIDTH))))
    Fuse.tick()
    return [*found, await work(run, WIDTH, 0)]


@workflow
async def ten_helpers(run: str) -> list[list[int]]:
    """Ten helper coroutines of three steps each; the result says in which order the steps ended."""
    order: list[int] = []
    totals = await asyncio.gather(*(helper(run, number, order) for number in range(WIDTH)))
    return [list(totals), order]


async def perish(name: str, tick: int) -> None:
    """Run one workflow up to this moment of it."""
    run = f"{name}-{tick}"
    async with make_engine(drain=0.1):
        Fuse.left = tick
        if name == "steps":
            await ten_steps.options(id=run)(run)
        else:
            await ten_helpers.options(id=run)(run)


def fork(moments: list[str]) -> None:
    """One child per moment; says how many died of their fuse."""
    children = []
    for moment in moments:
        name, tick = moment.split("-")
        pid = os.fork()
        if pid == 0:
            asyncio.run(perish(name, int(tick)))
            os._exit(0)
        children.append(pid)
    statuses = [os.waitpid(pid, 0)[1] for pid in children]
    say("died", sum(os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL for status in statuses))


if __name__ == "__main__":
    fork(sys.argv[1:]) if sys.argv[1:] else obey(make_engine())
