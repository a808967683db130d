"""a. How long one step takes in a running workflow: a chain of small steps, one after the other."""

import asyncio
from statistics import median

from bench import meter
from bench.lab import Lab
from bench.protocol import Child
from bench.rows.row import Metric, Row, Sample

WARM_UP_STEPS = 50


def measure_sync(child: Child) -> None:
    child.peer.configure(child.url)
    with child.peer.serving():
        child.peer.chain(WARM_UP_STEPS)
        meter.latencies.clear()
        child.peer.chain(child.params["steps"])
    child.answer({"sync": median(meter.latencies) * 1e3})


def measure_async(child: Child) -> None:
    async def run() -> None:
        async with child.peer.serving_async():
            await child.peer.chain_async(WARM_UP_STEPS)
            meter.latencies.clear()
            await child.peer.chain_async(child.params["steps"])

    child.peer.configure(child.url)
    asyncio.run(run())
    child.answer({"async": median(meter.latencies) * 1e3})


def sample(lab: Lab, system: str) -> Sample:
    taken = Sample()
    for colour in ("sync", "async"):
        taken.take(lab.child(system, f"{__name__}:measure_{colour}", steps=lab.sizes.latency_steps))
    return taken


ROW = Row(
    "a",
    "one step in a running workflow, p50",
    (
        Metric("sync", "def", "ms", ratio=5),
        Metric("async", "async def", "ms", ratio=5),
    ),
    sample,
)
