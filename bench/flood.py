"""Steps per second: many workflows that do nothing but steps, counted over a window in which all are running.

The window begins when every workflow has returned from its first step, so starting them is not part of
it, and ends before the first one finishes. Afterwards the recorded steps are counted in the tables: a step
that was counted and is not there is a failure.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import meter
from bench.peers import POOL
from bench.peers.tables import count
from bench.protocol import Child

WARM_UP_STEPS = 30
SETTLE_SECONDS = 0.3
START_PATIENCE_SECONDS = 30.0
END_PATIENCE_SECONDS = 60.0
SPARE_CONNECTIONS = 10

#: Called with the number of steps so far, at the window's beginning and end.
Boundary = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Flood:
    """Steps per second over the window, and what went wrong in the whole run."""

    rate: float
    failures: int
    trouble: str

    def answer_as(self, metric: str, child: Child) -> None:
        child.answer({metric: self.rate}, self.failures, self.trouble)


def measure_async(child: Child, boundary: Boundary = lambda steps: None) -> Flood:
    """`concurrency` workflows on one loop."""
    concurrency = int(child.params["concurrency"])
    child.peer.configure(child.url)
    rate, outcomes = asyncio.run(_flood_async(child, concurrency, boundary))
    return _verdict(child, rate, outcomes)


async def _flood_async(child: Child, concurrency: int, boundary: Boundary) -> tuple[float, list[object]]:
    async with child.peer.serving_async():
        await child.peer.chain_async(WARM_UP_STEPS)
        meter.reset_counts(concurrency)
        runs = [asyncio.ensure_future(child.peer.flood_async(cell)) for cell in range(concurrency)]
        await meter.until(lambda: all(meter.counts), START_PATIENCE_SECONDS)
        await asyncio.sleep(SETTLE_SECONDS)
        window = _Window(boundary)
        await asyncio.sleep(child.params["window"])
        rate = window.close()
        meter.flooding[0] = False
        await asyncio.wait(runs, timeout=END_PATIENCE_SECONDS)
        return rate, [(run.exception() or run.result()) if run.done() else None for run in runs]


def measure_threads(child: Child) -> Flood:
    """`concurrency` `def` workflows, each called on a thread of its own."""
    concurrency = int(child.params["concurrency"])
    outcomes: list[object] = [None] * concurrency

    def call(cell: int) -> None:
        try:
            outcomes[cell] = child.peer.flood(cell)
        except Exception as error:
            outcomes[cell] = error

    # Threads that wait for a connection of a smaller pool starve in DBOS: some never take a step.
    child.peer.configure(child.url, pool=max(POOL, concurrency + SPARE_CONNECTIONS))
    with child.peer.serving():
        child.peer.chain(WARM_UP_STEPS)
        meter.reset_counts(concurrency)
        threads = [threading.Thread(target=call, args=(cell,), daemon=True) for cell in range(concurrency)]
        for thread in threads:
            thread.start()
        patience = time.monotonic() + START_PATIENCE_SECONDS
        while not all(meter.counts) and time.monotonic() < patience:
            time.sleep(0.05)
        time.sleep(SETTLE_SECONDS)
        window = _Window()
        time.sleep(child.params["window"])
        rate = window.close()
        meter.flooding[0] = False
        patience = time.monotonic() + END_PATIENCE_SECONDS
        for thread in threads:
            thread.join(max(0.0, patience - time.monotonic()))
    return _verdict(child, rate, outcomes)


class _Window:
    """From its creation to `close()`, which returns steps per second."""

    def __init__(self, boundary: Boundary = lambda steps: None) -> None:
        self._boundary = boundary
        self._steps = sum(meter.counts)
        boundary(self._steps)
        self._started = time.perf_counter()

    def close(self) -> float:
        steps, ended = sum(meter.counts), time.perf_counter()
        self._boundary(steps)
        return (steps - self._steps) / (ended - self._started)


def _verdict(child: Child, rate: float, outcomes: Sequence[object]) -> Flood:
    """Failed are runs that raised, did not end or never took a step, and steps that are not in the tables."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    ended = [cell for cell, outcome in enumerate(outcomes) if isinstance(outcome, int)]
    recorded = count(child.job.system, "steps", child.url)
    wrong = {
        f"runs raised, the first {errors[0]!r:.300}" if errors else "": len(errors),
        "runs did not end in time": sum(outcome is None for outcome in outcomes),
        "runs never took a step": sum(meter.counts[cell] == 0 for cell in ended),
        "steps returned and are not recorded": sum(meter.counts) - recorded,
    }
    found = {what: number for what, number in wrong.items() if number > 0}
    return Flood(rate, sum(found.values()), "; ".join(f"{number} {what}" for what, number in found.items()))
