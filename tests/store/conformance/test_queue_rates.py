"""Rates: so many starts in any period, by the database's clock."""

import asyncio
from collections import deque
from random import Random
from uuid import UUID

import pytest

from stepwell.model.looking import RunFilter
from stepwell.model.queues import Rate
from tests.store.conformance.kit import World, draw, finish
from tests.store.conformance.queue_kit import NAME, ids, limited, put, runs_of, take, take_all


async def one(world: World) -> list[UUID]:
    """One more start. Of two claims one at least has room for runs of queues with limits."""
    return ids((await take(world, 1)).runs or (await take(world, 1)).runs)


async def test_no_more_than_the_limit_in_a_period(world: World) -> None:
    await limited(world, rate=Rate(3, per=10))
    await put(world, 10)
    assert len(await take_all(world)) == 3
    taken = await take(world)
    assert (taken.runs, taken.again, taken.held, taken.opens_in) == ([], False, True, 10.0)
    await world.clock.advance(9.5)
    taken = await take(world)
    assert (taken.runs, taken.opens_in) == ([], 0.5)
    await world.clock.advance(0.5)
    assert len(await take_all(world)) == 3


@pytest.mark.parametrize("limit", [1, 2, 7, 128])
async def test_each_start_counts_to_the_instant(world: World, limit: int) -> None:
    """One start after the other leaves the window exactly a period after it was made."""
    await limited(world, rate=Rate(limit, per=limit * 0.25))
    await put(world, 2 * limit + 1)
    for _ in range(limit):
        assert len(await one(world)) == 1
        await world.clock.advance(0.25)
    for _ in range(min(limit, 10)):
        assert len(await take_all(world)) == 1
        assert (await take(world)).opens_in == 0.25
        await world.clock.advance(0.125)
        assert await take_all(world) == []
        await world.clock.advance(0.125)


async def test_a_small_rate_keeps_each_instant_however_close(world: World) -> None:
    """Starts that are less than a 128th of the period apart."""
    await limited(world, rate=Rate(3, per=128))
    await put(world, 6)
    for _ in range(3):
        assert len(await one(world)) == 1
        await world.clock.advance(0.5)
    await world.clock.advance(126.5)
    for _ in range(3):
        assert len(await take_all(world)) == 1
        await world.clock.advance(0.5)


async def test_a_large_rate_opens_when_the_last_of_a_bucket_leaves_it(world: World) -> None:
    await limited(world, rate=Rate(256, per=128))
    await put(world, 600)
    assert len((await take(world, 256)).runs) == 256
    await world.clock.advance(128)
    assert len((await take(world, 200)).runs) == 100
    await world.clock.advance(0.5)
    assert len(await take_all(world, 200)) == 156
    assert (await take(world)).opens_in == 128.0
    await world.clock.advance(127.5)
    assert await take_all(world) == []
    await world.clock.advance(0.5)
    assert len(await take_all(world)) == 600 - 512


async def test_a_rate_of_one_spaces_starts(world: World) -> None:
    await limited(world, rate=Rate(1, per=0.5))
    await put(world, 4)
    for _ in range(4):
        assert len(await take_all(world)) == 1
        assert (await take(world)).runs == []
        await world.clock.advance(0.5)


async def test_when_it_opens_is_told_exactly(world: World) -> None:
    """Whoever comes back then gets the next one, and nobody does a moment before."""
    await limited(world, rate=Rate(1, per=0.3))
    await put(world, 5)
    for _ in range(4):
        assert len(await take_all(world)) == 1
        opens_in = (await take(world)).opens_in
        assert opens_in is not None
        assert opens_in == pytest.approx(0.3, abs=1e-5)
        await world.clock.advance(opens_in - 0.001)
        assert await take_all(world) == []
        await world.clock.advance(0.001002)
    assert len(await take_all(world)) == 1


