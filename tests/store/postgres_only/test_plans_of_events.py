"""The plans of what publishes, waits and cancels by events, with every kind of statistics.

20,000 runs that have ended, 300 live ones, 20,000 events of two names, 2,000 waits.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from stepwell.store.api import StoreIdentity
from stepwell.store.postgres import PostgresStore, binding, params
from stepwell.store.postgres.params import statement
from stepwell.testing import PostgresServer
from tests.store.conformance.kit import ROUTE
from tests.store.postgres_only.explain import Plan, explain
from tests.store.postgres_only.kit import ME

OF_EMPTY, TRUE = "those of empty tables", "true statistics"
FILL = f"""
insert into stepwell.workflow_status
    (run_id, workflow_id, name, route, status, owner, epoch, attempts, input, input_digest, started_at, completed_at)
select ('01800000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid, 'w' || g, 'n', '{ROUTE}', s,
       case when s = 'PENDING' then '{ME}'::uuid end, 1, 1, '{{}}', 'd', now(), case when s = 'SUCCESS' then now() end
from (select g, case when g <= 20000 then 'SUCCESS' when g <= 20100 then 'PENDING' else 'WAITING' end as s
      from generate_series(1, 20300) g) numbered;
insert into stepwell.published_events (namespace, id, event, payload)
select 'default', 'e' || g, case g % 2 when 0 then 'even' else 'odd' end, '1' from generate_series(1, 20000) g;
insert into stepwell.waits (run_id, branch, seq, kind, key, position, filter)
select run_id, '0', g, 'published', 'event' || g, 19000, 'x == 1'
from stepwell.workflow_status, generate_series(1, 10) g where status = 'WAITING';
"""


@pytest.fixture(scope="module", params=["no statistics", OF_EMPTY, TRUE])
def filled_url(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[str]:
    name = f"stepwell_event_plans_{uuid.uuid4().hex[:12]}"
    url = postgres_server.create_database(name)
    asyncio.run(migrated(url))
    with psycopg.connect(url, autocommit=True) as connection:
        for table in ("workflow_status", "published_events", "waits"):
            connection.execute(f"alter table stepwell.{table} set (autovacuum_enabled = false)".encode())
        if request.param == OF_EMPTY:
            connection.execute("analyze")
        connection.execute(FILL.encode())
        if request.param == TRUE:
            connection.execute("analyze")
    yield url
    postgres_server.drop_database(name)


async def migrated(url: str) -> None:
    store = PostgresStore(url, StoreIdentity())
    await store.migrate()
    await store.close()


@pytest.fixture
async def store(filled_url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(filled_url, StoreIdentity())
    yield store
    await store.close()


async def plan(store: PostgresStore, name: str, *values: object) -> Plan:
    lanes = store._lanes
    (found,) = await explain(store, lanes.misc, statement(lanes.sql(name), *values))
    return found


def never_whole(found: Plan) -> None:
    whole = [node["Relation Name"] for node in found.nodes() if node["Node Type"] == "Seq Scan"]
    assert not {"workflow_status", "published_events", "waits"} & set(whole), found.root


async def test_reading_events(store: PostgresStore) -> None:
    wanted = params.texts(["even", "odd", "never"]), params.int8s([19_990, 100, 0])
    found = await plan(store, "published/after", "default", *wanted, 200)
    never_whole(found)
    assert found.buffers < 700
    head = await plan(store, "published/head", "default", "even")
    never_whole(head)
    assert head.buffers < 12


async def test_publishing(store: PostgresStore) -> None:
    lanes = store._lanes
    ids = params.texts(["e7", "new"])
    insert = binding.columns(
        lanes.sql("published/insert"),
        b"default",
        params.texts(["even", "even"]),
        ids,
        params.texts(["1", "1"]),
        params.optional_texts([None, None]),
        params.bools([False, False]),
    )
    look_up = binding.columns(lanes.sql("published/look_up"), b"default", ids)
    for found in await explain(store, lanes.misc, insert, look_up):
        never_whole(found)
        assert found.buffers < 60


async def test_who_waits(store: PostgresStore) -> None:
    found = await plan(store, "published/waits", "default", "event3", 20_001, None, None, None, 1000)
    assert found.buffers < 1500, "two hundred waits, each with its run"
    behind = await plan(store, "published/waits_behind", "default", 1000)
    assert "published_events" not in [n.get("Relation Name") for n in behind.nodes() if n["Node Type"] == "Seq Scan"]
    assert behind.buffers < 14_000, "two thousand waits, each with its run and the last event of its name"


async def test_live_runs_are_found_among_those_that_ended(store: PostgresStore) -> None:
    found = await plan(store, "published/live_runs", "default", "default", params.texts(["n"]), None, None, 1000)
    never_whole(found)
    assert found.buffers < 1000


async def test_retention(store: PostgresStore) -> None:
    found = await plan(store, "published/purge", 3600.0, 200, "default")
    never_whole(found)
    assert found.buffers < 60
