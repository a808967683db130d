"""e. Recovery: a process is killed with many runs pending, ten steps recorded in each; another finishes them.

The new process starts as soon as the old one is dead. Two things are told apart: how long it takes until the
first run goes on, which is mostly how a death is noticed (Stepwell waits for the dead process's lease, DBOS takes
the runs of its own executor id at once and nobody else's ever), and the recovery itself from there on.
"""

import asyncio
import time
from typing import Any

from bench import meter
from bench.lab import Lab
from bench.peers import start_all
from bench.peers.tables import count, wait_for_count
from bench.protocol import Child
from bench.rows.row import Metric, Row, Sample
from bench.sizes import QUOTED_RUNS

STEPS = 10


def seed(child: Child) -> None:
    """Start the runs, wait until all their steps are recorded, say so, and hold until killed."""
    runs, patience = int(child.params["runs"]), float(child.params["patience"])
    system, url = child.job.system, child.url

    async def run() -> None:
        async with child.peer.serving_async():
            await start_all(child.peer, child.peer.ten_then_gate_async, range(runs))
            steps = await asyncio.to_thread(wait_for_count, system, "steps", url, runs * STEPS, patience)
            child.answer({}, runs * STEPS - steps)
            await asyncio.Event().wait()

    child.peer.configure(url)
    asyncio.run(run())


def recover(child: Child) -> None:
    """Launch, and wait until every run has passed the gate and then until every outcome is in the table."""
    runs, patience = int(child.params["runs"]), float(child.params["patience"])
    system, url = child.job.system, child.url
    meter.gate_open[0] = True
    left = runs
    first = taken = 0.0

    async def run() -> None:
        nonlocal left, first, taken
        started = time.perf_counter()
        async with child.peer.serving_async():
            await meter.until(lambda: bool(meter.passed), patience)
            first = time.perf_counter() - started
            await meter.until(lambda: len(meter.passed) >= runs, patience)
            left = await asyncio.to_thread(wait_for_count, system, "unfinished", url, 0, patience / 10)
            taken = time.perf_counter() - started

    child.peer.configure(url)
    asyncio.run(run())
    extra = abs(count(system, "steps", url) - runs * STEPS)
    wrong = {"runs without an outcome": left, "recorded steps too many or too few": extra}
    trouble = "; ".join(f"{number} {what}" for what, number in wrong.items() if number)
    child.answer({} if left else {"first": first, "rest": taken - first}, left + extra, trouble)


def sample(lab: Lab, system: str) -> Sample:
    runs = lab.sizes.stepwell_recovered if system == "stepwell" else lab.sizes.dbos_recovered
    taken = Sample()
    url = lab.fresh_database(system)
    params: dict[str, Any] = {"runs": runs, "patience": lab.sizes.child_timeout * 0.8}
    seeded = lab.child(system, f"{__name__}:seed", url=url, kill_after_answer=True, **params)
    taken.take(seeded)
    if not seeded.failures:
        taken.take(lab.child(system, f"{__name__}:recover", url=url, **params))
    lab.server.drop_database(url)
    taken.scale("rest", QUOTED_RUNS / runs, f"measured with {runs:,} runs, scaled to {QUOTED_RUNS:,}")
    if "rest" in taken.values:
        taken.values["time"] = taken.values["first"] + taken.values["rest"]
        taken.scaled |= {"time": taken.scaled["rest"]} if "rest" in taken.scaled else {}
    return taken


ROW = Row(
    "e",
    "recovery of 10,000 runs with 10 recorded steps each",
    (
        Metric("rest", "first run going on to last outcome", "s", ratio=100),
        Metric("first", "before: launch to first run going on", "s"),
        Metric("time", "both", "s"),
    ),
    sample,
)