@pytest.mark.parametrize("limit", [128, 129, 1000])
@pytest.mark.parametrize("seed", range(3))
async def test_no_window_ever_has_more_than_the_limit(world: World, limit: int, seed: int) -> None:
    """However starts are strewn; a large rate, which counts in buckets, opens a 128th of its period late at most."""
    random, period = Random(seed), 8.0
    await limited(world, rate=Rate(limit, per=period))
    await world.store.start([world.new(status="ENQUEUED", queue=NAME) for _ in range(5 * limit)])
    window: deque[float] = deque()
    shut_since = None
    for _ in range(150):
        started = len((await take(world, random.choice([1, limit // 10, limit]))).runs)
        now = world.clock.now
        window.extend([now] * started)
        while window and window[0] <= now - period:
            window.popleft()
        assert len(window) <= limit
        if started == 0 and len(window) < limit:
            shut_since = shut_since or now
            assert now - shut_since <= period / 128
        else:
            shut_since = None
        await world.clock.advance(random.choice([1 / 64, 1 / 32, 1 / 4]))


async def test_ends_give_a_rate_nothing_back(world: World) -> None:
    await limited(world, rate=Rate(2, per=60), concurrency=5)
    await put(world, 5)
    for run in await take_all(world):
        await world.end(run)
    assert await take_all(world) == []


async def test_what_has_run_before_passes_a_rate_that_is_shut(world: World) -> None:
    await limited(world, rate=Rate(2, per=60))
    await put(world, 10)
    one, two = await take_all(world)
    await world.release(one)
    await world.park(two)
    await world.store.request_cancel([two.run_id], "enough", force=False, children=False)
    taken = await take(world)
    assert ids(taken.runs) == [one.run_id, two.run_id]
    assert await take_all(world) == []
    await world.clock.advance(60)
    assert len(await take_all(world)) == 2  # neither counted again


async def test_what_has_run_before_waits_for_concurrency(world: World) -> None:
    await limited(world, rate=Rate(2, per=60), concurrency=1)
    await put(world, 10)
    (one,) = await take_all(world)
    await world.release(one)
    (again,) = await take_all(world)
    assert again.run_id == one.run_id
    assert await take_all(world) == []


async def test_a_rate_is_of_all_processes(world: World) -> None:
    await limited(world, rate=Rate(5, per=60))
    await put(world, 20)
    stores = [world.store, await world.another(), await world.another(app="default")]
    for _ in range(10):
        claims = await asyncio.gather(*(take(world, 2, by=draw(), store=store) for store in stores))
        for run in runs_of(claims):
            await world.end(run)
    rest = await take_all(world)
    assert rest == []
    assert await world.store.count_runs(RunFilter(status=("SUCCESS",))) == 5


async def test_a_rate_that_changes_counts_from_then_on(world: World) -> None:
    queue = await limited(world, rate=Rate(2, per=60))
    await put(world, 10)
    assert len(await take_all(world)) == 2
    await world.store.set_queue(queue.changed(rate=Rate(5, per=60)))
    assert len(await take_all(world)) == 3
    await world.store.set_queue(queue.changed(rate=None))
    assert len(await take_all(world)) == 5


async def test_a_claim_that_starts_nothing_uses_nothing_up(world: World) -> None:
    await limited(world, rate=Rate(2, per=60))
    for _ in range(5):
        assert (await take(world)).opens_in is None
    await put(world, 1)
    assert len(await take_all(world)) == 1
    await world.clock.advance(30)
    await put(world, 5)
    assert len(await take_all(world)) == 1
    await world.clock.advance(30)
    assert len(await take_all(world)) == 1


async def test_of_two_queues_the_earlier_opening_is_told(world: World) -> None:
    await limited(world, rate=Rate(1, per=60))
    await limited(world, "print", rate=Rate(1, per=7))
    await put(world, 2)
    await put(world, 2, queue="print")
    assert len(await take_all(world)) == 2
    assert (await take(world)).opens_in == 7.0
    assert (await take(world, queues=[NAME])).opens_in == 60.0


async def test_a_run_that_ends_and_starts_anew_counts_anew(world: World) -> None:
    await limited(world, rate=Rate(1, per=60))
    await put(world, workflow_id="o-1")
    (run,) = await take_all(world)
    await world.written(finish(run))
    await put(world, workflow_id="o-1", replace=True)
    assert await take_all(world) == []
    await world.clock.advance(60)
    assert len(await take_all(world)) == 1
