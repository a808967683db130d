"""Dedup keys: of one key in a queue, one run waits or is executed."""

import asyncio

import pytest

from stepwell.model.rows import ParentRef, Started
from stepwell.store.api import Store
from tests.store.conformance.kit import World, finish
from tests.store.conformance.queue_kit import NAME, ids, put, take_all


async def start(world: World, store: Store | None = None, **fields: object) -> Started:
    words = {"status": "ENQUEUED", "queue": NAME, "dedup_key": "k", **fields}
    (started,) = await (store or world.store).start([world.new(**words)])
    return started


async def test_a_second_start_attaches_to_the_first(world: World) -> None:
    first = await start(world, workflow_id="o-1", input_digest="one")
    second = await start(world, workflow_id="o-2", input_digest="two")
    assert (first.created, first.deduplicated) == (True, False)
    assert (second.created, second.deduplicated) == (False, True)
    assert (second.run_id, second.workflow_id, second.input_digest) == (first.run_id, "o-1", "one")
    assert await world.store.find_run("o-2") is None


@pytest.mark.parametrize("status", ["ENQUEUED", "PENDING", "WAITING", "BLOCKED"])
async def test_the_key_is_taken_until_the_run_ends(world: World, status: str) -> None:
    first = await start(world)
    if status != "ENQUEUED":
        (run,) = await take_all(world)
        if status == "WAITING":
            await world.park(run)
        elif status == "BLOCKED":
            await world.block(run)
    second = await start(world)
    assert (second.run_id, second.deduplicated, second.status) == (first.run_id, True, status)


@pytest.mark.parametrize("status", ["SUCCESS", "ERROR", "CANCELLED"])
async def test_the_key_is_free_after_the_end(world: World, status: str) -> None:
    await start(world)
    (run,) = await take_all(world)
    await world.written(finish(run, status))
    assert (await start(world)).created


async def test_the_key_is_free_after_a_cancellation_before_the_start(world: World) -> None:
    first = await start(world)
    await world.store.request_cancel([first.run_id], "enough", force=False, children=False)
    assert (await start(world)).created


async def test_keys_are_of_one_queue_and_namespace(world: World) -> None:
    stranger = await world.another(namespace="other")
    assert (await start(world)).created
    assert (await start(world, queue="print")).created
    assert (await start(world, queue=None)).created
    assert (await start(world, dedup_key="other")).created
    assert (await start(world, dedup_key=None)).created
    assert (await start(world, stranger)).created


async def test_keys_are_of_all_apps(world: World) -> None:
    app = await world.another(app="other")
    first = await start(world)
    assert (await start(world, app)).run_id == first.run_id


async def test_within_one_call_the_first_wins(world: World) -> None:
    runs = [
        world.new(status="ENQUEUED", queue=NAME, dedup_key=key, workflow_id=f"o-{number}")
        for number, key in enumerate("kkjk")
    ]
    started = await world.store.start(runs)
    assert [s.workflow_id for s in started] == ["o-0", "o-0", "o-2", "o-0"]
    assert [s.created for s in started] == [True, False, True, False]
    assert [s.deduplicated for s in started] == [False, True, False, True]


async def test_the_same_start_again_is_the_same_start(world: World) -> None:
    run = world.new(status="ENQUEUED", queue=NAME, dedup_key="k")
    assert [(s.created, s.deduplicated) for s in await world.store.start([run])] == [(True, False)]
    assert [(s.created, s.deduplicated) for s in await world.store.start([run])] == [(True, False)]


async def test_the_same_id_attaches_by_the_id(world: World) -> None:
    first = await start(world, workflow_id="o-1")
    second = await start(world, workflow_id="o-1")
    assert (second.run_id, second.created, second.deduplicated) == (first.run_id, False, False)


async def test_replace_ends_one_that_has_not_started(world: World) -> None:
    first = await start(world, workflow_id="o-1")
    second = await start(world, workflow_id="o-2", replace=True)
    assert (second.created, second.deduplicated, second.workflow_id) == (True, False, "o-2")
    row = await world.row(first.run_id)
    assert (row.status, row.reason, row.cancel_reason) == ("CANCELLED", "replaced", "replaced")
    assert ids(await take_all(world)) == [second.run_id]


async def test_replace_attaches_to_one_that_has_started(world: World) -> None:
    first = await start(world)
    (run,) = await take_all(world)
    second = await start(world, replace=True)
    assert (second.run_id, second.created, second.deduplicated) == (first.run_id, False, True)
    await world.release(run)
    third = await start(world, replace=True)
    assert (third.run_id, third.created, third.deduplicated) == (first.run_id, False, True)


