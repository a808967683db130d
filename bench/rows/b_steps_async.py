"""b. Steps per second of concurrent `async def` workflows in one process."""

from bench import flood
from bench.lab import Lab
from bench.protocol import Child
from bench.rows.row import Metric, Row, Sample

TARGETS = {1: 4.0, 10: 20.0, 100: 100.0, 1000: 120.0}


def measure(child: Child) -> None:
    flood.measure_async(child).answer_as(str(child.params["concurrency"]), child)


def sample(lab: Lab, system: str) -> Sample:
    taken = Sample()
    for concurrency in TARGETS:
        task = f"{__name__}:measure"
        taken.take(lab.child(system, task, concurrency=concurrency, window=lab.sizes.flood_window))
    return taken


ROW = Row(
    "b",
    "steps per second, concurrent async workflows",
    tuple(Metric(str(n), f"{n:,}", "/s", "higher", ratio) for n, ratio in TARGETS.items()),
    sample,
)
