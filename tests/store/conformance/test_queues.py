"""Queues: their rows, what is in them, and why a run of one waits."""

from typing import Any
from uuid import UUID

import pytest

from stepwell.model.queues import Queue, QueueRow, Rate
from tests.store.conformance.kit import START, World
from tests.store.conformance.queue_kit import NAME, ids, limited, put, take, take_all

FULL = Queue(
    NAME, concurrency=5, worker_concurrency=2, rate=Rate(100, per=60), partition_concurrency=1,
    partition_rate=Rate(3, per=0.5), fair=False, paused=True,
)  # fmt: skip


async def test_settings_are_kept(world: World) -> None:
    assert await world.store.queue(NAME) is None
    await world.store.set_queue(FULL)
    assert await world.store.queue(NAME) == FULL
    await world.store.set_queue(Queue(NAME))
    assert await world.store.queue(NAME) == Queue(NAME)


async def test_settings_are_of_one_namespace(world: World) -> None:
    other, app = await world.another(namespace="other"), await world.another(app="other")
    await world.store.set_queue(FULL)
    assert await other.queue(NAME) is None
    assert await app.queue(NAME) == FULL


async def test_a_declaration_writes_a_row(world: World) -> None:
    await world.store.declare_queues([FULL, Queue("print")])
    assert await world.store.queue(NAME) == FULL
    assert await world.store.queue("print") == Queue("print")
    await world.store.declare_queues([])


async def test_a_new_declaration_takes_the_place_of_the_old(world: World) -> None:
    await world.store.declare_queues([FULL])
    await world.store.declare_queues([Queue(NAME, concurrency=7)])
    assert await world.store.queue(NAME) == Queue(NAME, concurrency=7)


async def test_what_was_changed_since_it_was_declared_stays(world: World) -> None:
    declared = Queue(NAME, concurrency=5, rate=Rate(10, per=60))
    await world.store.declare_queues([declared])
    await world.store.set_queue(declared.changed(concurrency=9, paused=True))
    await world.store.declare_queues([declared])
    assert await world.store.queue(NAME) == declared.changed(concurrency=9, paused=True)
    now = Queue(NAME, concurrency=6, rate=Rate(20, per=60), worker_concurrency=2)
    await world.store.declare_queues([now])
    assert await world.store.queue(NAME) == now.changed(concurrency=9, paused=True)


async def test_a_change_that_is_taken_back_follows_declarations_again(world: World) -> None:
    declared = Queue(NAME, concurrency=5)
    await world.store.declare_queues([declared])
    await world.store.set_queue(declared.changed(concurrency=9))
    await world.store.set_queue(declared)
    await world.store.declare_queues([Queue(NAME, concurrency=6)])
    assert await world.store.queue(NAME) == Queue(NAME, concurrency=6)


@pytest.mark.parametrize(
    ("before", "changed", "now", "kept"),
    [
        (Rate(10, per=60), None, Rate(10, per=5), None),
        (None, Rate(5, per=60), Rate(20, per=30), Rate(5, per=60)),
        (Rate(10, per=60), Rate(10, per=60), Rate(20, per=30), Rate(20, per=30)),
    ],
)
async def test_a_rate_is_one_setting(
    world: World, before: Rate | None, changed: Rate | None, now: Rate | None, kept: Rate | None
) -> None:
    await redeclared(world, before, changed, now)
    assert await world.store.queue(NAME) == Queue(NAME, rate=kept, partition_rate=kept)


@pytest.mark.parametrize("changed", [Rate(5, per=60), Rate(10, per=30)])
@pytest.mark.parametrize("now", [None, Rate(20, per=45)])
async def test_a_rate_of_which_a_part_was_changed_stays(world: World, changed: Rate, now: Rate | None) -> None:
    await redeclared(world, Rate(10, per=60), changed, now)
    assert await world.store.queue(NAME) == Queue(NAME, rate=changed, partition_rate=changed)


