"""What a store does when the network, the server or a lock is in the way."""

import asyncio
import time
from typing import Any

import psycopg
import pytest
from psycopg import conninfo

from stepwell.model.rows import Batch, Verdict
from stepwell.store.api import StoreIdentity
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres import PostgresStore
from tests.store.conformance.kit import Execution, finish, intent, step
from tests.store.postgres_only.conftest import Bystander
from tests.store.postgres_only.kit import (
    ME,
    begin,
    cut_all,
    eventually,
    locked,
    new_run,
    proxied,
    waiting_for_a_lock,
)

WRITTEN, MINE, LOST, BUSY = Verdict.WRITTEN, Verdict.MINE, Verdict.LOST, Verdict.BUSY
DEADLINE = 0.5


# -- black holes -----------------------------------------------------------------------------------------


async def test_a_black_holed_connection_frees_its_caller(store: PostgresStore, postgres_url: str) -> None:
    run = await begin(store)
    async with proxied(postgres_url) as (proxy, url):
        through = PostgresStore(url, StoreIdentity(), call_deadline=DEADLINE)
        await through.commit(Batch(checkpoints=[step(run, 0)]))
        proxy.swallow_requests = True
        began = time.monotonic()
        with pytest.raises(StoreFault) as caught:
            await through.commit(Batch(checkpoints=[step(run, 1)]))
        assert DEADLINE <= time.monotonic() - began < 10 * DEADLINE
        assert (caught.value.kind, caught.value.ambiguous) == (FaultKind.CONNECTION, True)
        assert proxy.requests_swallowed > 0
        proxy.swallow_requests = False
        committed = await through.commit(Batch(checkpoints=[step(run, 1)]))
        assert committed.all_written, "nothing had arrived, and the store has connected anew"
        await through.close()


async def test_connecting_into_a_black_hole_ends_too(postgres_url: str) -> None:
    async with proxied(postgres_url) as (proxy, url):
        proxy.swallow_requests = True
        store = PostgresStore(url, StoreIdentity(), call_deadline=DEADLINE)
        with pytest.raises(StoreFault) as caught:
            await store.open()
        assert (caught.value.kind, caught.value.ambiguous) == (FaultKind.CONNECTION, False)
        assert store.connection_count() == 0


async def test_the_heartbeat_is_freed_too(store: PostgresStore, postgres_url: str) -> None:
    await store.register(ME, "host:1", 15.0, [], [])
    async with proxied(postgres_url) as (proxy, url):
        through = PostgresStore(url, StoreIdentity(), call_deadline=DEADLINE)
        port = through.heartbeat_port()
        assert (await asyncio.to_thread(port.beat, ME, 15.0)).known
        proxy.swallow_answers = True
        with pytest.raises(StoreFault) as caught:
            await asyncio.to_thread(port.beat, ME, 15.0)
        assert caught.value.kind is FaultKind.CONNECTION
        proxy.swallow_answers = False
        assert (await asyncio.to_thread(port.beat, ME, 15.0)).known
        port.close()


# -- acknowledgements that are lost --------------------------------------------------------------------------


async def test_a_commit_whose_answer_was_lost_is_mine_when_sent_again(store: PostgresStore, postgres_url: str) -> None:
    new = new_run()
    run = Execution(new.run_id, 1)
    life = Batch(starts=[new], checkpoints=[step(run, 0), step(run, 1)], finishes=[finish(run)])
    async with proxied(postgres_url) as (proxy, url):
        through = PostgresStore(url, StoreIdentity(), call_deadline=DEADLINE)
        await through.commit(Batch(checkpoints=[step(await begin(store), 0)]))
        proxy.swallow_answers = True
        with pytest.raises(StoreFault) as caught:
            await through.commit(life)
        assert caught.value.ambiguous
        assert proxy.answers_swallowed > 0
        proxy.swallow_answers = False
        again = await through.commit(life)
        await through.close()
    assert (again.starts, again.checkpoints, again.finishes) == ([MINE], [MINE, MINE], [MINE])
    assert len(await store.list_steps(run.run_id)) == 2


def work_of_many() -> Batch:
    """Every part of a batch, each with an answer of its own: three runs that end, and three that begin to wait."""
    batch = Batch(starts=[new_run() for _ in range(6)])
    runs = [Execution(new.run_id, 1) for new in batch.starts]
    batch.checkpoints = [step(run, seq) for run in runs for seq in range(3)]
    batch.finishes = [finish(run) for run in runs[:3]]
    batch.intents = [intent(run, 9, "wait", delay=60.0) for run in runs[3:]]
    return batch


