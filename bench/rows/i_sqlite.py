"""i. Steps per second on SQLite, each system as it configures SQLite itself (Stepwell: synchronous FULL)."""

from bench import flood
from bench.lab import Lab
from bench.protocol import Child
from bench.rows.row import Metric, Row, Sample

TARGETS = {1: 5.0, 100: 100.0}


def measure(child: Child) -> None:
    flood.measure_async(child).answer_as(str(child.params["concurrency"]), child)


def sample(lab: Lab, system: str) -> Sample:
    taken = Sample()
    for concurrency in TARGETS:
        taken.take(
            lab.child(
                system,
                f"{__name__}:measure",
                url=lab.fresh_file(system),
                concurrency=concurrency,
                window=lab.sizes.flood_window,
            )
        )
    return taken


ROW = Row(
    "i",
    "steps per second on SQLite, concurrent async workflows",
    tuple(Metric(str(n), f"{n:,}", "/s", "higher", ratio) for n, ratio in TARGETS.items()),
    sample,
)
