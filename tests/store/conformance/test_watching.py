"""Watching: what one look counts, from when on, and where it stops; and changes of some of a queue's fields."""

from stepwell.model.queues import SETTINGS, Queue, Rate
from stepwell.store.api import StoreIdentity
from tests.store.conformance.kit import START, World, draw, timer


async def test_nothing_is_there(world: World) -> None:
    vitals = await world.store.vitals(None, 100)
    assert set(vitals.live.values()) == {0}
    assert (vitals.delayed, vitals.oldest, vitals.started, vitals.ended, vitals.owned) == (0, None, 0, {}, {})
    assert (vitals.now, vitals.since) == (START, START - 10)


async def test_runs_by_status(world: World) -> None:
    await world.register()
    other = await world.register(draw())
    await world.store.start([world.new(status="ENQUEUED", delay=60.0)])
    await world.clock.advance(5)
    await world.store.start([world.new(status="ENQUEUED", queue="q") for _ in range(2)])
    await world.clock.advance(5)
    await world.begin()
    await world.begin()
    await world.begin(owner=other)
    await world.park(await world.begin(), timer(START + 1000))
    await world.block(await world.begin())
    vitals = await world.store.vitals(None, 100)
    assert vitals.live == {"ENQUEUED": 3, "PENDING": 3, "WAITING": 1, "BLOCKED": 1, "DEAD": 0}
    assert (vitals.delayed, vitals.oldest) == (1, START + 5)
    assert vitals.owned == {world.me: 2, other: 1}


async def test_starts_and_ends_since_an_instant(world: World) -> None:
    await world.ended(name="pay")
    await world.ended("ERROR", name="mail")
    await world.clock.advance(2)
    before = await world.store.vitals(None, 100)
    assert (before.started, before.ended) == (2, {"SUCCESS": 1, "ERROR": 1})
    await world.clock.advance(1)
    await world.ended("CANCELLED", name="mail")
    await world.ended(name="pay")
    await world.begin(name="other")
    after = await world.store.vitals(before.now, 100)
    assert (after.since, after.now) == (START + 2, START + 3)
    assert (after.started, after.ended) == (3, {"CANCELLED": 1, "SUCCESS": 1})
    assert (await world.store.vitals(after.now, 100)).started == 0
    await world.clock.advance(11)
    assert (await world.store.vitals(None, 100)).ended == {}


async def test_every_app_and_no_other_namespace(world: World) -> None:
    await world.ended()
    for identity in (StoreIdentity(app="billing"), StoreIdentity(namespace="tenant")):
        store = await world.another(namespace=identity.namespace, app=identity.app)
        another = World(store, world.clock, world._opener)
        await another.ended()
        await another.begin()
        await store.start([another.new(status="ENQUEUED")])
    vitals = await world.store.vitals(None, 100)
    assert vitals.ended == {"SUCCESS": 2}
    assert vitals.started == 4
    assert (vitals.live["PENDING"], vitals.live["ENQUEUED"]) == (1, 1)


async def test_counts_stop(world: World) -> None:
    await world.register()
    await world.store.start([world.new(status="ENQUEUED", queue="q") for _ in range(5)])
    for _ in range(5):
        await world.begin(queue="q")
        await world.ended()
    vitals = await world.store.vitals(None, 3)
    assert (vitals.live["ENQUEUED"], vitals.live["PENDING"], vitals.started) == (3, 3, 3)
    assert (vitals.ended, vitals.owned) == ({"SUCCESS": 3}, {world.me: 3})
    await world.store.set_queue(Queue("q", concurrency=7))
    (row,) = await world.store.queues(None, 3)
    assert (row.waiting, row.running, row.queue.concurrency) == (3, 3, 7)


async def test_fields_that_are_not_meant_stay(world: World) -> None:
    await world.store.set_queue(Queue("q", concurrency=7, rate=Rate(5)))
    await world.store.set_queue(Queue("q", paused=True, partition_rate=Rate(3, 9.0)), ["paused", "partition_rate"])
    assert await world.store.queue("q") == Queue(
        "q", concurrency=7, rate=Rate(5), partition_rate=Rate(3, 9.0), paused=True
    )
    for setting in SETTINGS:
        await world.store.set_queue(Queue("q"), [setting])
    assert await world.store.queue("q") == Queue("q")
    await world.store.set_queue(Queue("q", concurrency=1), [])
    assert await world.store.queue("q") == Queue("q")
    await world.store.set_queue(Queue("new", concurrency=1, worker_concurrency=2), ["concurrency"])
    assert await world.store.queue("new") == Queue("new", concurrency=1, worker_concurrency=2)