async def settled(store: PostgresStore, batch: Batch) -> int:
    """Send it, and again what has no answer or is busy, as the journal does; how many calls it took."""
    for calls in range(1, 30):
        try:
            committed = await store.commit(batch)
        except StoreFault as fault:
            assert fault.kind is FaultKind.CONNECTION
            continue
        if committed.all_written:
            return calls
        again = Batch()
        parts: list[tuple[list[Any], list[Verdict], list[Any]]] = [
            (batch.starts, committed.starts, again.starts),
            (batch.intents, committed.intents, again.intents),
            (batch.checkpoints, committed.checkpoints, again.checkpoints),
            (batch.finishes, committed.finishes, again.finishes),
        ]
        for rows, verdicts, left in parts:
            assert set(verdicts) <= {WRITTEN, MINE, BUSY}
            left.extend(row for row, verdict in zip(rows, verdicts, strict=True) if verdict is BUSY)
        if not again:
            return calls
        batch = again
    raise AssertionError("it never comes to an end")


@pytest.mark.parametrize("offset", range(5))
@pytest.mark.parametrize("every", [2, 3, 5])
async def test_a_batch_ends_although_every_nth_answer_is_lost(
    store: PostgresStore, postgres_url: str, every: int, offset: int
) -> None:
    """A batch that began anew each time would lose the same answer for ever."""
    batch = work_of_many()
    async with proxied(postgres_url) as (proxy, url):
        through = PostgresStore(url, StoreIdentity())
        await through.commit(Batch(checkpoints=[step(await begin(store), 0)]))
        proxy.lose_every = 1
        with pytest.raises(StoreFault):
            await through.commit(batch)  # all of it is there, and the careful form has to find that out
        proxy.lose_every, proxy.answers = every, offset
        calls = await settled(through, batch)
        await through.close()
    assert calls <= 10
    for run in batch.starts:
        assert len(await store.list_steps(run.run_id)) == (3 if run in batch.starts[:3] else 4)
        row = await store.get_run(run.run_id)
        assert row is not None
        assert row.status == ("SUCCESS" if run in batch.starts[:3] else "PENDING")


@pytest.mark.parametrize("every", [2, 3])
async def test_starts_end_although_every_nth_answer_is_lost(
    postgres_url: str, store: PostgresStore, every: int
) -> None:
    async with proxied(postgres_url) as (proxy, url):
        through = PostgresStore(url, StoreIdentity())
        await through.start([new_run(None)])
        proxy.lose_every, proxy.answers = every, every - 1
        for _ in range(5):
            runs = [new_run(None) for _ in range(3)]
            calls, started = 0, None
            while started is None:
                calls += 1
                assert calls <= 3, "it never comes to an end"
                try:
                    started = await through.start(runs)
                except StoreFault as fault:
                    assert fault.ambiguous
            assert [each.run_id for each in started] == [run.run_id for run in runs]
            assert all(each.created for each in started)
        await through.close()


async def test_a_cancelled_caller_leaves_no_answer_for_the_next(store: PostgresStore, bystander: Bystander) -> None:
    run, other = await begin(store), await begin(store)
    with locked(bystander, run.run_id):
        commit = asyncio.create_task(store.commit(Batch(checkpoints=[step(run, 0)])))
        await eventually(lambda: waiting_for_a_lock(bystander))
        commit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await commit
        assert (await store.commit(Batch(checkpoints=[step(other, 0)]))).all_written
    assert await store.now()


# -- connections that end ------------------------------------------------------------------------------------


async def test_a_connection_that_ends_under_a_call(store: PostgresStore, bystander: Bystander) -> None:
    run = await begin(store)
    with locked(bystander, run.run_id):
        commit = asyncio.create_task(store.commit(Batch(checkpoints=[step(run, 0)])))
        await eventually(lambda: waiting_for_a_lock(bystander))
        assert cut_all(bystander) > 0
        with pytest.raises(StoreFault) as caught:
            await commit
    assert (caught.value.kind, caught.value.ambiguous) == (FaultKind.CONNECTION, True)
    assert (await store.commit(Batch(checkpoints=[step(run, 0)]))).all_written


