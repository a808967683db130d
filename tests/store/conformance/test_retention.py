"""Retention: what ended long ago goes, parents before their children."""

from uuid import UUID

from stepwell.model.looking import RunFilter
from stepwell.model.rows import ParentRef
from tests.store.conformance.kit import Execution, World, draw, finish, step

DAY = 86_400.0


async def left(world: World) -> set[UUID]:
    return {row.run_id for row in await world.store.list_runs(RunFilter())}


async def test_runs_that_ended_long_ago_go_with_their_rows(world: World) -> None:
    old = await world.begin(attributes='{"a": 1}')
    await world.written(step(old, 0), finish(old))
    await world.clock.advance(20 * DAY)
    young = await world.ended()
    await world.clock.advance(10 * DAY + 1)
    assert await world.store.purge(30 * DAY, 100) == 1
    assert await left(world) == {young}
    assert await world.store.list_steps(old.run_id) == []
    assert await world.store.purge(30 * DAY, 100) == 0


async def test_age_counts_from_the_end_and_not_from_the_start(world: World) -> None:
    run = await world.begin()
    await world.clock.advance(100 * DAY)
    await world.end(run)
    assert await world.store.purge(30 * DAY, 100) == 0


async def test_runs_that_have_not_ended_stay_for_ever(world: World) -> None:
    parked, blocked, dead = [await world.begin(max_recoveries=0) for _ in range(3)]
    await world.park(parked)
    await world.block(blocked)
    await world.release(dead, recovery=True)
    await world.begin()
    await world.enqueue()
    await world.clock.advance(1000 * DAY)
    assert await world.store.purge(DAY, 100) == 0
    assert len(await left(world)) == 5


async def test_replaced_runs_go_too(world: World) -> None:
    await world.ended(workflow_id="o-1")
    current = await world.start(workflow_id="o-1", replace=True)
    await world.clock.advance(2 * DAY)
    assert await world.store.purge(DAY, 100) == 1
    assert await left(world) == {current.run_id}


async def test_a_child_stays_as_long_as_its_parent(world: World) -> None:
    parent = await world.begin()
    child = await world.ended(parent=ParentRef(parent.run_id, "0", 0))
    await world.clock.advance(2 * DAY)
    assert await world.store.purge(DAY, 100) == 0
    await world.end(parent)
    assert await world.store.purge(DAY, 100) == 0
    assert await left(world) == {parent.run_id, child}


async def test_a_whole_family_goes_parents_first(world: World) -> None:
    parent = await world.begin()
    child = await world.begin(parent=ParentRef(parent.run_id, "0", 0))
    grandchild = await world.ended(parent=ParentRef(child.run_id, "0", 0))
    await world.end(child)
    await world.end(parent)
    await world.clock.advance(2 * DAY)
    generations = [{parent.run_id, child.run_id, grandchild}, {child.run_id, grandchild}, {grandchild}, set()]
    for _ in range(6):
        await world.store.purge(DAY, 1)
        assert await left(world) in generations
    assert await left(world) == set()


async def test_a_purge_is_bounded_and_takes_the_oldest_first(world: World) -> None:
    runs = []
    for _ in range(5):
        runs.append(await world.ended())
        await world.clock.advance(1)
    await world.clock.advance(2 * DAY)
    assert await world.store.purge(DAY, 2) == 2
    assert await left(world) == set(runs[2:])


async def test_other_apps_and_tenants_keep_theirs(world: World) -> None:
    """How long runs stay is each app's own setting."""
    others = await world.another(app="billing"), await world.another(namespace="tenant-2")
    for other in others:
        other_run = world.new()
        await other.start([other_run])
        await world.commit(finish(Execution(other_run.run_id, 1)), store=other)
    mine = await world.ended()
    await world.clock.advance(2 * DAY)
    assert await world.store.purge(DAY, 100) == 1
    assert await world.store.get_run(mine) is None
    assert [len(await other.list_runs(RunFilter())) for other in others] == [1, 1]
    assert [await other.purge(DAY, 100) for other in others] == [1, 1]


async def test_one_process_of_each_app_at_a_time(world: World) -> None:
    sibling, other = await world.another(), await world.another(app="billing")
    assert await world.store.acquire_sweep(draw(), 10.0), "sweeping is another job"
    assert await world.store.acquire_retention(world.me, 10.0)
    assert await other.acquire_retention(draw(), 10.0)
    assert not await sibling.acquire_retention(draw(), 10.0)
    assert await world.store.acquire_retention(world.me, 10.0), "its holder prolongs it"
    await world.clock.advance(10)
    assert await sibling.acquire_retention(draw(), 10.0)