async def redeclared(world: World, before: Rate | None, changed: Rate | None, now: Rate | None) -> None:
    """Declared with one rate, changed to another, and declared with a third."""
    await world.store.declare_queues([Queue(NAME, rate=before, partition_rate=before)])
    await world.store.set_queue(Queue(NAME, rate=changed, partition_rate=changed))
    await world.store.declare_queues([Queue(NAME, rate=now, partition_rate=now)])


async def test_what_was_set_before_any_declaration_stays(world: World) -> None:
    await world.store.set_queue(Queue(NAME, concurrency=3))
    await world.store.declare_queues([Queue(NAME, concurrency=5, worker_concurrency=2)])
    assert await world.store.queue(NAME) == Queue(NAME, concurrency=3, worker_concurrency=2)


async def test_a_row_that_a_claim_made_for_turns_is_free_for_a_declaration(world: World) -> None:
    await put(world, partition_key="a")
    assert len(await take_all(world)) == 1
    await world.store.declare_queues([FULL])
    assert await world.store.queue(NAME) == FULL


async def test_the_list_counts_what_is_in_queues(world: World) -> None:
    await limited(world, concurrency=2)
    await limited(world, "empty", paused=True)
    await put(world, 3)
    await world.clock.advance(1)
    await put(world, 1, priority=-100)
    assert len(await take_all(world)) == 2
    await put(world, 2, delay=60.0)
    await put(world, 1, queue="undeclared", expires=9.0)
    await world.enqueue()
    assert await world.store.queues() == [
        QueueRow(Queue("empty", paused=True), 0, 0, 0, None),
        QueueRow(Queue(NAME, concurrency=2), 2, 2, 2, START),
        QueueRow(Queue("undeclared"), 1, 0, 0, START + 1, declared=False),
    ]
    assert [row.queue.name for row in await world.store.queues("undeclared")] == ["undeclared"]
    assert await world.store.queues("nothing") == []


async def test_a_queue_of_which_runs_are_executed_only_is_listed(world: World) -> None:
    await put(world, 1)
    assert len(await take_all(world)) == 1
    assert await world.store.queues() == [QueueRow(Queue(NAME), 0, 0, 1, None, declared=False)]


async def test_the_list_is_of_one_namespace_and_of_all_its_apps(world: World) -> None:
    other, app = await world.another(namespace="other"), await world.another(app="other")
    for store in (world.store, app):
        await store.start([world.new(status="ENQUEUED", queue=NAME)])
    assert [row.waiting for row in await world.store.queues()] == [2]
    assert await other.queues() == []


async def test_a_purge_ends_what_never_started_the_oldest_first(world: World) -> None:
    (first,) = await put(world)
    (one,) = await take_all(world)
    await world.release(one)
    waiting: list[UUID] = []
    for _ in range(3):
        await world.clock.advance(1)
        waiting += await put(world, priority=-len(waiting))
    await world.clock.advance(1)
    waiting += await put(world, delay=60.0)
    direct, (other,) = await world.enqueue(), await put(world, queue="print")
    assert sorted(await world.store.purge_queue(NAME, 2)) == waiting[:2]
    assert sorted(await world.store.purge_queue(NAME, 10)) == waiting[2:]
    assert await world.store.purge_queue(NAME, 10) == []
    for run in waiting:
        row = await world.row(run)
        assert (row.status, row.cancel_reason, row.completed_at) == ("CANCELLED", "purged", world.clock.now)
    assert [await world.status(run) for run in (first, direct, other)] == ["ENQUEUED"] * 3


async def test_a_purge_is_of_one_namespace(world: World) -> None:
    other = await world.another(namespace="other")
    await put(world)
    assert await other.purge_queue(NAME, 10) == []


