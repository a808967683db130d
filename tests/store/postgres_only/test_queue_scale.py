"""Queues with very much in them: a claim stays small, and nobody waits for what others cannot have.

A hundred thousand waiting runs, ten thousand partitions, a million finished runs: statements count buffers, not time.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace

from stepwell.model.queues import Queue, Rate
from stepwell.model.rows import Claimed, Taken
from stepwell.store.api import StoreIdentity
from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.params import Statement
from stepwell.store.postgres.wire import rows
from stepwell.testing import PostgresServer
from tests.store.conformance.kit import ROUTE
from tests.store.postgres_only.kit import new_run

HOT = 100_000
PARTITIONS = 10_000
FINISHED = 1_000_000

FILL = f"""
alter table stepwell.workflow_status set (autovacuum_enabled = false);
insert into stepwell.workflow_status
    (run_id, workflow_id, name, route, status, queue, partition_key, epoch, attempts, input, input_digest,
     started_at, completed_at, created_at)
select gen_random_uuid(), 'done' || g, 'n', '{ROUTE}', 'SUCCESS', 'hot', 'p' || (g % 100), 1, 1, '{{}}', 'd',
       now(), now(), now() - interval '1 hour'
from generate_series(1, {FINISHED}) g;
insert into stepwell.workflow_status
    (run_id, workflow_id, name, route, status, queue, partition_key, input, input_digest, created_at)
select gen_random_uuid(), 'hot' || g, 'n', '{ROUTE}', 'ENQUEUED', 'hot', 'hot', '{{}}', 'd',
       now() - interval '10 minutes'
from generate_series(1, {HOT}) g;
insert into stepwell.workflow_status
    (run_id, workflow_id, name, route, status, queue, partition_key, input, input_digest)
select gen_random_uuid(), 'part' || g, 'n', '{ROUTE}', 'ENQUEUED', 'parts',
       'p' || lpad((g % {PARTITIONS})::text, 6, '0'), '{{}}', 'd'
from generate_series(1, {2 * PARTITIONS}) g;
insert into stepwell.workflow_status
    (run_id, workflow_id, name, route, status, queue, input, input_digest)
select gen_random_uuid(), 'other' || g, 'n', 'somebody-else||', 'ENQUEUED', 'mixed', '{{}}', 'd'
from generate_series(1, {HOT}) g;
insert into stepwell.queues (namespace, name, partition_concurrency, rate_limit, rate_period)
values ('default', 'hot', 2, 100000, 60), ('default', 'parts', 1, null, null);
insert into stepwell.queue_starts (namespace, queue, partition_key, first_at, last_at, keep_until, starts)
select 'default', 'hot', '', now() - make_interval(secs => g / 3.0), now() - make_interval(secs => g / 3.0),
       now() - make_interval(secs => g / 3.0) + interval '60 s', 1
from generate_series(1, 130) g;
"""

FULL = f"""
with made as (insert into stepwell.queues (namespace, name, partition_concurrency) values ('default', 'full', 1)
              on conflict do nothing)
insert into stepwell.workflow_status
    (run_id, workflow_id, name, route, status, owner, epoch, attempts, queue, partition_key, input, input_digest,
     started_at)
select gen_random_uuid(), s || g, 'n', '{ROUTE}', s, case s when 'PENDING' then gen_random_uuid() end, 1, 1, 'full',
       'p' || lpad(g::text, 6, '0'), '{{}}', 'd', case s when 'PENDING' then now() end
from generate_series(1, 5000) g, unnest(array['PENDING', 'ENQUEUED']) s
"""
UNSERVED = """
insert into stepwell.workflow_status
    (run_id, workflow_id, name, route, status, queue, input, input_digest)
