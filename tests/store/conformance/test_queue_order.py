"""In which order runs start: by priority, which age outweighs, and within it first come, first served."""

from uuid import UUID

import pytest

from stepwell.model.rows import PRIORITY_SECONDS
from tests.store.conformance.kit import World
from tests.store.conformance.queue_kit import ids, limited, put, take

pytestmark = pytest.mark.parametrize("is_limited", [False, True], ids=["unlimited", "limited"])


@pytest.fixture(autouse=True)
async def _rules(world: World, is_limited: bool) -> None:
    if is_limited:
        await limited(world, concurrency=1000)


async def one(world: World) -> list[UUID]:
    """The next one. Of two claims one at least has room for runs of queues with limits."""
    return ids((await take(world, 1)).runs or (await take(world, 1)).runs)


async def one_by_one(world: World) -> list[UUID]:
    order: list[UUID] = []
    while run := await one(world):
        order += run
    return order


async def test_first_come_first_served(world: World) -> None:
    expected = []
    for _ in range(5):
        expected += await put(world)
        await world.clock.advance(0.001)
    assert await one_by_one(world) == expected


async def test_a_smaller_priority_comes_first(world: World) -> None:
    expected = [(await put(world, priority=priority))[0] for priority in (2, 1, 0, -1, -2)]
    assert await one_by_one(world) == expected[::-1]


async def test_a_level_is_worth_a_minute_of_waiting(world: World) -> None:
    (patient,) = await put(world, priority=1)
    await world.clock.advance(PRIORITY_SECONDS - 1)
    (before,) = await put(world)
    await world.clock.advance(2)
    (after,) = await put(world)
    assert await one_by_one(world) == [before, patient, after]


async def test_nothing_waits_for_ever(world: World) -> None:
    (patient,) = await put(world, priority=5)
    for _ in range(4):
        await world.clock.advance(PRIORITY_SECONDS)
        urgent = await put(world)
        assert await one(world) == urgent
    await world.clock.advance(2 * PRIORITY_SECONDS)
    await put(world)
    assert (await one_by_one(world))[0] == patient


async def test_one_claim_gives_them_in_their_order(world: World) -> None:
    expected = [(await put(world, priority=priority))[0] for priority in (1, 0, -1)]
    assert ids((await take(world, 10)).runs) == expected[::-1]


async def test_what_was_delayed_takes_its_place_by_the_moment_of_its_start(world: World) -> None:
    (delayed,) = await put(world, delay=10.0)
    await world.clock.advance(5)
    (before,) = await put(world)
    assert await one_by_one(world) == [before]
    await world.clock.advance(4)
    (after,) = await put(world)
    await world.clock.advance(1)
    assert await one_by_one(world) == [delayed, after]
