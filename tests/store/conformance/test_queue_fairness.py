"""Who gets the few places of a claim, and whether whoever claims is told that there is more."""

import pytest

from tests.store.conformance.kit import ROUTE, World
from tests.store.conformance.queue_kit import ids, limited, put, runs_of, take, take_all

OTHER = "other||"


async def test_a_claim_that_used_up_its_share_alone_says_that_there_is_more(world: World) -> None:
    """Every second claim leaves half of its places to queues without limits, of which nothing waits here."""
    await limited(world, concurrency=1000)
    for number in (3, 10, 10):
        await put(world, number)
        taken = await take(world, 10)
        while taken.again:
            taken = await take(world, 10)
        assert (await world.store.queues())[0].waiting == 0


async def test_claims_say_that_there_is_more_only_while_they_bring_something(world: World) -> None:
    await limited(world, concurrency=1000)
    for limit in (1, 2, 3, 10):
        for _ in range(4):
            taken = await take(world, limit)
            assert (taken.runs, taken.again) == ([], False)


async def test_claims_of_other_routes_take_no_turn_away(world: World) -> None:
    """A process with one free slot for one kind of workflow, and many for another, of which nothing waits."""
    await limited(world, concurrency=1000)
    await put(world, 20)
    direct = await world.enqueue()
    taken = []
    for _ in range(4):
        taken.append(await take(world, 1, routes=[ROUTE, OTHER]))
        await take(world, 100, routes=[OTHER])
    assert direct in ids(runs_of(taken))


async def test_a_queue_that_only_goes_on_lets_others_begin(world: World) -> None:
    """What has run before waits for no turn of its queue, but takes one."""
    for name in ("a", "b"):
        await limited(world, name, concurrency=1000)
        await put(world, queue=name)
        await take_all(world)
        await world.clock.advance(1)
    loops, (fresh,) = await put(world, 3, queue="a"), await put(world, queue="b")
    for run in await take_all(world, queues=["a"]):
        await world.release(run)
    # Now "a" was served last: it is "b" that comes first.
    assert ids((await take(world, 1)).runs) == [fresh]
    (fresh,) = await put(world, queue="b")
    taken = []
    for _ in range(6):
        await world.clock.advance(1)
        taken.append(await take(world, 1))
        for run in taken[-1].runs:
            await world.release(run)
    assert {*ids(runs_of(taken))} > {fresh}
    assert {*ids(runs_of(taken))} & {*loops}


async def test_more_delayed_runs_than_a_claim_lets_go_are_told(world: World) -> None:
    await put(world, 1500, delay=1.0, route=OTHER)
    (mine,) = await put(world, delay=1.5)
    await world.clock.advance(2)
    taken = await take(world)
    assert ids(taken.runs) == [mine] or taken.again
    assert ids(taken.runs) + ids(await take_all(world)) == [mine]
    assert not (await take(world)).again


async def test_when_the_next_delayed_run_is_due_is_told_with_one_that_is(world: World) -> None:
    first, second = [*await put(world, delay=1.0), *await put(world, delay=3.0)]
    assert (await take(world)).opens_in == pytest.approx(1.0, abs=0.01)
    await world.clock.advance(1)
    taken = await take(world)
    assert ids(taken.runs) == [first]
    assert taken.opens_in == pytest.approx(2.0, abs=0.01)
    await world.clock.advance(2)
    assert ids((await take(world)).runs) == [second]


@pytest.mark.parametrize("priority", [-(2**31), 2**31 - 1])
async def test_extreme_priorities_are_an_order(world: World, priority: int) -> None:
    await limited(world, concurrency=1)
    (usual,) = await put(world)
    (extreme,) = await put(world, priority=priority)
    (first,) = (await take(world)).runs
    assert first.run_id == (extreme if priority < 0 else usual)
    await world.end(first)
    (second,) = await take_all(world)
    assert {first.run_id, second.run_id} == {usual, extreme}


async def test_expiry_and_delay_whichever_is_first(world: World) -> None:
    (never,) = await put(world, delay=10.0, expires=5.0)
    (late,) = await put(world, delay=5.0, expires=10.0)
    await world.clock.advance(6)
    assert ids(await take_all(world)) == [late]
    assert (await world.row(never)).status == "CANCELLED"
    await world.clock.advance(6)
    assert await take_all(world) == []
    assert (await world.row(late)).status == "PENDING"
