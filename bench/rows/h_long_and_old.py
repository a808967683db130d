"""h. Does it stay flat? A long workflow's last steps against a new one's first, and all beside a million old runs.

All values are quotients within one system: 1 is flat.
"""

import asyncio
from collections.abc import Callable
from statistics import median
from typing import Any

from bench import meter
from bench.lab import Lab
from bench.peers.tables import fill_with_finished_runs
from bench.protocol import Answer, Child
from bench.rows.row import Metric, Row, Sample

WARM_UP_STEPS = 50
FEW_RUNS = 120
LISTED = 100
NEAR = 500  # steps around "step 10" and "step 10,000"
FLAT = 1.3


def make_model(child: Child) -> None:
    """One finished one-step run, to be copied."""

    async def run() -> None:
        async with child.peer.serving_async():
            await child.peer.one_step_async(1)

    child.peer.configure(child.url)
    asyncio.run(run())
    child.answer({})


def measure_long(child: Child) -> None:
    """The p50 of a long run's last steps, and of the steps after step 10 of a run that begins right then.

    Its own first steps lie seconds back, in which a shared disk's pace changes by more than what is looked for.
    """
    values: dict[str, float] = {}

    async def run() -> None:
        async with child.peer.serving_async():
            await _chain(child)
            values["last"] = median(meter.latencies[-NEAR:]) * 1e3
            meter.latencies.clear()
            await child.peer.chain_async(10 + NEAR)
            values["first"] = median(meter.latencies[10:]) * 1e3

    child.peer.configure(child.url)
    asyncio.run(run())
    child.answer(values)


def measure_lists(child: Child) -> None:
    """The p50 of steps and of some lists, on whatever the database holds."""
    values: dict[str, float] = {}
    failures = 0

    def time_lists() -> None:
        nonlocal failures
        for key, listing, expected in (
            ("newest", child.peer.list_newest, range(LISTED, LISTED + 1)),
            ("named", child.peer.list_named, range(LISTED, LISTED + 1)),
            ("rare", child.peer.list_rare, range(1, LISTED)),
            ("failed", child.peer.list_failed, range(1)),
        ):
            values[key], wrong = _time_list(listing, expected, child.params["calls"])
            failures += wrong

    async def run() -> None:
        async with child.peer.serving_async():
            await _chain(child)
            for number in range(child.params["fill"]):
                await child.peer.one_step_async(number)
            await asyncio.to_thread(time_lists)

    child.peer.configure(child.url)
    asyncio.run(run())
    values["step"] = median(meter.latencies) * 1e3
    child.answer(values, failures)


async def _chain(child: Child) -> None:
    await child.peer.chain_async(WARM_UP_STEPS)
    meter.latencies.clear()
    await child.peer.chain_async(child.params["steps"])


def _time_list(listing: Callable[[int], int], expected: range, calls: int) -> tuple[float, int]:
    """(p50 in milliseconds, how many calls listed something else than expected)."""
    taken, wrong = [], 0
    for _ in range(calls + 3):
        started = meter.now()
        wrong += listing(LISTED) not in expected
        taken.append(meter.now() - started)
    return median(taken[3:]) * 1e3, wrong


def sample(lab: Lab, system: str) -> Sample:
    taken = Sample()
    long = lab.child(system, f"{__name__}:measure_long", steps=lab.sizes.long_chain)
    lists: dict[str, Any] = {"steps": lab.sizes.latency_steps, "calls": lab.sizes.list_calls}
    fresh = lab.child(system, f"{__name__}:measure_lists", fill=FEW_RUNS, **lists)
    filled = _database_with_old_runs(lab, system)
    old = lab.child(system, f"{__name__}:measure_lists", url=filled, fill=0, **lists)
    for answer in (long, fresh, old):
        taken.take(Answer({}, answer.failures, answer.trouble))
    taken.values |= {f"{key} step of a long run (ms)": value for key, value in long.values.items()}
    for name, answer in (("few", fresh), ("many", old)):
        taken.values |= {f"{key} beside {name} runs (ms)": value for key, value in answer.values.items()}
    if "first" in long.values:
        taken.values["long"] = long.values["last"] / long.values["first"]
    for key in old.values.keys() & fresh.values.keys():
        taken.values[key] = old.values[key] / fresh.values[key]
    return taken


def _database_with_old_runs(lab: Lab, system: str) -> str:
    """Filled in the first round, used in all."""
    key = f"old runs of {system}"
    url = lab.kept(key)
    if url is None:
        url = lab.fresh_database(system)
        lab.keep(key, url)
        lab.child(system, f"{__name__}:make_model", url=url)
        fill_with_finished_runs(system, url, lab.sizes.finished_runs)
    return url


ROW = Row(
    "h",
    "growth: quotients, 1 is flat",
    (
        Metric("long", "last steps of a long workflow against first ones", "x", limit=FLAT),
        Metric("step", "a step beside many finished runs", "x", limit=FLAT),
        Metric("newest", "listing the newest 100, beside many", "x", limit=FLAT),
        Metric("named", "listing 100 of a name and status, beside many", "x", limit=FLAT),
        Metric("rare", "listing the few of another name, beside many", "x", limit=FLAT),
        Metric("failed", "listing the failed ones (none), beside many", "x", limit=FLAT),
    ),
    sample,
)
