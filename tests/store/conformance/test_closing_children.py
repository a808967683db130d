"""Children that were to end with their parent, after that has ended: found, a few parents at a time."""

from uuid import UUID

from stepwell.model.rows import ParentRef
from tests.store.conformance.kit import Execution, World, draw, finish, step


async def child_of(parent: Execution | UUID, world: World, seq: int = 0, **fields: object) -> UUID:
    parent_id = parent if isinstance(parent, UUID) else parent.run_id
    return (await world.begin(parent=ParentRef(parent_id, "", seq), **fields)).run_id


async def left(world: World, parents: int = 100, limit: int = 100, after: UUID | None = None) -> list[UUID]:
    return (await world.store.children_left(after, parents, limit))[0]


async def test_only_of_parents_that_have_ended(world: World) -> None:
    ended, live = await world.begin(), await world.begin()
    child = await child_of(ended, world)
    await child_of(live, world)
    assert await left(world) == []
    await world.written(finish(ended))
    assert await left(world) == [child]


async def test_of_parents_that_are_gone(world: World) -> None:
    parent = await world.begin()
    child = await child_of(parent, world)
    await world.written(finish(parent))
    await world.store.delete(parent.run_id)
    assert await left(world) == [child]


async def test_none_that_has_ended_is_asked_already_or_was_to_go_on(world: World) -> None:
    parent = await world.begin()
    over = Execution(await child_of(parent, world, 0), 1)
    asked = await child_of(parent, world, 1)
    await child_of(parent, world, 2, parent_close="abandon")
    await world.written(finish(over), finish(parent))
    await world.store.request_cancel([asked], "enough", force=False, children=False)
    assert await left(world) == []


async def test_none_whose_place_was_given_to_another(world: World) -> None:
    parent = await world.begin()
    child = await child_of(parent, world)
    await world.written(step(parent, 0, branch="", pos=0, child_run=child), finish(parent))
    assert await left(world) == [child]
    assert await world.store.rewind(parent.run_id, "", 0)
    again = await world.claim_one()
    await world.written(finish(again))
    assert await left(world) == []


async def test_in_the_order_of_the_parents_and_bounded(world: World) -> None:
    parents = [await world.begin() for _ in range(5)]
    children = [await child_of(parent, world) for parent in parents]
    await world.written(*(finish(parent) for parent in (parents[0], parents[2], parents[4])))
    found, after = await world.store.children_left(None, 2, 100)
    assert (found, after) == ([children[0]], parents[1].run_id)
    found, after = await world.store.children_left(after, 2, 100)
    assert (found, after) == ([children[2]], parents[3].run_id)
    found, after = await world.store.children_left(after, 2, 100)
    assert (found, after) == ([children[4]], None)
    assert await world.store.children_left(draw(), 2, 100) == ([], None)


async def test_a_parent_with_many_children_is_bounded_too(world: World) -> None:
    parents = [await world.begin() for _ in range(2)]
    children = {await child_of(parent, world, seq) for parent in parents for seq in range(3)}
    await world.written(*(finish(parent) for parent in parents))
    for expected in (4, 2, 0):
        found = await left(world, limit=4)
        assert len(found) == expected
        assert set(found) <= children
        if found:
            await world.store.request_cancel(found, "parent closed", force=False, children=True)


async def test_abandoned_children_are_left_alone(world: World) -> None:
    parent, other = await world.begin(), await world.begin()
    await child_of(parent, world)
    kept = await child_of(other, world)
    await world.store.abandon_children(parent.run_id)
    await world.written(finish(parent), finish(other))
    assert await left(world) == [kept]


async def test_a_child_that_is_resumed_on_its_own_goes_on_for_its_own_sake(world: World) -> None:
    parent = await world.begin()
    child = Execution(await child_of(parent, world), 1)
    await world.written(finish(child, status="ERROR"), finish(parent))
    assert await world.store.resume(child.run_id)
    assert await left(world) == []


async def test_a_child_that_is_resumed_under_a_live_parent_still_ends_with_it(world: World) -> None:
    parent = await world.begin()
    child = Execution(await child_of(parent, world), 1)
    await world.written(finish(child, status="ERROR"))
    assert await world.store.resume(child.run_id)
    await world.written(finish(parent))
    assert await left(world) == [child.run_id]
