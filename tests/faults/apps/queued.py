"""Serves queues with every kind of limit, with runs that take a moment."""

import asyncio
import time

from stepwell import step, workflow
from tests.faults.kit.child import effect, make_engine, obey

WORK_SECONDS = 0.1


@step
def work(run: str) -> str:
    """Leaves a trace and takes a moment."""
    effect(run)
    time.sleep(WORK_SECONDS)
    return run


@workflow
def job(run: str) -> str:
    """On a thread."""
    return work(run)


@workflow
async def job_async(run: str) -> str:
    """On the loop."""
    first = await work.aio(run)
    await asyncio.sleep(0)
    return first


if __name__ == "__main__":
    obey(make_engine())
