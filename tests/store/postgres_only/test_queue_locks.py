"""Limits of queues beside open transactions, under another isolation, and what their rates leave in the database."""

import asyncio
from uuid import UUID, uuid4

import psycopg
import pytest
from msgspec.structs import replace

from stepwell.model.queues import Queue, Rate
from stepwell.model.rows import Batch
from stepwell.store.api import StoreIdentity
from stepwell.store.postgres import PostgresStore
from tests.store.conformance.kit import ROUTE, finish
from tests.store.postgres_only.conftest import Bystander
from tests.store.postgres_only.kit import new_run


async def put(store: PostgresStore, number: int, partition: str | None = None) -> list[UUID]:
    runs = [replace(new_run(owner=None), queue="q", partition_key=partition) for _ in range(number)]
    await store.start(runs)
    return [run.run_id for run in runs]


@pytest.mark.parametrize("partition", [None, "p"])
async def test_a_run_that_an_open_transaction_holds_does_not_hold_its_queue(
    store: PostgresStore, postgres_url: str, partition: str | None
) -> None:
    """The first of a queue of which one may run: somebody sends to it, and does not commit."""
    await store.set_queue(Queue("q", concurrency=1))
    held, following = await put(store, 2, partition)
    async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
        await connection.execute("select from stepwell.workflow_status where run_id = %s for share", [held])
        taken = await store.claim(uuid4(), [ROUTE], None, 10)
        assert [run.run_id for run in taken.runs] == [following]


async def test_limits_hold_where_the_server_repeats_reads(postgres_url: str, bystander: Bystander) -> None:
    """Counting in a snapshot from before the lock would let two claims have the last place."""
    (name,) = bystander.execute("select current_database()").fetchone() or ("",)
    bystander.execute(f"alter database {name} set default_transaction_isolation = 'repeatable read'".encode())
    stores = [PostgresStore(postgres_url, StoreIdentity()) for _ in range(3)]
    await stores[0].migrate()
    try:
        for store in stores:
            await store.open()
        await stores[0].set_queue(Queue("q", concurrency=2))
        await put(stores[0], 40)
        owners, done = [uuid4() for _ in stores], 0
        while done < 40:
            takes = await asyncio.gather(
                *(store.claim(owner, [ROUTE], None, 5) for store, owner in zip(stores, owners, strict=True))
            )
            running = [run for taken in takes for run in taken.runs]
            assert len(running) <= 2
            await stores[0].commit(Batch(finishes=[finish(run) for run in running]))
            done += len(running)
    finally:
        for store in stores:
            await store.close()


async def test_partitions_that_come_no_more_leave_no_bucket(store: PostgresStore, bystander: Bystander) -> None:
    await store.set_queue(Queue("q", partition_rate=Rate(5, per=0.001)))
    for number in range(30):
        await put(store, 1, f"p{number}")
        assert len((await store.claim(uuid4(), [ROUTE], None, 10)).runs) == 1
        await asyncio.sleep(0.002)
    (left,) = bystander.execute("select count(*) from stepwell.queue_starts").fetchone() or (None,)
    assert left is not None
    assert left <= 3
