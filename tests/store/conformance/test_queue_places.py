"""Queues whose runs keep their places from their first start to their end, whatever they wait for."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stepwell.model.rows import Claimed, Wait
from tests.store.conformance.kit import World
from tests.store.conformance.queue_kit import ids, limited, put, take, take_all


async def parked(world: World, run: Claimed) -> None:
    await world.park(run, Wait("0", 0, "timer", wake_at=world.clock.now + 60))


async def blocked(world: World, run: Claimed) -> None:
    await world.block(run)


async def released(world: World, run: Claimed) -> None:
    await world.release(run)


@pytest.mark.parametrize("leave", [parked, blocked])
@pytest.mark.parametrize("where", [{"concurrency": 1}, {"partition_concurrency": 1}])
async def test_what_waits_has_its_place(
    world: World, leave: Callable[[World, Claimed], Awaitable[None]], where: dict[str, Any]
) -> None:
    await limited(world, keep_place=True, **where)
    first, second = await put(world, 2, partition_key="p")
    (one,) = await take_all(world)
    assert one.run_id == first
    await leave(world, one)
    taken = await take(world)
    assert (taken.runs, taken.held) == ([], True)
    await world.store.request_cancel([first], "enough", force=True, children=False)
    assert ids(await take_all(world)) == [second]


@pytest.mark.parametrize("where", [{"concurrency": 1}, {"partition_concurrency": 1}])
async def test_what_goes_on_goes_on_in_its_place(world: World, where: dict[str, Any]) -> None:
    await limited(world, keep_place=True, **where)
    first, second = await put(world, 2, partition_key="p")
    (one,) = await take_all(world)
    await released(world, one)
    (urgent,) = await put(world, priority=-100, partition_key="p")
    (again,) = await take_all(world)
    assert again.run_id == first
    await world.end(again)
    (next_one,) = await take_all(world)
    assert next_one.run_id == urgent
    await world.end(next_one)
    assert ids(await take_all(world)) == [second]


async def test_all_that_was_lost_at_once_goes_on_at_once(world: World) -> None:
    """More than would be let in now: the limit was lowered meanwhile."""
    await limited(world, concurrency=3, keep_place=True)
    await put(world, 4)
    running = await take_all(world)
    assert len(running) == 3
    await limited(world, concurrency=1, keep_place=True)
    for run in running:
        await world.release(run)
    assert sorted(ids(await take_all(world))) == sorted(ids(running))


async def test_other_queues_give_places_back(world: World) -> None:
    await limited(world, concurrency=1)
    first, second = await put(world, 2)
    (one,) = await take_all(world)
    assert one.run_id == first
    await parked(world, one)
    assert ids(await take_all(world)) == [second]


async def test_a_process_has_room_for_others_while_its_run_waits(world: World) -> None:
    """A worker's own limit is of what it executes."""
    await limited(world, worker_concurrency=1, keep_place=True)
    first, second = await put(world, 2)
    (one,) = await take_all(world)
    assert one.run_id == first
    await parked(world, one)
    assert ids(await take_all(world)) == [second]


async def test_who_keeps_a_place_is_named(world: World) -> None:
    await limited(world, concurrency=1, keep_place=True)
    await put(world, workflow_id="holder")
    (one,) = await take_all(world)
    await parked(world, one)
    (run,) = await put(world)
    standing = await world.store.standing_in_queue(run)
    assert standing is not None
    assert (standing.running, standing.holders) == (1, ("holder",))
