"""The plans of the hot statements, in every state that the planner's statistics can be in.

50,000 runs with three outcomes each, as they are with no statistics at all, with those of the empty tables
(analyzed before anything was there), and with true ones.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import psycopg
import pytest

from stepwell.model.looking import RunFilter
from stepwell.model.rows import Batch, Finish, Intent, Leave, Wait
from stepwell.store.api import StoreIdentity
from stepwell.store.postgres import PostgresStore, binding, listing, params
from stepwell.store.postgres.params import Statement, statement
from stepwell.testing import PostgresServer
from tests.store.conformance.kit import ROUTE, Execution, step
from tests.store.postgres_only.explain import LARGE, Plan, explain
from tests.store.postgres_only.kit import ME, new_run

RUNS = 50_000
BATCH = 100
EXTENDING = 40  # buffers that a statement touches when its table grows by a page

OF_EMPTY, TRUE = "those of empty tables", "true statistics"

FILL = f"""
insert into stepwell.workflow_status
    (run_id, workflow_id, name, route, status, owner, epoch, attempts, input, input_digest, started_at, completed_at,
     created_at)
select ('01800000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid, 'w' || g, 'n' || (g % 20), '{ROUTE}', s,
       case when s = 'PENDING' then '{ME}'::uuid end, 1, 1, '{{}}', 'd', now(),
       case when s = 'SUCCESS' then now() end, now() - make_interval(secs => {RUNS} - g)
from (select g, case g % 50 when 0 then 'PENDING' when 1 then 'ENQUEUED' when 2 then 'WAITING' else 'SUCCESS' end as s
      from generate_series(1, {RUNS}) g) numbered;
insert into stepwell.operation_outputs
    (run_id, fingerprint, elapsed, seq, pos, epoch, branch, name, kind, ended, output)
select run_id, 1, 0.1, g, g, 1, '0', 's', 'step', 'ok', '1' from stepwell.workflow_status, generate_series(0, 2) g;
insert into stepwell.waits (run_id, branch, seq, kind, target_run)
select run_id, '0', 1, 'run', run_id from stepwell.workflow_status where status = 'WAITING';
insert into stepwell.operation_intents (run_id, branch, seq, epoch, name, kind)
select run_id, '0', 7, 1, 's', 'once' from stepwell.workflow_status where status = 'PENDING';
insert into stepwell.messages (run_id, key, body, consumed_epoch, consumed_branch, consumed_seq)
select run_id, 'k', '1', 1, '0', 0 from stepwell.workflow_status;
insert into stepwell.events (run_id, key, value, branch, seq)
select run_id, 'k', '1', '0', 0 from stepwell.workflow_status;
insert into stepwell.streams (run_id, key, number, value)
select run_id, 'k', 0, '1' from stepwell.workflow_status;
insert into stepwell.publications (run_id, branch, seq, kind, key)
select run_id, '0', 0, 'event', 'k' from stepwell.workflow_status;
insert into stepwell.executors (incarnation, lease_until, namespace, app, label, serves, queues)
values ('{ME}', '2020-01-01', 'default', 'default', 'l', '{{}}', '{{}}');
"""


@pytest.fixture(scope="module", params=["no statistics", OF_EMPTY, TRUE])
def statistics(request: pytest.FixtureRequest) -> str:
    """The state of the planner's statistics."""
    return str(request.param)


@pytest.fixture(scope="module")
def filled_url(statistics: str, postgres_server: PostgresServer) -> Iterator[str]:
    name = f"stepwell_plans_{uuid.uuid4().hex[:12]}"
    url = postgres_server.create_database(name)
    asyncio.run(migrated(url))
    with psycopg.connect(url, autocommit=True) as connection:
        for table in (*LARGE, "operation_intents", "waits"):
            connection.execute(f"alter table stepwell.{table} set (autovacuum_enabled = false)".encode())
        if statistics == OF_EMPTY:
            connection.execute("analyze")
        connection.execute(FILL.encode())
        if statistics == TRUE:
            connection.execute("analyze")
    yield url
    postgres_server.drop_database(name)


async def migrated(url: str) -> None:
    store = PostgresStore(url, StoreIdentity())
    await store.migrate()
    await store.close()


@pytest.fixture
async def filled(filled_url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(filled_url, StoreIdentity())
    yield store
    await store.close()


def run_ids(count: int, remainder: int = 0) -> list[UUID]:
    """Runs of one status, spread over the table: remainder 0 is PENDING, 1 ENQUEUED, 2 WAITING, 3 SUCCESS."""
    stride = RUNS // 50 // count * 50
    numbers = (50 + remainder + stride * n for n in range(count))
    return [UUID(f"01800000-0000-7000-8000-{number:012x}") for number in numbers]


async def plans_of(store: PostgresStore, *statements: Statement) -> list[Plan]:
    plans = await explain(store, store._lanes.misc, *statements)
    for plan in plans:
        assert plan.large_scans == [], f"{plan.large_scans} in\n{plan.sql}"
    return plans


@pytest.mark.parametrize("count", [1, 2, 10, BATCH, 400])
async def test_a_group_commit(filled: PostgresStore, count: int) -> None:
    ids = run_ids(count)
    batch = Batch(
        starts=[new_run() for _ in ids],
        intents=[Intent(run, 1, "0", 9, "s", "once") for run in ids],
        checkpoints=[step(Execution(run, 1), 7, settles_intent=True) for run in ids],
        finishes=[Finish(run, 1, "SUCCESS", "1", None) for run in ids],
    )
    statements, expected = filled._journal._statements(batch, [])
    await plans_of(filled, *statements)  # the session learns what it needs of the catalogs
    plans = await plans_of(filled, *statements)
    starts, intents, checkpoints, settle, finishes = plans
    assert [bool(n) for n in expected] == [True, True, True, False, True]
    # The plans of functions are not seen (checkpoints, finishes), but their buffers; see test_kept_plans.
    assert intents.indexes == {"workflow_status_pkey", "operation_outputs_pkey"}, "nothing of what is recorded begins"
    assert settle.indexes == {"operation_intents_pkey", "operation_outputs_pkey"}
    assert checkpoints.buffers <= 14 * count + EXTENDING, "three levels of two indexes, a lock and a row"
    assert intents.buffers <= 20 * count + EXTENDING
    assert finishes.buffers <= 50 * count + EXTENDING, "the run, and a new entry in each index that holds it"
    assert starts.buffers <= 50 * count + EXTENDING


async def test_the_careful_form(filled: PostgresStore) -> None:
    rows = [step(Execution(run, 1), 8) for run in run_ids(BATCH)]
    finishes = [Finish(row.run_id, 1, "SUCCESS", "1", None) for row in rows]
    sql = filled._lanes.sql
    for plan in await plans_of(
        filled,
        binding.columns(sql("checkpoints/record_carefully"), *binding.checkpoint_columns(rows)),
        binding.checkpoint_explain(sql("checkpoints/explain"), rows),
        binding.finish_carefully(sql("finishes/finish_carefully"), finishes),
        binding.finish_explain(sql("finishes/explain"), finishes),
        binding.start_look_up(sql("starts/look_up"), "default", [new_run() for _ in rows]),
        statement(sql("intents/clear_ended"), params.uuids([row.run_id for row in rows])),
    ):
        assert plan.buffers <= 60 * BATCH, plan.sql


async def test_a_claim(filled: PostgresStore) -> None:
    where = ME, "default", "default", params.texts(["mail"]), params.texts([ROUTE, "other", "third"]), BATCH, BATCH
    release, expire, _, take = await plans_of(filled, *filled._take_statements(where, BATCH))
    assert release.indexes == {"workflow_status_delayed"}
    assert expire.indexes == {"workflow_status_expiry"}
    # The plans of its functions are not seen, histories of claimed runs among them: by another index all would be read.
    assert take.buffers <= 70 * BATCH


async def test_an_idle_claim_is_cheap(filled: PostgresStore) -> None:
    where = ME, "default", "default", params.texts(["mail"]), params.texts(["nobody", "nothing"]), BATCH, BATCH
    for _ in range(8):  # until its functions keep their plans: to make one reads the catalogs
        *_, take = await plans_of(filled, *filled._take_statements(where, BATCH))
    assert take.buffers <= 30


async def test_a_claim_after_a_takeover(postgres_url: str) -> None:
    """The statistics know of no enqueued run: still none is read that is not taken.

    With names as long as this one the claim's index is the larger one, which the planner avoids.
    """
    route = "shop.fulfilment.workflows:process_all_the_orders_of_a_day||"
    store = PostgresStore(postgres_url, StoreIdentity())
    await store.migrate()
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        await connection.execute("alter table stepwell.workflow_status set (autovacuum_enabled = false)")
        await connection.execute(
            f"""
            insert into stepwell.workflow_status
                (run_id, workflow_id, name, route, status, owner, epoch, attempts, input, input_digest)
            select gen_random_uuid(), 'w' || g, 'n', '{route}', 'PENDING', '{ME}', 1, 1, '{{}}', 'd'
            from generate_series(1, 10000) g""".encode()
        )
        await connection.execute("analyze")
        await connection.execute("update stepwell.workflow_status set status = 'ENQUEUED', owner = null")
    where = ME, "default", "default", None, params.texts([route]), BATCH, BATCH
    for _ in range(8):  # until its functions keep their plans: to make one reads the catalogs
        *_, take = await explain(store, store._lanes.misc, *store._take_statements(where, BATCH))
    await store.close()
    assert take.buffers <= 30 * BATCH, "it must not sort all that is enqueued, once per claim"


async def test_parking_and_waking(filled: PostgresStore) -> None:
    leaves = [Leave(run, 1, "WAITING", waits=(Wait("0", 1, "timer", wake_at=1.0),)) for run in run_ids(40)]
    sql = filled._lanes.sql
    leave, add, wake, waiters, due = await plans_of(
        filled,
        filled._leave_statement(leaves),
        filled._waits_statement(leaves),
        statement(sql("waits/wake_ripe"), BATCH),
        statement(sql("waits/wake_waiters"), params.uuids(run_ids(5, 3))),
        statement(sql("waits/next")),
    )
    assert leave.buffers <= 60 * 40
    assert add.buffers <= 20 * 40
    assert wake.buffers <= 4 * RUNS // 50 + 60 * BATCH, "every wait for a run is looked at"
    assert waiters.buffers <= 200
    assert due.buffers <= 20


async def test_sweeps(filled: PostgresStore) -> None:
    sql = filled._lanes.sql
    observed = params.uuids([ME]), params.int8s([0])
    reap, _, _, orphans, deadlines, blocked, purge, others, acquire = await plans_of(
        filled,
        statement(sql("sweeps/reap"), *observed, BATCH),
        statement(sql("sweeps/left_of_dead"), *observed),
        statement(sql("sweeps/remove_dead"), *observed),
        statement(sql("sweeps/reap_orphans"), BATCH),
        statement(sql("sweeps/expire_deadlines"), BATCH),
        statement(sql("sweeps/retry_blocked"), "default", "default", params.texts(["r"]), params.texts(["h"]), BATCH),
        statement(sql("sweeps/purge"), 1e6, BATCH, "default", "default"),
        statement(sql("sweeps/purge"), 0.0, BATCH, "default", "whose runs are few"),
        statement(sql("sweeps/acquire"), ME, 5.0, "sweep"),
    )
    assert "workflow_status_owner" in reap.indexes & orphans.indexes
    assert reap.buffers <= 60 * BATCH
    for idle in (deadlines, blocked, purge, others, acquire):
        assert idle.buffers <= 60, idle.sql


async def test_looking(filled: PostgresStore) -> None:
    ids = run_ids(BATCH, 3)
    sql = filled._lanes.sql
    outcomes, steps, cancels, owned, cancel = await plans_of(
        filled,
        statement(sql("outcomes/of_runs"), params.uuids(ids)),
        statement(sql("looking/steps"), ids[0], -1, 100, True),
        statement(sql("executors/cancels"), ME),
        statement(sql("executors/owned"), ME),
        statement(sql("operators/cancel"), params.uuids(run_ids(5)), "enough", False, True),
    )
    assert outcomes.buffers <= 6 * BATCH
    assert steps.buffers <= 30
    assert cancels.buffers <= 3
    assert owned.indexes == {"workflow_status_owner"}
    assert cancel.buffers <= 60 * 5


@pytest.mark.parametrize(
    "where",
    [
        RunFilter(),
        RunFilter(name="n3"),
        RunFilter(name="n3", status=("SUCCESS",)),
        RunFilter(status=("SUCCESS",)),
        RunFilter(status=("WAITING",)),
        RunFilter(status=("PENDING",)),
        RunFilter(status=("PENDING", "ENQUEUED", "WAITING")),
        RunFilter(status=("ERROR",)),
        RunFilter(id_prefix="w1234"),
        RunFilter(parent_run=UUID(int=5)),
        RunFilter(after=UUID("01800000-0000-7000-8000-000000006000")),
        RunFilter(name="n3", after=UUID("01800000-0000-7000-8000-000000006000")),
    ],
    ids=repr,
)
async def test_lists_stay_flat(filled: PostgresStore, statistics: str, where: RunFilter) -> None:
    """With true statistics. Until the first ANALYZE the planner takes a namespace for 0.5 % of the runs."""
    query = listing.select_runs("stepwell", "default", where, payloads=False)
    if statistics == TRUE:
        (page,) = await plans_of(filled, query)
        assert page.buffers <= 12 * BATCH, "a page, or all of a rare status"
    else:
        (page,) = await explain(filled, filled._lanes.misc, query)
        assert page.buffers <= RUNS // 20, "a part of the table, by an index"
