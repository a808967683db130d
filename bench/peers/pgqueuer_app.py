"""The benchmark's job on PgQueuer, by its documented API: a bare job, without steps, in the place of a workflow.

Only what row q asks for. It gets larger batches than its defaults (10), which made it faster.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from bench import meter
from bench.peers import QUEUE, Producer

BATCH = 100
_url = [""]


def configure(url: str, *, queue: bool) -> None:
    _url[0] = url


@asynccontextmanager
async def serving_async() -> AsyncIterator[None]:
    connection = await asyncpg.connect(_url[0])
    worker = PgQueuer(AsyncpgDriver(connection))

    @worker.entrypoint("job")
    async def job(job: Job) -> None:
        meter.passed.append(int(job.payload or b"0"))

    @worker.entrypoint("arrive")
    async def arrive(job: Job) -> None:
        meter.latencies.append(meter.now() - float(job.payload or b"0"))

    running = asyncio.create_task(worker.run(batch_size=BATCH))
    try:
        yield
    finally:
        worker.shutdown.set()
        await running
        await connection.close()


class _Producer:
    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def one(self, number: int) -> None:
        await self._queries.enqueue("job", str(number).encode())

    async def many(self, numbers: Sequence[int]) -> None:
        payloads = [str(number).encode() for number in numbers]
        await self._queries.enqueue(["job"] * len(payloads), payloads, [0] * len(payloads))

    async def arrive(self, sent: float) -> None:
        await self._queries.enqueue("arrive", str(sent).encode())


@asynccontextmanager
async def producing(url: str, queue: str = QUEUE) -> AsyncIterator[Producer]:
    connection = await asyncpg.connect(url)
    queries = Queries(AsyncpgDriver(connection))
    if await connection.fetchval("select to_regclass('pgqueuer') is null"):
        await queries.install()
    try:
        yield _Producer(queries)
    finally:
        await connection.close()
