"""c. A whole run: started, one step, finished, its result awaited by the caller."""

import asyncio
from statistics import median

from bench import meter
from bench.lab import Lab
from bench.protocol import Child
from bench.rows.row import Metric, Row, Sample

WARM_UP_RUNS = 30


def measure_sync(child: Child) -> None:
    child.peer.configure(child.url)
    taken: list[float] = []
    with child.peer.serving():
        for number in range(WARM_UP_RUNS + child.params["runs"]):
            started = meter.now()
            child.peer.one_step(number)
            taken.append(meter.now() - started)
    child.answer({"sync": median(taken[WARM_UP_RUNS:]) * 1e3})


def measure_async(child: Child) -> None:
    taken: list[float] = []

    async def run() -> None:
        async with child.peer.serving_async():
            for number in range(WARM_UP_RUNS + child.params["runs"]):
                started = meter.now()
                await child.peer.one_step_async(number)
                taken.append(meter.now() - started)

    child.peer.configure(child.url)
    asyncio.run(run())
    child.answer({"async": median(taken[WARM_UP_RUNS:]) * 1e3})


def sample(lab: Lab, system: str) -> Sample:
    taken = Sample()
    for colour in ("sync", "async"):
        taken.take(lab.child(system, f"{__name__}:measure_{colour}", runs=lab.sizes.one_step_runs))
    return taken


ROW = Row(
    "c",
    "a one-step workflow, start to awaited result, p50",
    (
        Metric("sync", "def", "ms", ratio=4),
        Metric("async", "async def", "ms", ratio=4),
    ),
    sample,
)