async def test_a_connection_that_ended_while_idle_is_nobodys_fault(store: PostgresStore, bystander: Bystander) -> None:
    run = await begin(store)
    await store.commit(Batch(checkpoints=[step(run, 0)]))
    assert cut_all(bystander) == store.connection_count() == 3
    await eventually(lambda: store.connection_count() == 0)
    assert (await store.commit(Batch(checkpoints=[step(run, 1)]))).all_written


async def test_at_most_five_connections(store: PostgresStore, bystander: Bystander) -> None:
    runs = await asyncio.gather(*(begin(store) for _ in range(20)))
    await asyncio.gather(*(store.commit(Batch(checkpoints=[step(run, 0)])) for run in runs))
    await asyncio.gather(*(store.executors() for _ in range(20)))
    port = store.heartbeat_port()
    port.beat(ME, 15.0)
    query = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    row = bystander.execute(query).fetchone()
    assert row == (store.connection_count(),) == (4,)
    port.close()


# -- locks --------------------------------------------------------------------------------------------------


async def test_a_locked_run_is_busy_and_holds_nobody_else_up(store: PostgresStore, bystander: Bystander) -> None:
    run, other = await begin(store), await begin(store)
    batch = Batch(checkpoints=[step(run, 0), step(other, 0)], finishes=[finish(run), finish(other)])
    with locked(bystander, run.run_id):
        committed = await store.commit(batch)
        assert committed.checkpoints == [BUSY, WRITTEN]
        assert committed.finishes == [BUSY, WRITTEN], "a finish never goes without its checkpoint"
        again = await store.commit(Batch(checkpoints=[step(run, 0)], finishes=[finish(run)]))
        assert (again.checkpoints, again.finishes) == ([BUSY], [BUSY])
    committed = await store.commit(Batch(checkpoints=[step(run, 0)], finishes=[finish(run)]))
    assert committed.all_written


@pytest.mark.parametrize("others", [0, 3])
async def test_outcomes_of_a_locked_run_are_busy(store: PostgresStore, bystander: Bystander, others: int) -> None:
    run, *rest = [await begin(store) for _ in range(1 + others)]
    with locked(bystander, run.run_id):
        committed = await store.commit(Batch(checkpoints=[step(each, 0) for each in (run, *rest)]))
    assert committed.checkpoints == [BUSY] + [WRITTEN] * others


async def test_a_known_busy_run_does_not_cost_a_lock_timeout_each_time(
    store: PostgresStore, bystander: Bystander
) -> None:
    run = await begin(store)
    with locked(bystander, run.run_id):
        await store.commit(Batch(checkpoints=[step(run, 0)]))
        began = time.monotonic()
        for _ in range(20):
            assert (await store.commit(Batch(checkpoints=[step(run, 0)]))).checkpoints == [BUSY]
        assert time.monotonic() - began < 20 * 0.25, "the fast form waits for its lock_timeout, 250 ms, each time"


async def test_a_zombie_takes_and_awaits_no_lock(store: PostgresStore, bystander: Bystander) -> None:
    run = await begin(store)
    assert await store.request_cancel([run.run_id], "enough", force=True, children=False) == [run.run_id]
    with locked(bystander, run.run_id):
        committed = await store.commit(Batch(checkpoints=[step(run, 0)], finishes=[finish(run)]))
    assert (committed.checkpoints, committed.finishes) == ([LOST], [LOST])


async def test_an_earlier_attempt_that_is_still_running(store: PostgresStore, bystander: Bystander) -> None:
    """The same rows, written by a transaction that has not committed yet: busy, then mine."""
    run = await begin(store)
    insert = (
        "insert into stepwell.operation_outputs"
        " (run_id, fingerprint, elapsed, seq, pos, epoch, branch, name, kind, ended, output)"
        " values (%s, 7, 0.25, 0, 0, 1, '0', 'step_0', 'step', 'ok', '\"out 0\"')"
    )
    with bystander.transaction():
        bystander.execute("select from stepwell.workflow_status where run_id = %s for share", [run.run_id])
        bystander.execute(insert, [run.run_id])
        assert (await store.commit(Batch(checkpoints=[step(run, 0)]))).checkpoints == [BUSY]
    assert (await store.commit(Batch(checkpoints=[step(run, 0)]))).checkpoints == [MINE]