async def test_replace_ends_a_delayed_one(world: World) -> None:
    """The last start counts, some time after it: a debounce."""
    for _ in range(3):
        last = await start(world, delay=10.0, replace=True)
        await world.clock.advance(6)
    assert await take_all(world) == []
    await world.clock.advance(4)
    assert ids(await take_all(world)) == [last.run_id]


async def test_replace_within_one_call_keeps_the_first(world: World) -> None:
    before = await start(world, workflow_id="o-0")
    runs = [
        world.new(status="ENQUEUED", queue=NAME, dedup_key="k", workflow_id=f"o-{number}", replace=True)
        for number in (1, 2)
    ]
    started = await world.store.start(runs)
    assert [(s.workflow_id, s.created, s.deduplicated) for s in started] == [("o-1", True, False), ("o-1", False, True)]
    assert await world.status(before.run_id) == "CANCELLED"


async def test_replace_takes_the_id_of_an_ended_run_and_the_key_of_a_waiting_one(world: World) -> None:
    ended = await world.ended(workflow_id="o-1")
    waiting = await start(world, workflow_id="o-2")
    started = await start(world, workflow_id="o-1", replace=True)
    assert started.created
    assert started.run_id != ended
    assert await world.status(waiting.run_id) == "CANCELLED"


async def test_replace_of_a_live_id_leaves_the_key_alone(world: World) -> None:
    """It attaches, so nothing takes the place of what waits."""
    live = await world.begin(workflow_id="o-1")
    waiting = await start(world, workflow_id="o-2")
    started = await start(world, workflow_id="o-1", replace=True)
    assert (started.run_id, started.created, started.deduplicated) == (live.run_id, False, False)
    assert await world.status(waiting.run_id) == "ENQUEUED"


async def test_an_ended_run_keeps_its_id_if_the_key_makes_the_start_attach(world: World) -> None:
    ended = await world.ended(workflow_id="o-1")
    holder = await start(world, workflow_id="o-2")
    (run,) = await take_all(world)
    started = await start(world, workflow_id="o-1", replace=True)
    assert (started.run_id, started.deduplicated) == (holder.run_id, True)
    found = await world.store.find_run("o-1")
    assert found is not None
    assert found.run_id == ended
    assert run.run_id == holder.run_id


async def test_a_child_attaches_to_the_key(world: World) -> None:
    parent = await world.begin()
    first = await start(world, workflow_id="o-1")
    child = await start(world, workflow_id="p.1", parent=ParentRef(parent.run_id, "0", 1))
    assert (child.run_id, child.deduplicated) == (first.run_id, True)


async def test_a_child_that_is_started_again_does_not_replace_itself(world: World) -> None:
    """Its parent runs its code again: the child of its place is there, and waits."""
    parent = await world.begin()
    gate = ParentRef(parent.run_id, "0", 1)
    first = await start(world, workflow_id="p.1", parent=gate, replace=True)
    again = await start(world, workflow_id="p.1", parent=gate, replace=True)
    assert (again.run_id, again.created, again.deduplicated) == (first.run_id, False, False)
    assert await world.status(first.run_id) == "ENQUEUED"


async def test_two_processes_that_start_the_same_key_get_one_run(world: World) -> None:
    other = await world.another()
    for number in range(10):
        started = await asyncio.gather(
            *(start(world, store, dedup_key=f"k{number}") for store in (world.store, other) * 3)
        )
        assert len({s.run_id for s in started}) == 1
        assert [s.created for s in started].count(True) == 1


async def test_a_run_that_is_resumed_while_another_has_its_key_goes_on_without(world: World) -> None:
    first = await start(world)
    (run,) = await take_all(world)
    await world.written(finish(run, "ERROR"))
    second = await start(world)
    assert await world.store.resume(first.run_id)
    assert await world.status(first.run_id) == "ENQUEUED"
    third = await start(world)
    assert (third.run_id, third.deduplicated) == (second.run_id, True)


async def test_a_run_that_is_resumed_has_its_key_again(world: World) -> None:
    first = await start(world)
    (run,) = await take_all(world)
    await world.written(finish(run, "ERROR"))
    assert await world.store.resume(first.run_id)
    assert (await start(world)).run_id == first.run_id


async def test_a_key_says_nothing_without_a_collision(world: World) -> None:
    await put(world, 3, dedup_key=None)
    assert len(await take_all(world)) == 3