async def test_a_queue_is_deleted_when_nothing_of_it_waits_or_runs(world: World) -> None:
    await limited(world, concurrency=1)
    (run,) = await put(world, delay=5.0)
    assert not await world.store.delete_queue(NAME)
    await world.clock.advance(5)
    (running,) = await take_all(world)
    assert not await world.store.delete_queue(NAME)
    assert await world.store.queue(NAME) is not None
    await world.end(running)
    assert await world.store.delete_queue(NAME)
    assert await world.store.queue(NAME) is None
    assert not await world.store.delete_queue(NAME)
    assert await world.status(run) == "SUCCESS"


@pytest.mark.parametrize("leave", [World.park, World.block])
async def test_a_queue_is_not_deleted_while_a_run_of_it_is_to_go_on(world: World, leave: Any) -> None:
    await limited(world, concurrency=1)
    await put(world)
    (run,) = await take_all(world)
    await leave(world, run)
    assert not await world.store.delete_queue(NAME)
    assert await world.store.queue(NAME) is not None


async def test_why_a_run_waits_for_concurrency(world: World) -> None:
    queue = await limited(world, concurrency=2)
    await put(world, workflow_id="first")
    await put(world, workflow_id="second")
    assert len(await take_all(world)) == 2
    await put(world, 3)
    await world.clock.advance(1)
    (run,) = await put(world)
    standing = await world.store.standing_in_queue(run)
    assert standing is not None
    assert (standing.queue, standing.running, standing.ahead) == (queue, 2, 3)
    assert (standing.opens_in, standing.partition_opens_in) == (None, None)
    assert sorted(standing.holders) == ["first", "second"]


async def test_holders_are_those_of_the_limit_that_is_full(world: World) -> None:
    await limited(world, concurrency=3, partition_concurrency=1)
    await put(world, workflow_id="a", partition_key="a")
    await put(world, workflow_id="b", partition_key="b")
    assert len(await take_all(world)) == 2
    (run,) = await put(world, 1, partition_key="a")
    standing = await world.store.standing_in_queue(run)
    assert standing is not None
    assert standing.holders == ("a",)
    await put(world, workflow_id="c", partition_key="c")
    assert len(await take_all(world)) == 1
    standing = await world.store.standing_in_queue(run)
    assert standing is not None
    assert sorted(standing.holders) == ["a", "b", "c"]


async def test_why_a_run_waits_for_a_rate(world: World) -> None:
    await limited(world, rate=Rate(1, per=60), partition_rate=Rate(1, per=90))
    await put(world, 1, partition_key="a")
    assert len(await take_all(world)) == 1
    (run,) = await put(world, 1, partition_key="a")
    await world.clock.advance(20)
    standing = await world.store.standing_in_queue(run)
    assert standing is not None
    assert (standing.opens_in, standing.partition_opens_in) == (40.0, 70.0)
    await world.clock.advance(40)
    standing = await world.store.standing_in_queue(run)
    assert standing is not None
    assert (standing.opens_in, standing.partition_opens_in) == (None, 30.0)


async def test_why_a_run_waits_for_its_partition(world: World) -> None:
    await limited(world, partition_concurrency=1)
    await put(world, workflow_id="mine", partition_key="a")
    await put(world, workflow_id="other", partition_key="b")
    assert len(await take_all(world)) == 2
    (run,) = await put(world, 1, partition_key="a")
    standing = await world.store.standing_in_queue(run)
    assert standing is not None
    assert (standing.running, standing.running_in_partition, standing.holders) == (2, 1, ("mine",))


async def test_only_what_waits_in_a_queue_with_a_row_stands_there(world: World) -> None:
    (undeclared,), direct = await put(world), await world.enqueue()
    assert await world.store.standing_in_queue(undeclared) is None
    assert await world.store.standing_in_queue(direct) is None
    await limited(world, concurrency=1)
    assert await world.store.standing_in_queue(undeclared) is not None
    assert undeclared in ids((await take(world)).runs)
    assert await world.store.standing_in_queue(undeclared) is None
