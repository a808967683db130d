"""The benchmark's workflows on DBOS, by its documented API. The bodies are those of `stepwell_app`."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from dbos import DBOS

from bench import meter
from bench.peers import POOL

MAX_THREADS = 256


@DBOS.step()
def add(number: int) -> int:
    return number + 1


@DBOS.step()
async def add_async(number: int) -> int:
    return number + 1


@DBOS.workflow()
def chain(steps: int) -> int:
    for number in range(steps):
        started = meter.now()
        add(number)
        meter.latencies.append(meter.now() - started)
    return steps


@DBOS.workflow()
async def chain_async(steps: int) -> int:
    for number in range(steps):
        started = meter.now()
        await add_async(number)
        meter.latencies.append(meter.now() - started)
    return steps


@DBOS.workflow()
def flood(cell: int) -> int:
    while meter.flooding[0]:
        add(cell)
        meter.counts[cell] += 1
    return cell


@DBOS.workflow()
async def flood_async(cell: int) -> int:
    while meter.flooding[0]:
        await add_async(cell)
        meter.counts[cell] += 1
    return cell


@DBOS.workflow()
def one_step(number: int) -> int:
    return add(number)


@DBOS.workflow()
async def one_step_async(number: int) -> int:
    return await add_async(number)


@DBOS.workflow()
async def nap_async(seconds: float) -> int:
    await DBOS.sleep_async(seconds)
    return 1


@DBOS.workflow()
async def ten_then_gate_async(number: int) -> int:
    for _ in range(10):
        number = await add_async(number)
    if not meter.gate_open[0]:
        await asyncio.Event().wait()
    meter.passed.append(number)
    return number


def configure(url: str, *, pool: int = POOL) -> None:
    """The settings that its documentation names for throughput: more connections, more threads."""
    DBOS(
        config={
            "name": "bench",
            "system_database_url": url,
            "sys_db_pool_size": pool,
            "max_executor_threads": MAX_THREADS,
            "log_level": "WARNING",
            # Fixed, so that the process after a crash counts as the same application and recovers its runs.
            "application_version": "bench",
            "executor_id": "local",
        }
    )


@contextmanager
def serving() -> Iterator[None]:
    DBOS.launch()
    try:
        yield
    finally:
        DBOS.destroy()


@asynccontextmanager
async def serving_async() -> AsyncIterator[None]:
    DBOS.launch()
    try:
        yield
    finally:
        DBOS.destroy()


async def start_async(workflow: Any, argument: Any) -> object:
    return await DBOS.start_workflow_async(workflow, argument)


def list_newest(limit: int) -> int:
    return _list(limit=limit)


def list_named(limit: int) -> int:
    return _list(name="one_step_async", status="SUCCESS", limit=limit)


def list_rare(limit: int) -> int:
    return _list(name="chain_async", limit=limit)


def list_failed(limit: int) -> int:
    return _list(status="ERROR", limit=limit)


def _list(**where: Any) -> int:
    """Newest first, without payloads."""
    return len(DBOS.list_workflows(sort_desc=True, load_input=False, load_output=False, **where))
