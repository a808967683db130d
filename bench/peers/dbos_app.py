"""The benchmark's workflows on DBOS, by its documented API. The bodies are those of `stepwell_app`."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from dbos import DBOS, AsyncSQLAlchemyDatasource, DBOSClient, SQLAlchemyDatasource
from sqlalchemy import text

from bench import meter
from bench.peers import POOL, QUEUE, Producer, Send

MAX_THREADS = 256
#: Enqueued at once by a client.
AT_ONCE = 64
INSERT = text("INSERT INTO bench_rows (number) VALUES (:number)")
write: Any
write_async: Any
_transactions_in: list[str | None] = [None]
_queues = [False]


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


@DBOS.workflow()
async def hear_async(count: int) -> int:
    for _ in range(count):
        sent = await DBOS.recv_async(timeout_seconds=600)
        meter.latencies.append(meter.now() - sent)
    meter.passed.append(count)
    return count


@DBOS.workflow()
async def arrive_async(sent: float) -> int:
    meter.latencies.append(meter.now() - sent)
    return 1


@DBOS.workflow()
def write_chain(steps: int) -> int:
    for number in range(steps):
        started = meter.now()
        write(number)
        meter.latencies.append(meter.now() - started)
    return steps


@DBOS.workflow()
async def write_chain_async(steps: int) -> int:
    for number in range(steps):
        started = meter.now()
        await write_async(number)
        meter.latencies.append(meter.now() - started)
    return steps


@DBOS.workflow()
def write_flood(cell: int) -> int:
    while meter.flooding[0]:
        write(cell)
        meter.counts[cell] += 1
    return cell


@DBOS.workflow()
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
    """The settings that its documentation names for throughput: more connections, more threads."""
    DBOS(
        config={
            "name": "bench",
            "system_database_url": url,
            "sys_db_pool_size": pool,
            "max_executor_threads": MAX_THREADS,
            "use_listen_notify": listen,
            "log_level": "WARNING",
            # Fixed, so that the process after a crash counts as the same application and recovers its runs.
            "application_version": "bench",
            "executor_id": "local",
        }
    )
    _queues[0] = queue
    if transactions_in is not None:
        _define_transactions(transactions_in, pool)


def _define_transactions(url: str, pool: int) -> None:
    """Its datasources: the way that its documentation recommends for transactions."""
    global write
    there = _transactions_in[0] = url.replace("postgresql://", "postgresql+psycopg://", 1)
    source = SQLAlchemyDatasource.create(there, engine_kwargs={"pool_size": pool})

    @source.transaction(isolation_level="READ COMMITTED")
    def write_row(number: int) -> int:
        source.sql_session().execute(INSERT, {"number": number})
        return number

    write = write_row


async def _define_async_transactions(url: str) -> None:
    """On the loop that uses them, and before the launch, as it demands."""
    global write_async
    source = await AsyncSQLAlchemyDatasource.create(url, engine_kwargs={"pool_size": POOL})

    @source.transaction(isolation_level="READ COMMITTED")
    async def write_row_async(number: int) -> int:
        await source.sql_session().execute(INSERT, {"number": number})
        return number

    write_async = write_row_async


@contextmanager
def serving() -> Iterator[None]:
    DBOS.launch()
    try:
        yield
    finally:
        DBOS.destroy()


@asynccontextmanager
async def serving_async() -> AsyncIterator[None]:
    if _transactions_in[0] is not None:
        await _define_async_transactions(_transactions_in[0])
    DBOS.launch()
    if _queues[0]:
        await asyncio.to_thread(DBOS.register_queue, QUEUE)
    try:
        yield
    finally:
        DBOS.destroy()


async def start_async(workflow: Any, argument: Any) -> object:
    return await DBOS.start_workflow_async(workflow, argument)


def id_of(handle: Any) -> str:
    return str(handle.get_workflow_id())


class _Producer:
    def __init__(self, client: DBOSClient, queue: str) -> None:
        self._client = client
        self._queue = queue

    async def _enqueue(self, workflow: Any, argument: Any) -> None:
        await self._client.enqueue_async({"queue_name": self._queue, "workflow_name": workflow.__qualname__}, argument)

    async def one(self, number: int) -> None:
        await self._enqueue(one_step_async, number)

    async def many(self, numbers: Sequence[int]) -> None:
        """It has no bulk start: many at once."""
        for first in range(0, len(numbers), AT_ONCE):
            await asyncio.gather(*(self.one(number) for number in numbers[first : first + AT_ONCE]))

    async def arrive(self, sent: float) -> None:
        await self._enqueue(arrive_async, sent)


@asynccontextmanager
async def producing(url: str, queue: str = QUEUE) -> AsyncIterator[Producer]:
    client = DBOSClient(system_database_url=url, system_database_pool_size=POOL)
    try:
        yield _Producer(client, queue)
    finally:
        client.destroy()


@asynccontextmanager
async def sending(url: str) -> AsyncIterator[Send]:
    client = DBOSClient(system_database_url=url, system_database_pool_size=POOL)
    try:

        async def send(to: str, message: float) -> None:
            await client.send_async(to, message)

        yield send
    finally:
        client.destroy()


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
