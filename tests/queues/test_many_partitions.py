"""A queue with thousands of partitions that are all full, in engines that look once a minute."""

import asyncio
import time

from stepwell import Queue, workflow
from tests.engine.kit import Lab, eventually

FULL = 3000


@workflow(name="many_partitions_holds")
async def holds(number: int) -> int:
    """Until its engine is closed."""
    await asyncio.Event().wait()
    return number


@workflow(name="many_partitions_quick")
async def quick(number: int) -> int:
    return number


def test_the_run_of_a_free_partition_starts_at_once(lab: Lab) -> None:
    engine = lab.launch(poll_interval=60.0, sweep_interval=60.0, lease=180.0)
    engine.queues.create(Queue("crowded", partition_concurrency=1))
    calls = [holds.options(partition=f"p{number % FULL:05}").bind(number) for number in range(2 * FULL)]
    holds.sync.options(engine=engine, queue="crowded").start_many(calls)
    eventually(lambda: engine.queues.get("crowded").running == FULL, "all partitions to be full")
    for partition in ("a", "p00500x", "p01500x", "p02500x", "z"):
        began = time.monotonic()
        started = quick.sync.options(engine=engine, queue="crowded", partition=partition).start(1)
        assert started.result(timeout=20) == 1
        assert time.monotonic() - began < 5
