"""b'. Steps per second of concurrent `def` workflows, each called on a thread of its own."""

from bench import flood
from bench.lab import Lab
from bench.protocol import Child
from bench.rows.row import Metric, Row, Sample

TARGETS = {1: 5.0, 64: 30.0, 200: 35.0}


def measure(child: Child) -> None:
    flood.measure_threads(child).answer_as(str(child.params["concurrency"]), child)


def sample(lab: Lab, system: str) -> Sample:
    taken = Sample()
    for concurrency in TARGETS:
        task = f"{__name__}:measure"
        taken.take(lab.child(system, task, concurrency=concurrency, window=lab.sizes.flood_window))
    return taken


ROW = Row(
    "b'",
    "steps per second, def workflows on threads",
    tuple(Metric(str(n), f"{n:,}", "/s", "higher", ratio) for n, ratio in TARGETS.items()),
    sample,
)
