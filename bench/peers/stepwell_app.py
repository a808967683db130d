"""The benchmark's workflows on Stepwell. The bodies are those of `dbos_app`."""

import asyncio
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

import stepwell.aio
from bench import meter
from bench.peers import POOL
from stepwell import Stepwell, step, workflow

engine: Stepwell


@step
def add(number: int) -> int:
    return number + 1


@step
async def add_async(number: int) -> int:
    return number + 1


@workflow
def chain(steps: int) -> int:
    for number in range(steps):
        started = meter.now()
        add(number)
        meter.latencies.append(meter.now() - started)
    return steps


@workflow(name="chain_async")
async def chain_async(steps: int) -> int:
    for number in range(steps):
        started = meter.now()
        await add_async(number)
        meter.latencies.append(meter.now() - started)
    return steps


@workflow
def flood(cell: int) -> int:
    while meter.flooding[0]:
        add(cell)
        meter.counts[cell] += 1
    return cell


@workflow
async def flood_async(cell: int) -> int:
    while meter.flooding[0]:
        await add_async(cell)
        meter.counts[cell] += 1
    return cell


@workflow
def one_step(number: int) -> int:
    return add(number)


@workflow(name="one_step_async")
async def one_step_async(number: int) -> int:
    return await add_async(number)


@workflow
async def nap_async(seconds: float) -> int:
    await stepwell.aio.sleep(seconds)
    return 1


@workflow
async def ten_then_gate_async(number: int) -> int:
    for _ in range(10):
        number = await add_async(number)
    if not meter.gate_open[0]:
        await asyncio.Event().wait()
    meter.passed.append(number)
    return number


def configure(url: str, *, pool: int = POOL) -> None:
    """Everything by default: Stepwell chooses its few connections itself, so `pool` has no meaning here."""
    global engine
    engine = Stepwell(url)


def serving() -> AbstractContextManager[object]:
    return engine


def serving_async() -> AbstractAsyncContextManager[object]:
    return engine


async def start_async(workflow: Any, argument: Any) -> object:
    return await workflow.start(argument)


def list_newest(limit: int) -> int:
    return _list(limit=limit)


def list_named(limit: int) -> int:
    return _list(name="one_step_async", status="SUCCESS", limit=limit)


def list_rare(limit: int) -> int:
    return _list(name="chain_async", limit=limit)


def list_failed(limit: int) -> int:
    return _list(status="ERROR", limit=limit)


def _list(**where: Any) -> int:
    """Newest first, as `find` gives them."""
    return sum(1 for _ in engine.find(**where))
