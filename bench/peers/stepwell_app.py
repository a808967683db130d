"""The benchmark's workflows on Stepwell. The bodies are those of `dbos_app`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from typing import Any

import psycopg

import stepwell.aio
from bench import meter
from bench.peers import POOL, QUEUE, Producer, Send
from stepwell import Client, Postgres, Settings, Stepwell, step, transaction, workflow

engine: Stepwell
write: Any
write_async: Any


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


@workflow
async def hear_async(count: int) -> int:
    for _ in range(count):
        sent = await stepwell.aio.recv(type=float)
        meter.latencies.append(meter.now() - sent)
    meter.passed.append(count)
    return count


@workflow
async def arrive_async(sent: float) -> int:
    meter.latencies.append(meter.now() - sent)
    return 1


@workflow
def write_chain(steps: int) -> int:
    for number in range(steps):
        started = meter.now()
        write(number)
        meter.latencies.append(meter.now() - started)
    return steps


@workflow
async def write_chain_async(steps: int) -> int:
    for number in range(steps):
        started = meter.now()
        await write_async(number)
        meter.latencies.append(meter.now() - started)
    return steps


@workflow
def write_flood(cell: int) -> int:
    while meter.flooding[0]:
        write(cell)
        meter.counts[cell] += 1
    return cell


@workflow
async def write_flood_async(cell: int) -> int:
    while meter.flooding[0]:
        await write_async(cell)
        meter.counts[cell] += 1
    return cell


def configure(
    url: str,
    *,
    pool: int = POOL,
    transactions_in: str | None = None,
    sessions: bool = True,
    listen: bool = True,
    queue: bool = False,
) -> None:
    """Everything by default: Stepwell chooses its few connections itself, so `pool` has no meaning here."""
    global engine
    engine = Stepwell(url, listen=[QUEUE] if queue else None, settings=Settings(notify=listen))
    if transactions_in is not None:
        source = None if transactions_in == url else Postgres(transactions_in)
        (_define_sessions if sessions else _define_connections)(source)


def _define_connections(source: Postgres | None) -> None:
    global write, write_async

    @transaction(source=source)
    def write_row(conn: psycopg.Connection[Any], number: int) -> int:
        conn.execute("INSERT INTO bench_rows (number) VALUES (%s)", [number])
        return number

    @transaction(source=source)
    async def write_row_async(conn: psycopg.AsyncConnection[Any], number: int) -> int:
        await conn.execute("INSERT INTO bench_rows (number) VALUES (%s)", [number])
        return number

    write, write_async = write_row, write_row_async


def _define_sessions(source: Postgres | None) -> None:
    global write, write_async
    # Not for the other rows: whoever does not use SQLAlchemy does not import it.
    import sqlalchemy
    import sqlalchemy.ext.asyncio
    import sqlalchemy.orm

    insert = sqlalchemy.text("INSERT INTO bench_rows (number) VALUES (:number)")

    def write_row(session: Any, number: int) -> int:
        session.execute(insert, {"number": number})
        return number

    async def write_row_async(session: Any, number: int) -> int:
        await session.execute(insert, {"number": number})
        return number

    write_row.__annotations__["session"] = sqlalchemy.orm.Session
    write_row_async.__annotations__["session"] = sqlalchemy.ext.asyncio.AsyncSession
    write, write_async = transaction(source=source)(write_row), transaction(source=source)(write_row_async)


def serving() -> AbstractContextManager[object]:
    return engine


def serving_async() -> AbstractAsyncContextManager[object]:
    return engine


async def start_async(workflow: Any, argument: Any) -> object:
    return await workflow.start(argument)


def id_of(handle: Any) -> str:
    return str(handle.id)


class _Producer:
    def __init__(self, queue: str) -> None:
        self._queue = queue

    async def one(self, number: int) -> None:
        await one_step_async.options(queue=self._queue).start(number)

    async def many(self, numbers: Sequence[int]) -> None:
        await one_step_async.options(queue=self._queue).start_many(one_step_async.bind(number) for number in numbers)

    async def arrive(self, sent: float) -> None:
        await arrive_async.options(queue=self._queue).start(sent)


@asynccontextmanager
async def producing(url: str, queue: str = QUEUE) -> AsyncIterator[Producer]:
    async with Client(url):
        yield _Producer(queue)


@asynccontextmanager
async def sending(url: str) -> AsyncIterator[Send]:
    async with Client(url) as client:

        async def send(to: str, message: float) -> None:
            await client.aio.send(to, message)

        yield send


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
