"""Functions keep their plans: one that was made while the tables had a page must do when they have thousands."""

import asyncio
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from stepwell.model.rows import Batch, Finish
from stepwell.store.api import StoreIdentity
from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.params import statement
from stepwell.store.postgres.wire import rows
from stepwell.testing import PostgresServer
from tests.store.conformance.kit import Execution, step
from tests.store.postgres_only.kit import begin
from tests.store.postgres_only.test_plans import FILL, migrated, run_ids

#: After five calls a session keeps a general plan, if it looks no worse.
CALLS = 12


@pytest.fixture
def young_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Tables with a page each, and statistics that say so; nothing will make others."""
    name = f"stepwell_kept_{uuid.uuid4().hex[:12]}"
    url = postgres_server.create_database(name)
    asyncio.run(migrated(url))
    with psycopg.connect(url, autocommit=True) as connection:
        for table in ("workflow_status", "operation_outputs"):
            connection.execute(f"alter table stepwell.{table} set (autovacuum_enabled = false)".encode())
    yield url
    postgres_server.drop_database(name)


@pytest.mark.parametrize("rows_at_once", [1, 3])
async def test_rows_are_written_by_index_when_the_tables_have_grown(young_url: str, rows_at_once: int) -> None:
    store = PostgresStore(young_url, StoreIdentity())
    try:
        await end(store, [await begin(store) for _ in range(rows_at_once)])
        with psycopg.connect(young_url, autocommit=True) as connection:
            connection.execute("vacuum analyze stepwell.workflow_status, stepwell.operation_outputs")
            for _ in range(CALLS):
                await end(store, [await begin(store) for _ in range(rows_at_once)])
            connection.execute(FILL.encode())
            large = await scans_of(store)
            runs = [Execution(run, 1) for run in run_ids(CALLS * rows_at_once)]
            for first in range(0, len(runs), rows_at_once):
                await end(store, runs[first : first + rows_at_once])
        assert await scans_of(store) == large
    finally:
        await store.close()


async def end(store: PostgresStore, executions: list[Execution]) -> None:
    """Record an outcome of each, and then their ends."""
    steps = [step(execution, 8) for execution in executions]
    assert (await store.commit(Batch(checkpoints=steps))).all_written
    finishes = [Finish(execution.run_id, execution.epoch, "SUCCESS", "1", None) for execution in executions]
    assert (await store.commit(Batch(finishes=finishes))).all_written


async def scans_of(store: PostgresStore) -> int:
    """Sequential scans of the two tables by this store's session."""
    query = (
        b"select pg_stat_force_next_flush(), sum(s.seq_scan)::bigint from pg_stat_user_tables s"
        b" where s.relname in ('workflow_status', 'operation_outputs')"
    )
    for _ in range(2):  # what a session has counted is shown from its next statement on
        (answer,) = await store._lanes.journal.run(statement(query))
    return int(rows(answer)[0][1])
