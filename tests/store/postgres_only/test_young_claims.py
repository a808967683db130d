"""A claim takes what was committed while it was under way, and brings all that belongs to it: not as it was before."""

import asyncio
from uuid import uuid4

import psycopg
from msgspec.structs import replace

from stepwell.model.rows import Batch, Leave
from stepwell.store.api import StoreIdentity
from stepwell.store.postgres import PostgresStore
from tests.store.conformance.kit import ROUTE, intent, step
from tests.store.postgres_only.conftest import Bystander
from tests.store.postgres_only.kit import begin, eventually, new_run, waiting_for_a_lock


async def test_what_is_released_and_started_during_a_claim_comes_with_all_its_rows(
    store: PostgresStore, postgres_url: str, bystander: Bystander
) -> None:
    """Its statement has begun, and waits for somebody who makes the same queue; then it goes on, and sees them."""
    await store.start([replace(new_run(owner=None), queue="new", partition_key="p")])
    released = await begin(store)
    another = PostgresStore(postgres_url, StoreIdentity())
    await another.open()
    try:
        async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
            await connection.execute("insert into stepwell.queues (namespace, name) values ('default', 'new')")
            claim = asyncio.create_task(store.claim(uuid4(), [ROUTE], None, 10))
            await eventually(lambda: waiting_for_a_lock(bystander))
            rows = Batch(checkpoints=[step(released)], intents=[intent(released, 1)])
            assert (await another.commit(rows)).all_written
            assert await another.leave([Leave(released.run_id, released.epoch, "ENQUEUED")]) == [True]
            (started,) = await another.start([replace(new_run(owner=None), attributes='{"schedule": "nightly"}')])
            await connection.commit()
        taken = {run.run_id: run for run in (await claim).runs}
    finally:
        await another.close()
    assert len(taken) == 3
    assert [row.output for row in taken[released.run_id].history] == ['"out 0"']
    assert [row.seq for row in taken[released.run_id].intents] == [1]
    assert taken[started.run_id].attributes == '{"schedule": "nightly"}'
