"""q. Queues: how fast runs get in, how fast processes take them out, and how long one is on its way.

The enqueuing process executes nothing. What is on its way is a run of one step; PgQueuer's is a bare job.
"""

import asyncio
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench import meter
from bench.lab import Lab
from bench.peers import PGQUEUER, QUEUE, load_peer
from bench.peers.tables import Lookout, count, fill_with_finished_runs
from bench.protocol import Child
from bench.rows.row import Metric, Row, Sample

ROOT = Path(__file__).resolve().parents[2]
#: Between two runs whose time to start is measured: the system is idle.
PAUSE_SECONDS = 0.1
#: Between two looks whether all is done.
LOOK_SECONDS = 0.02


def measure_in(child: Child) -> None:
    """Enqueue singly, one after the other, and in bulk; nobody executes."""
    single, bulk = int(child.params["single"]), int(child.params["bulk"])
    values: dict[str, float] = {}

    async def run() -> None:
        async with child.peer.producing(child.url) as producer:
            for number in range(10):
                await producer.one(number)
            began = meter.now()
            for number in range(single):
                await producer.one(number)
            values["single"] = single / (meter.now() - began)
            began = meter.now()
            await producer.many(range(bulk))
            values["bulk"] = bulk / (meter.now() - began)

    child.peer.configure(child.url, queue=True)
    if child.job.system != PGQUEUER:
        asyncio.run(_serve_briefly(child.job.system, child.url))
        child.peer.configure(child.url, queue=True)
    asyncio.run(run())
    child.answer(values)


async def _serve_briefly(system: str, url: str) -> None:
    """So that the tables are there."""
    async with load_peer(system).serving_async():
        await asyncio.sleep(0)


def measure_out(child: Child) -> None:
    """Execute all that is enqueued, with other processes beside this one."""
    others, runs = int(child.params["others"]), int(child.params["runs"])
    taken = [0.0]

    async def run() -> int:
        workers = [await _worker(child) for _ in range(others)]
        lookout = Lookout(child.job.system, child.url)
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write(b"go\n")
        async with child.peer.serving_async():
            began = meter.now()
            deadline = began + float(child.params["patience"])
            more = True
            while more and meter.now() < deadline:
                await asyncio.sleep(LOOK_SECONDS)
                more = await asyncio.to_thread(lookout.more)
            taken[0] = meter.now() - began
        lookout.close()
        left = count(child.job.system, "unfinished", child.url)
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.close()
            await worker.wait()
        return left

    child.peer.configure(child.url, queue=True)
    left = asyncio.run(run())
    key = str(child.params["key"])
    child.answer({} if left else {key: runs / taken[0]}, left, f"{left} runs were not executed" if left else "")


async def _worker(child: Child) -> asyncio.subprocess.Process:
    worker = await _process({"role": "worker", "system": child.job.system, "url": child.url})
    assert worker.stdout is not None
    await worker.stdout.readline()  # it is ready to launch
    return worker


def measure_pick_up(child: Child) -> None:
    """One run at a time, from another process: from before it is enqueued until its body runs."""
    times = int(child.params["times"])

    async def run() -> int:
        async with child.peer.serving_async():
            await asyncio.sleep(1.5)  # until it is idle
            job = {"role": "producer", "system": child.job.system, "url": child.url, "times": times + 3}
            producer = await _process(job)
            await meter.until(lambda: len(meter.latencies) >= times + 3, float(child.params["patience"]))
            assert producer.stdin is not None
            producer.stdin.close()
            await producer.wait()
        return times + 3 - len(meter.latencies)

    child.peer.configure(child.url, queue=True)
    lost = asyncio.run(run())
    values = {} if lost else {child.params["key"]: statistics.median(meter.latencies[3:]) * 1e3}
    child.answer(values, lost, f"{lost} runs did not start" if lost else "")


def fill(child: Child) -> None:
    """Enqueue runs, for somebody else to execute."""

    async def run() -> None:
        async with child.peer.producing(child.url, str(child.params.get("queue", QUEUE))) as producer:
            await producer.many(range(int(child.params["runs"])))

    if child.job.system != PGQUEUER:
        child.peer.configure(child.url, queue=True)
        asyncio.run(_serve_briefly(child.job.system, child.url))
        child.peer.configure(child.url, queue=True)
    asyncio.run(run())
    child.answer({})


