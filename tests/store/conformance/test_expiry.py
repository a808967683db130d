"""Starts that expire: a run that has not begun by its moment never does."""

from tests.store.conformance.kit import World
from tests.store.conformance.queue_kit import ids, limited, put, take, take_all


async def test_a_run_that_has_not_started_in_time_never_does(world: World) -> None:
    (run,) = await put(world, expires=10.0)
    await world.clock.advance(10)
    assert await take_all(world) == []
    row = await world.row(run)
    assert (row.status, row.reason, row.cancel_reason) == ("CANCELLED", "expired", "expired")
    assert (row.completed_at, row.started_at) == (world.clock.now, None)


async def test_until_then_it_starts(world: World) -> None:
    (run,) = await put(world, expires=10.0)
    await world.clock.advance(9.99)
    assert ids(await take_all(world)) == [run]


async def test_what_has_started_goes_on_after_it(world: World) -> None:
    (run,) = await put(world, expires=10.0)
    (started,) = await take_all(world)
    await world.release(started)
    await world.clock.advance(60)
    assert ids(await take_all(world)) == [run]


async def test_a_limit_may_let_it_expire(world: World) -> None:
    await limited(world, concurrency=1)
    first, second = await put(world, 2, expires=10.0)
    (running,) = await take_all(world)
    assert running.run_id == first
    await world.clock.advance(10)
    await world.end(running)
    assert await take_all(world) == []
    assert await world.status(second) == "CANCELLED"


async def test_a_paused_queue_lets_it_expire(world: World) -> None:
    queue = await limited(world, paused=True)
    (run,) = await put(world, expires=10.0)
    await world.clock.advance(11)
    assert (await take(world)).runs == []
    await world.store.set_queue(queue.changed(paused=False))
    assert (await take(world)).runs == []
    assert await world.status(run) == "CANCELLED"


async def test_it_expires_whoever_claims_what(world: World) -> None:
    """Also if nobody serves its workflow or listens to its queue."""
    (run,) = await put(world, expires=10.0, route="nobody||")
    delayed = await world.enqueue(expires=10.0, delay=60.0)
    await world.clock.advance(10)
    await take(world, queues=[])
    assert [await world.status(one) for one in (run, delayed)] == ["CANCELLED"] * 2


async def test_one_of_many_expires_alone(world: World) -> None:
    (short,) = await put(world, expires=5.0)
    (long,) = await put(world, expires=50.0)
    (never,) = await put(world)
    await world.clock.advance(5)
    assert sorted(ids(await take_all(world))) == [long, never]
    assert await world.status(short) == "CANCELLED"


async def test_a_run_that_expired_may_be_resumed(world: World) -> None:
    (run,) = await put(world, expires=5.0)
    await world.clock.advance(5)
    await take(world)
    assert await world.store.resume(run)
    assert ids(await take_all(world)) == [run]


async def test_what_expired_frees_its_dedup_key(world: World) -> None:
    await put(world, expires=5.0, dedup_key="k")
    await world.clock.advance(5)
    assert (await take(world)).runs == []
    (run,) = await put(world, dedup_key="k")
    assert ids(await take_all(world)) == [run]