async def test_a_start_waits_for_another_transaction_with_its_id(store: PostgresStore, bystander: Bystander) -> None:
    winner, loser = new_run(workflow_id="o-1"), new_run(workflow_id="o-1")
    insert = (
        "insert into stepwell.workflow_status (run_id, workflow_id, name, route, status, input, input_digest)"
        " values (%s, %s, 'checkout', 'r', 'ENQUEUED', '{}', 'd')"
    )
    with bystander.transaction():
        bystander.execute(insert, [winner.run_id, winner.workflow_id])
        start = asyncio.create_task(store.start([loser]))
        await eventually(lambda: waiting_for_a_lock(bystander))
        mine = new_run()
        beside = Batch(starts=[mine], checkpoints=[step(Execution(mine.run_id, 1), 0)])
        assert (await store.commit(beside)).all_written, "the other lane goes on"
    (started,) = await start
    assert (started.run_id, started.created) == (winner.run_id, False)


async def test_bulk_starts_with_shared_ids_do_not_deadlock(store: PostgresStore, postgres_url: str) -> None:
    other = PostgresStore(postgres_url, StoreIdentity())
    for number in range(30):
        names = [f"{number}-{i}" for i in range(40)]
        here, there = await asyncio.gather(
            store.start([new_run(workflow_id=name) for name in names]),
            other.start([new_run(workflow_id=name) for name in reversed(names)]),
        )
        assert [row.run_id for row in here] == [row.run_id for row in reversed(there)]
        assert sum(row.created for row in here) + sum(row.created for row in there) == len(names)
    await other.close()


# -- isolation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
async def test_the_databases_default_isolation_does_not_matter(
    store: PostgresStore, bystander: Bystander, postgres_url: str, level: str
) -> None:
    set_default(bystander, level)
    strict = PostgresStore(postgres_url, StoreIdentity())
    await strict.open()
    (first, second), third = await strict.start([new_run(), new_run()]), await begin(strict)
    runs = [Execution(first.run_id, 1), Execution(second.run_id, 1), third]
    assert (await strict.commit(Batch(checkpoints=[step(run, 0) for run in runs]))).all_written
    with locked(bystander, runs[0].run_id):
        committed = await strict.commit(Batch(checkpoints=[step(run, 1) for run in runs]))
        assert committed.checkpoints == [BUSY, WRITTEN, WRITTEN]
    assert (await strict.commit(Batch(finishes=[finish(run) for run in runs]))).all_written
    assert any("isolation" in warning for warning in await strict.warnings())
    await strict.close()


@pytest.mark.parametrize("count", [1, 3])
async def test_an_isolation_that_changes_under_way_does_not_matter(
    store: PostgresStore, bystander: Bystander, count: int
) -> None:
    run = await begin(store)
    await store.commit(Batch(checkpoints=[step(run, 0)]))
    set_default(bystander, "serializable")
    cut_all(bystander)
    await eventually(lambda: store.connection_count() == 0)
    assert (await store.commit(Batch(checkpoints=[step(run, 1 + n) for n in range(count)]))).all_written
    assert store._lanes.journal.explicit_begin, "the statements have noticed by themselves"
    assert (await store.commit(Batch(checkpoints=[step(run, 9)], finishes=[finish(run)]))).all_written


def set_default(bystander: psycopg.Connection, level: str) -> None:
    (name,) = bystander.execute("select current_database()").fetchone() or ("",)
    bystander.execute(f"alter database \"{name}\" set default_transaction_isolation = '{level}'".encode())


# -- the environment -----------------------------------------------------------------------------------------


async def test_a_wrong_password_is_the_environments_fault_and_not_shown(postgres_url: str) -> None:
    store = PostgresStore(conninfo.make_conninfo(postgres_url, password="wr0ng-s3cret"), StoreIdentity())
    with pytest.raises(StoreFault) as caught:
        await store.open()
    assert caught.value.kind is FaultKind.ENVIRONMENT
    assert "wr0ng" not in str(caught.value)


async def test_a_schema_that_is_not_there(postgres_url: str) -> None:
    store = PostgresStore(postgres_url, StoreIdentity())
    await store.open()
    with pytest.raises(StoreFault) as caught:
        await store.start([new_run()])
    assert caught.value.kind is FaultKind.ENVIRONMENT
    await store.close()


async def test_no_server_at_all() -> None:
    store = PostgresStore("postgresql://postgres@127.0.0.1:1/postgres", StoreIdentity())
    with pytest.raises(StoreFault) as caught:
        await store.open()
    assert (caught.value.kind, caught.value.ambiguous) == (FaultKind.CONNECTION, False)