def make_model(child: Child) -> None:
    """One finished run, to be copied."""

    async def run() -> None:
        async with child.peer.serving_async():
            await child.peer.one_step_async(1)

    child.peer.configure(child.url, queue=True)
    asyncio.run(run())
    child.answer({})


async def _process(job: dict[str, Any]) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.rows.q_queues", stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(job).encode() + b"\n")
    return process


async def _other() -> None:
    """The other process."""
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    peer = load_peer(job["system"])
    if job["role"] == "producer":
        async with peer.producing(job["url"]) as producer:
            for _ in range(job["times"]):
                await asyncio.sleep(PAUSE_SECONDS)
                await producer.arrive(meter.now())
        return
    peer.configure(job["url"], queue=True)
    print("ready", flush=True)
    sys.stdin.readline()
    async with peer.serving_async():
        await asyncio.to_thread(sys.stdin.readline)  # until it is closed


def sample_shared(lab: Lab, system: str) -> Sample:
    """What both rows show."""
    sizes = lab.sizes
    taken = Sample()
    taken.take(lab.child(system, f"{__name__}:measure_in", single=sizes.enqueued_singly, bulk=_runs(lab, system)))
    for others, key in ((0, "one"), (1, "two")):
        _measure_out(lab, system, taken, lab.fresh_database(system), key, others=others)
    _measure_pick_up(lab, system, taken, lab.fresh_database(system), "start", waiting=0)
    return taken


def sample(lab: Lab, system: str) -> Sample:
    taken = sample_shared(lab, system)
    old = lab.kept(f"finished runs of {system}")
    if old is None:
        old = lab.fresh_database(system)
        lab.keep(f"finished runs of {system}", old)
        lab.child(system, f"{__name__}:make_model", url=old)
        fill_with_finished_runs(system, old, lab.sizes.finished_runs)
    _measure_pick_up(lab, system, taken, old, "old")
    _measure_out(lab, system, taken, old, "old_out")
    if system == "stepwell":
        _measure_pick_up(lab, system, taken, lab.fresh_database(system), "waiting", waiting=lab.sizes.waiting_runs)
    return taken


def _runs(lab: Lab, system: str) -> int:
    return lab.sizes.dbos_enqueued if system == "dbos" else lab.sizes.stepwell_enqueued


def _measure_out(lab: Lab, system: str, taken: Sample, url: str, key: str, *, others: int = 0) -> None:
    runs = _runs(lab, system)
    how: dict[str, Any] = {"key": key, "runs": runs, "others": others, "patience": _patience(lab)}
    lab.child(system, f"{__name__}:fill", url=url, runs=runs)
    taken.take(lab.child(system, f"{__name__}:measure_out", url=url, **how))


def _measure_pick_up(lab: Lab, system: str, taken: Sample, url: str, key: str, *, waiting: int | None = None) -> None:
    """`waiting`: so many runs wait in a queue that nobody serves; None: the database is filled already."""
    if waiting is not None:
        lab.child(system, f"{__name__}:fill", url=url, runs=waiting, queue="elsewhere")
    how: dict[str, Any] = {"key": key, "times": 30, "patience": _patience(lab)}
    taken.take(lab.child(system, f"{__name__}:measure_pick_up", url=url, **how))


def _patience(lab: Lab) -> float:
    return lab.sizes.child_timeout * 0.8


_SHARED = (
    Metric("single", "enqueue, one after the other", "/s", better="higher", ratio=3),
    Metric("bulk", "enqueue in bulk", "/s", better="higher", ratio=40),
    Metric("one", "enqueued to finished, 1 process", "/s", better="higher", ratio=15),
    Metric("two", "enqueued to finished, 2 processes", "/s", better="higher"),
    Metric("start", "enqueue to start on an idle system, p50", "ms", limit=10),
)

ROW = Row(
    "q",
    "queues: runs of one step",
    (
        *_SHARED,
        Metric("old", "the same beside many finished runs", "ms", limit=10),
        Metric("waiting", "the same beside many that wait in a second queue", "ms", limit=10),
        Metric("old_out", "enqueued to finished, 1 process, beside many finished", "/s", better="higher", ratio=15),
    ),
    sample,
)

ROW_PGQUEUER = Row(
    "p",
    "queues, beside PgQueuer 1.6 in the place of DBOS: its bare jobs",
    tuple(Metric(m.key, m.title, m.unit, m.better, ratio=1 if m.key == "one" else None) for m in _SHARED),
    sample_shared,
    instead=PGQUEUER,
)

if __name__ == "__main__":
    asyncio.run(_other())
