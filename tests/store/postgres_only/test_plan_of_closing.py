"""The plan of the sweep for children whose parent has ended: it looks at a few parents, however many there are."""

import asyncio
import uuid
from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest

from stepwell.store.api import StoreIdentity
from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.params import statement
from stepwell.testing import PostgresServer
from tests.store.conformance.kit import ROUTE
from tests.store.postgres_only.explain import explain

PARENTS = 5_000
LOOKED_AT = 100

#: Of four parents one has ended; each has two living children and one that has ended.
FILL = f"""
insert into stepwell.workflow_status (run_id, workflow_id, name, route, status, completed_at, input, input_digest)
select ('01800000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid, 'p' || g, 'n', '{ROUTE}',
       case when g % 4 = 0 then 'SUCCESS' else 'ENQUEUED' end, case when g % 4 = 0 then now() end, '{{}}', 'd'
from generate_series(1, {PARENTS}) g;
insert into stepwell.workflow_status
    (run_id, workflow_id, name, route, status, completed_at, input, input_digest, parent_run_id, parent_branch,
     parent_seq)
select ('0190000' || n || '-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid, 'c' || n || g, 'n', '{ROUTE}',
       case when n = 0 then 'SUCCESS' else 'ENQUEUED' end, case when n = 0 then now() end, '{{}}', 'd',
       ('01800000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid, '', n
from generate_series(1, {PARENTS}) g, generate_series(0, 2) n;
"""


@pytest.fixture(scope="module", params=[False, True], ids=["no statistics", "true statistics"])
def url(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[str]:
    name = f"stepwell_closing_{uuid.uuid4().hex[:12]}"
    url = postgres_server.create_database(name)

    async def migrate() -> None:
        store = PostgresStore(url, StoreIdentity())
        await store.migrate()
        await store.close()

    asyncio.run(migrate())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("alter table stepwell.workflow_status set (autovacuum_enabled = false)")
        connection.execute(FILL.encode())
        if request.param:
            connection.execute("analyze")
    yield url
    postgres_server.drop_database(name)


async def test_it_steps_through_the_parents(url: str) -> None:
    store = PostgresStore(url, StoreIdentity())
    try:
        sweep = store._lanes.sql("sweeps/children_left")
        starts = (UUID(int=0), UUID(f"01800000-0000-7000-8000-{PARENTS // 2:012x}"), UUID(int=2**128 - 1))
        await explain(store, store._lanes.misc, statement(sweep, starts[0], 1, 1))  # it learns the catalogs
        calls = [statement(sweep, start, LOOKED_AT, LOOKED_AT) for start in starts]
        begin, middle, end = await explain(store, store._lanes.misc, *calls)
        for plan in (begin, middle):
            assert "workflow_status_closing" in plan.indexes
            assert plan.large_scans == []
            assert plan.buffers <= 20 * LOOKED_AT
        assert end.buffers <= 10
        found, reached = await store.children_left(None, LOOKED_AT, 1000)
        assert len(found) == 2 * LOOKED_AT // 4
        assert reached == UUID(f"01800000-0000-7000-8000-{LOOKED_AT:012x}")
    finally:
        await store.close()
