"""A service under a rolling deploy: short runs, long ones of many small steps, ones that wait, ones in a long step."""

import time

from stepwell import sleep, step, workflow
from tests.faults.kit.child import effect, make_engine, role, say


@step
def tick(run: str, number: int) -> int:
    """One of many."""
    effect(run, number)
    time.sleep(0.02)
    return number


@step
def long_step(run: str) -> str:
    """Longer than anybody drains, in the process that is to leave."""
    effect(run, "long")
    say("in the long step")
    time.sleep(60 if role() == "old" else 0)
    return role()


@workflow
def short(run: str) -> int:
    """Ends within a drain."""
    return sum(tick(run, number) for number in range(10))


@workflow
def many(run: str) -> int:
    """Outlives a deploy."""
    return sum(tick(run, number) for number in range(150))


@workflow
def waits(run: str) -> int:
    """Waits with a thread."""
    first = tick(run, 0)
    sleep(3)
    return first + tick(run, 1)


@workflow
async def waits_async(run: str) -> int:
    """Waits on the loop."""
    from stepwell import aio

    first = await tick.aio(run, 0)
    await aio.sleep(3)
    return first + await tick.aio(run, 1)


@workflow
def stuck(run: str) -> str:
    """In a step that does not end in time."""
    return long_step(run)


if __name__ == "__main__":
    make_engine(drain=1.0).run()
    say("left")
