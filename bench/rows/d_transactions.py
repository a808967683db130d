"""d. Transaction steps: one INSERT into a table of the user's, committed with its outcome; here and elsewhere.

Both run in READ COMMITTED. DBOS's transactions are SQLAlchemy sessions on psycopg; Stepwell's are measured with psycopg
connections, and like for like ("session") with the same sessions, against the same figures of DBOS. Latency is call to
return within a running workflow; the rate is that of ten concurrent workflows. Afterwards the user's rows are counted:
one that was counted and is not there, or is there twice, is a failure.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from statistics import median

import psycopg

from bench import meter
from bench.lab import Lab
from bench.peers import POOL
from bench.protocol import Child
from bench.rows.row import Metric, Row, Sample

WARM_UP_STEPS = 30
CONCURRENCY = 10
START_PATIENCE_SECONDS = 30.0
END_PATIENCE_SECONDS = 60.0


def measure_sync(child: Child) -> None:
    _prepare(child)
    child.peer.configure(child.url, pool=POOL, transactions_in=child.params["there"], sessions=child.params["session"])
    with child.peer.serving():
        child.peer.write_chain(WARM_UP_STEPS)
        meter.latencies.clear()
        child.peer.write_chain(child.params["steps"])
        latency = median(meter.latencies) * 1e3
        before = WARM_UP_STEPS + child.params["steps"]
        rate, unfinished = _flood_threads(child)
    _answer(child, "sync", latency, rate, before, unfinished)


def measure_async(child: Child) -> None:
    async def run() -> tuple[float, float, int]:
        async with child.peer.serving_async():
            await child.peer.write_chain_async(WARM_UP_STEPS)
            meter.latencies.clear()
            await child.peer.write_chain_async(child.params["steps"])
            latency = median(meter.latencies) * 1e3
            return latency, *await _flood_async(child)

    _prepare(child)
    child.peer.configure(child.url, pool=POOL, transactions_in=child.params["there"], sessions=child.params["session"])
    latency, rate, unfinished = asyncio.run(run())
    _answer(child, "async", latency, rate, WARM_UP_STEPS + child.params["steps"], unfinished)


def _prepare(child: Child) -> None:
    with psycopg.connect(child.params["there"], autocommit=True) as connection:
        connection.execute("create table bench_rows (number integer not null)")


def _flood_threads(child: Child) -> tuple[float, int]:
    meter.reset_counts(CONCURRENCY)
    threads = [threading.Thread(target=child.peer.write_flood, args=(n,), daemon=True) for n in range(CONCURRENCY)]
    for thread in threads:
        thread.start()
    _until(lambda: all(meter.counts), START_PATIENCE_SECONDS)
    rate = _rate_over(child.params["window"], time.sleep)
    meter.flooding[0] = False
    patience = time.monotonic() + END_PATIENCE_SECONDS
    for thread in threads:
        thread.join(max(0.0, patience - time.monotonic()))
    return rate, sum(thread.is_alive() for thread in threads)


async def _flood_async(child: Child) -> tuple[float, int]:
    meter.reset_counts(CONCURRENCY)
    runs = [asyncio.ensure_future(child.peer.write_flood_async(n)) for n in range(CONCURRENCY)]
    await meter.until(lambda: all(meter.counts), START_PATIENCE_SECONDS)
    before, began = sum(meter.counts), time.perf_counter()
    await asyncio.sleep(child.params["window"])
    rate = (sum(meter.counts) - before) / (time.perf_counter() - began)
    meter.flooding[0] = False
    done, pending = await asyncio.wait(runs, timeout=END_PATIENCE_SECONDS)
    return rate, len(pending) + sum(run.exception() is not None for run in done)


def _rate_over(seconds: float, sleep: Callable[[float], None]) -> float:
    before, began = sum(meter.counts), time.perf_counter()
    sleep(seconds)
    return (sum(meter.counts) - before) / (time.perf_counter() - began)


def _until(condition: Callable[[], bool], seconds: float) -> None:
    patience = time.monotonic() + seconds
    while not condition() and time.monotonic() < patience:
        time.sleep(0.02)


def _answer(child: Child, colour: str, latency: float, rate: float, before: int, unfinished: int) -> None:
    with psycopg.connect(child.params["there"], autocommit=True) as connection:
        found = connection.execute("select count(*) from bench_rows").fetchone()
    assert found is not None
    amiss = abs(found[0] - before - sum(meter.counts))
    suffix = child.params["suffix"]
    trouble = [f"{amiss} rows lost or doubled"] * bool(amiss) + [f"{unfinished} runs did not end well"] * bool(
        unfinished
    )
    values = {f"{colour}{suffix}": latency, f"{colour}-rate{suffix}": rate}
    child.answer(values, amiss + unfinished, "; ".join(trouble))


def sample(lab: Lab, system: str) -> Sample:
    taken = Sample()
    for there in (False, True):
        for session in (False, True) if system == "stepwell" else (True,):
            for colour in ("sync", "async"):
                _take(lab, system, taken, colour, there=there, session=session)
    if system != "stepwell":
        taken.values.update({key.replace("-session", ""): value for key, value in taken.values.items()})
    return taken


def _take(lab: Lab, system: str, taken: Sample, colour: str, *, there: bool, session: bool) -> None:
    url = lab.fresh_database(system)
    where = lab.fresh_database(system) if there else url
    try:
        taken.take(
            lab.child(
                system,
                f"{__name__}:measure_{colour}",
                url=url,
                there=where,
                session=session,
                suffix=("-there" if there else "") + ("-session" if session else ""),
                steps=lab.sizes.latency_steps,
                window=lab.sizes.flood_window,
            )
        )
    finally:
        for each in {url, where}:
            lab.server.drop_database(each)


def _metrics(suffix: str, title: str, latency: float | None, rate: float | None) -> tuple[Metric, ...]:
    return (
        Metric(f"sync{suffix}", f"{title}def, p50", "ms", ratio=latency),
        Metric(f"async{suffix}", f"{title}async def, p50", "ms", ratio=latency),
        Metric(f"sync-rate{suffix}", f"{title}def, 10 workflows", "/s", "higher", ratio=rate),
        Metric(f"async-rate{suffix}", f"{title}async def, 10 workflows", "/s", "higher", ratio=rate),
    )


ROW = Row(
    "d",
    "transaction steps",
    (
        *_metrics("", "", 5, 10),
        *_metrics("-session", "session: ", None, None),
        *_metrics("-there", "another database: ", None, None),
        *_metrics("-there-session", "another database, session: ", None, None),
    ),
    sample,
)
