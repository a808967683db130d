"""f. Sleeping workflows: what 10,000 of them cost in memory and threads, and how long starting them takes."""

import asyncio
import gc
import threading
import time

import psutil

from bench.lab import Lab
from bench.peers import start_all
from bench.peers.tables import wait_for_count
from bench.protocol import Child
from bench.rows.row import Metric, Row, Sample
from bench.sizes import QUOTED_RUNS

NAP_SECONDS = 86_400.0
WARM_UP_RUNS = 20
SECOND_HALF = "memory of the second half (MB)"


def measure(child: Child) -> None:
    """Idle is measured after a warm-up that has brought every import, connection and helper thread."""
    runs, patience = int(child.params["runs"]), float(child.params["patience"])
    half = runs // 2

    async def asleep(wanted: int) -> int:
        return await asyncio.to_thread(wait_for_count, child.job.system, "asleep", child.url, wanted, patience / 2)

    async def run() -> None:
        async with child.peer.serving_async():
            for number in range(WARM_UP_RUNS):
                await child.peer.one_step_async(number)
            await asleep(0)
            idle_memory, idle_threads = _footprint()
            started = time.perf_counter()
            await start_all(child.peer, child.peer.nap_async, [NAP_SECONDS] * half)
            await asleep(half)
            half_memory, _ = _footprint()
            await start_all(child.peer, child.peer.nap_async, [NAP_SECONDS] * (runs - half))
            sleeping = await asleep(runs)
            taken = time.perf_counter() - started
            memory, threads = _footprint()
            values = {
                "memory": (memory - idle_memory) / 1e6,
                SECOND_HALF: (memory - half_memory) / 1e6,
                "threads": threads - idle_threads,
                "start": taken,
            }
            child.answer(values, runs - sleeping)
            await asyncio.Event().wait()  # the parent kills: nobody waits for 10,000 sleepers to be wound up

    child.peer.configure(child.url)
    asyncio.run(run())


def _footprint() -> tuple[int, int]:
    """(Resident bytes, threads) of this process."""
    gc.collect()
    return psutil.Process().memory_info().rss, threading.active_count()


def sample(lab: Lab, system: str) -> Sample:
    runs = lab.sizes.stepwell_sleepers if system == "stepwell" else lab.sizes.dbos_sleepers
    taken = Sample()
    patience = lab.sizes.child_timeout * 0.8
    taken.take(lab.child(system, f"{__name__}:measure", kill_after_answer=True, runs=runs, patience=patience))
    if runs < QUOTED_RUNS and SECOND_HALF in taken.values:
        # The first sleepers also pay for what is needed only once, so only the second half's cost is scaled.
        taken.values["memory"] += taken.values[SECOND_HALF] * (QUOTED_RUNS - runs) / (runs / 2)
        taken.scaled["memory"] = f"measured with {runs:,} runs, the second half scaled to {QUOTED_RUNS:,}"
    taken.scale("start", QUOTED_RUNS / runs, f"measured with {runs:,} runs, scaled to {QUOTED_RUNS:,}")
    return taken


ROW = Row(
    "f",
    "10,000 sleeping workflows",
    (
        Metric("memory", "memory over idle", "MB", limit=50),
        Metric("threads", "threads over idle", "", limit=0),
        Metric("start", "until all are asleep", "s", ratio=50),
    ),
    sample,
)