select gen_random_uuid(), 'many' || g, 'n', 'somebody-else||', 'ENQUEUED', 'many' || g, '{}', 'd'
from generate_series(1, 5000) g
"""


@pytest.fixture(scope="module")
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    name = f"stepwell_scale_{uuid.uuid4().hex[:12]}"
    url = postgres_server.create_database(name)
    asyncio.run(_migrated(url))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FILL.encode())
    yield url
    postgres_server.drop_database(name)


@pytest.fixture(scope="module", params=["no statistics", "true statistics"])
def filled_url(request: pytest.FixtureRequest, database_url: str) -> str:
    if request.param == "true statistics":
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("analyze")
    return database_url


async def _migrated(url: str) -> None:
    store = PostgresStore(url, StoreIdentity())
    await store.migrate()
    await store.close()


@pytest.fixture
async def store(filled_url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(filled_url, StoreIdentity())
    yield store
    await store.close()


async def buffers_of(store: PostgresStore, queues: list[str], limit: int = 100) -> int:
    """What a claim touches when the connection has made its plans; nothing is claimed."""
    names = "array[" + ",".join(f"'{name}'" for name in queues) + "]::text[]"
    claim = f"""explain (analyze, buffers, format json) select * from stepwell.claim_runs(
        '{uuid4()}', 'default', 'default', {names}, array['{ROUTE}', 'x||', 'y||'], {limit}, {limit})"""
    in_order = Statement(store._lanes.sql("claims/in_order"), (), ())
    found = 0
    for _ in range(7):
        *_, plan, _ = await store._lanes.misc.run(
            Statement(b"BEGIN ISOLATION LEVEL READ COMMITTED", (), ()),
            in_order,
            Statement(claim.encode(), (), ()),
            Statement(b"ROLLBACK", (), ()),
        )
        root = rows(plan)[0][0][0]["Plan"]
        found = int(root["Shared Hit Blocks"] + root["Shared Read Blocks"])
    return found


async def test_a_hot_partition_does_not_make_a_claim_large(store: PostgresStore) -> None:
    assert await buffers_of(store, ["hot"]) < 1500


async def test_ten_thousand_partitions_do_not(store: PostgresStore) -> None:
    assert await buffers_of(store, ["parts"]) < 20_000


async def test_a_hundred_thousand_runs_that_nobody_serves_do_not(store: PostgresStore) -> None:
    assert await buffers_of(store, ["mixed"]) < 300


async def test_others_start_within_one_claim_beside_a_hot_partition(store: PostgresStore) -> None:
    """Its hundred thousand have waited for longer, and two of them run: all that may."""
    me = uuid4()
    late = replace(new_run(owner=None), queue="hot", partition_key=f"late-{me}")
    await store.start([late])
    taken = await store.claim(me, [ROUTE], ["hot"], 10)
    assert late.run_id in [run.run_id for run in taken.runs]
    assert len(taken.runs) <= 3
    await _run(store, f"delete from stepwell.workflow_status where run_id = '{late.run_id}'")
    await _give_back(store, me, "hot")


async def test_each_of_ten_thousand_partitions_gets_its_turn(store: PostgresStore) -> None:
    """One per partition may run; claims go on behind those that were served."""
    me = uuid4()
    served: list[str] = []
    for _ in range(PARTITIONS // 400 + 3 * PARTITIONS // 1000):
        taken: Taken = await store.claim(me, [ROUTE], ["parts"], 400)
        served += [run.workflow_id for run in taken.runs]
    partitions = {int(each.removeprefix("part")) % PARTITIONS for each in served}
    assert len(partitions) == len(served)
    assert len(served) >= PARTITIONS // 4, "a claim looks at a hundred open partitions"
    await _give_back(store, me, "parts")


async def test_a_free_partition_is_found_behind_five_thousand_that_are_full(store: PostgresStore) -> None:
    """Within one look, of claims that each touch some pages per partition."""
    me = uuid4()
    await _run(store, FULL)
    buffers = await buffers_of(store, ["full"])
    free = replace(new_run(owner=None), queue="full", partition_key="zzz")
    await store.start([free])
    runs: list[Claimed] = []
    number, again = 0, True
    while again:
        taken = await store.claim(me, [ROUTE], ["full"], 100, number == 0)
        runs, number, again = [*runs, *taken.runs], number + 1, taken.again
    await _run(store, "delete from stepwell.workflow_status where queue = 'full'")
    assert [run.run_id for run in runs] == [free.run_id]
    assert number <= 16
    assert buffers < 20_000


async def test_names_that_nobody_serves_hide_nothing(store: PostgresStore) -> None:
    """Five thousand queues of another process, and one behind them."""
    me = uuid4()
    await _run(store, UNSERVED)
    run = replace(new_run(owner=None), queue="zzz")
    await store.start([run])
    runs: list[Claimed] = []
    number, again = 0, True
    while again:
        taken = await store.claim(me, [ROUTE], ["zzz"], 100, number == 0)
        runs, number, again = [*runs, *taken.runs], number + 1, taken.again
    buffers = await buffers_of(store, ["zzz"])
    await _run(store, "delete from stepwell.workflow_status where queue like 'many%' or queue = 'zzz'")
    assert [each.run_id for each in runs] == [run.run_id]
    assert number <= 16
    assert buffers < 10_000


async def test_the_list_of_queues_is_bounded(store: PostgresStore) -> None:
    found = {row.queue.name: row for row in await store.queues()}
    assert found["hot"].waiting == HOT
    assert found["parts"].waiting == 2 * PARTITIONS


async def _give_back(store: PostgresStore, me: uuid.UUID, queue: str) -> None:
    await _run(
        store,
        f"update stepwell.workflow_status set status = 'ENQUEUED', owner = null, started_at = null"
        f" where owner = '{me}' and queue = '{queue}'",
    )


async def _run(store: PostgresStore, sql: str) -> None:
    await store._lanes.misc.run(Statement(sql.encode(), (), ()))


async def test_a_large_rate_keeps_few_buckets(store: PostgresStore) -> None:
    me = uuid4()
    name = f"fast-{me}"
    await store.set_queue(Queue(name, rate=Rate(100_000, per=60)))
    for _ in range(30):
        await store.start([replace(new_run(owner=None), queue=name) for _ in range(20)])
        await store.claim(me, [ROUTE], [name], 100)
    (result,) = await store._lanes.misc.run(
        Statement(f"select count(*), sum(starts) from stepwell.queue_starts where queue = '{name}'".encode(), (), ())
    )
    buckets, starts = rows(result)[0]
    assert (buckets <= 20, starts) == (True, 600)
