"""j. Messages from another process: how long one is under way, how many one run takes, how long it takes to wake many.

The receiving workflows run in the child that measures; what is sent to them comes from a process of its own, through
the client that each system has for that. Both read the machine's monotonic clock, which is the same for all processes.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench import meter
from bench.lab import Lab
from bench.peers import load_peer
from bench.protocol import Child
from bench.rows.row import Metric, Row, Sample

ROOT = Path(__file__).resolve().parents[2]
#: Between two messages whose latency is measured: their receiver waits already.
PAUSE_SECONDS = 0.03
#: What is sent at once by the sender when nobody measures single messages.
AT_ONCE = 64


def measure(child: Child) -> None:
    """All three, one after the other, on one database."""
    single, flood, woken = (int(child.params[name]) for name in ("single", "flood", "woken"))
    patience = float(child.params["patience"])
    values: dict[str, float] = {}
    lost = 0

    async def run() -> None:
        nonlocal lost
        async with child.peer.serving_async():
            warm = await _received(child, [3], PAUSE_SECONDS, patience)
            lost += warm[1]
            meter.latencies.clear()
            _, missing = await _received(child, [single], PAUSE_SECONDS, patience)
            lost += missing
            values["latency"] = statistics.median(meter.latencies) if meter.latencies else 0.0
            taken, missing = await _received(child, [flood], 0.0, patience)
            lost += missing
            values["flood"] = flood / taken
            taken, missing = await _received(child, [1] * woken, 0.0, patience)
            lost += missing
            values["woken"] = taken

    child.peer.configure(child.url)
    asyncio.run(run())
    child.answer({} if lost else values, lost, f"{lost} messages were not received" if lost else "")


def measure_polling(child: Child) -> None:
    """Single messages to a process that does not LISTEN."""
    values: dict[str, float] = {}

    async def run() -> int:
        async with child.peer.serving_async():
            _, lost = await _received(child, [int(child.params["single"])], PAUSE_SECONDS, child.params["patience"])
            values["polling"] = statistics.median(meter.latencies) if meter.latencies else 0.0
            return lost

    child.peer.configure(child.url, listen=False)
    lost = asyncio.run(run())
    child.answer({} if lost else values, lost, f"{lost} messages were not received" if lost else "")


async def _received(child: Child, counts: list[int], pause: float, patience: float) -> tuple[float, int]:
    """Start a receiver for each count, have its messages sent; (seconds, messages that did not arrive)."""
    peer = child.peer
    meter.passed.clear()
    already = len(meter.latencies)
    ids = [peer.id_of(await peer.start_async(peer.hear_async, count)) for count in counts]
    await asyncio.sleep(0.5)  # until they wait
    job = {"system": child.job.system, "url": child.url, "pause": pause, "to": list(zip(ids, counts, strict=True))}
    sender = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.rows.j_messages", stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert sender.stdin is not None
    assert sender.stdout is not None
    sender.stdin.write(json.dumps(job).encode() + b"\n")
    await sender.stdout.readline()  # it is connected
    began = time.perf_counter()
    sender.stdin.write(b"go\n")
    await meter.until(lambda: len(meter.passed) >= len(counts), patience)
    taken = time.perf_counter() - began
    sender.stdin.close()
    await sender.wait()
    return taken, sum(counts) - (len(meter.latencies) - already)


async def _send() -> None:
    """The other process."""
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    peer = load_peer(job["system"])
    async with peer.sending(job["url"]) as send:
        print("connected", flush=True)
        sys.stdin.readline()
        messages = [to for to, count in job["to"] for _ in range(count)]
        if job["pause"]:
            for to in messages:
                await asyncio.sleep(job["pause"])
                await send(to, meter.now())
            return
        for first in range(0, len(messages), AT_ONCE):
            await asyncio.gather(*(send(to, meter.now()) for to in messages[first : first + AT_ONCE]))


def sample(lab: Lab, system: str) -> Sample:
    sizes = lab.sizes
    mine = system == "stepwell"
    flood = sizes.stepwell_messages if mine else sizes.dbos_messages
    woken = sizes.stepwell_woken if mine else sizes.dbos_woken
    taken = Sample()
    patience = sizes.child_timeout * 0.4
    taken.take(
        lab.child(
            system, f"{__name__}:measure", single=sizes.single_messages, flood=flood, woken=woken, patience=patience
        )
    )
    taken.scale(
        "woken", sizes.stepwell_woken / woken, f"measured with {woken:,} runs, scaled to {sizes.stepwell_woken:,}"
    )
    taken.take(lab.child(system, f"{__name__}:measure_polling", single=sizes.single_messages, patience=patience))
    # Stepwell as it is by default, against DBOS where it polls.
    which = "latency" if mine else "polling"
    if which in taken.values:
        taken.values["against_polling"] = taken.values[which]
    return taken


ROW = Row(
    "j",
    "messages from another process",
    (
        Metric("latency", "send to received, p50", "s", ratio=2),
        Metric("against_polling", "the same; DBOS without LISTEN, where it polls", "s", ratio=30),
        Metric("polling", "the same, both without LISTEN", "s"),
        Metric("flood", "messages per second to one run", "/s", better="higher", ratio=5),
        Metric("woken", "1,000 waiting runs, one message each", "s", ratio=5),
    ),
    sample,
)

if __name__ == "__main__":
    asyncio.run(_send())
