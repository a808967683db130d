"""Published events: in once with the runs of their subscribers, in an order that readers may rely on."""

import asyncio
from typing import Any

import pytest

from stepwell.model.published import CANCEL, START, EventWait, NewPublished, PublishedRow, Subscriber, Subscription
from stepwell.model.rows import Wait
from stepwell.store.faults import FaultKind, StoreFault
from tests.store.conformance.kit import START as BEGINNING
from tests.store.conformance.kit import World, draw


def paid(id: str, *subscribers: Subscriber, **fields: Any) -> NewPublished:
    words: dict[str, Any] = {"event": "order.paid", "payload": f'{{"id":"{id}"}}', **fields}
    return NewPublished(id=id, subscribers=subscribers, **words)


def subscriber(world: World, id: str, app: str = "default", **fields: Any) -> Subscriber:
    return Subscriber(app, world.new(workflow_id=id, status="ENQUEUED", **fields))


def subscription(event: str = "order.paid", workflow: str = "shop:ship", **fields: Any) -> Subscription:
    words: dict[str, Any] = {
        "app": "default", "mode": START, "route": f"{workflow}||", "filter": None, "parameters": "{}", **fields,
    }  # fmt: skip
    return Subscription(event=event, workflow=workflow, **words)


async def ids(world: World, event: str = "order.paid", above: int = 0) -> list[str]:
    (found,) = await world.store.events_above([(event, above)], 100)
    return [row.id for row in found]


# -- publishing ----------------------------------------------------------------------------------------------------


async def test_an_event_comes_in_with_its_subscribers(world: World) -> None:
    (announced,) = await world.store.announce([paid("p-1", subscriber(world, "p-1:a"), subscriber(world, "p-1:b"))])
    assert announced.fresh
    assert not announced.cancelling
    assert announced.published_at == BEGINNING
    assert {claimed.workflow_id for claimed in await world.claim()} == {"p-1:a", "p-1:b"}
    (found,) = await world.store.events_above([("order.paid", 0)], 10)
    assert found == [PublishedRow("order.paid", announced.number, "p-1", '{"id":"p-1"}', None, BEGINNING)]
    assert await world.store.event_head("order.paid") == announced.number


async def test_the_same_id_again_changes_and_starts_nothing(world: World) -> None:
    (first,) = await world.store.announce([paid("p-1", subscriber(world, "p-1:a"))])
    again, new, twice = await world.store.announce(
        [
            paid("p-1", subscriber(world, "p-1:late"), payload='"other"', cancelling=True),
            paid("p-2", subscriber(world, "p-2:a")),
            paid("p-2", subscriber(world, "p-2:other")),
        ]
    )
    assert (again.fresh, again.number, again.cancelling) == (False, first.number, False)
    assert new.fresh
    assert not twice.fresh
    assert twice.number == new.number
    assert {claimed.workflow_id for claimed in await world.claim()} == {"p-1:a", "p-2:a"}
    assert await ids(world) == ["p-1", "p-2"]
    # Also under another name: an id is of the namespace.
    (elsewhere,) = await world.store.announce([paid("p-1", subscriber(world, "x"), event="order.sent")])
    assert not elsewhere.fresh
    assert await ids(world, "order.sent") == []


async def test_of_two_at_once_one_starts_the_subscribers(world: World) -> None:
    other = await world.another()
    for n in range(8):
        mine, theirs = await asyncio.gather(
            world.store.announce([paid(f"p-{n}", subscriber(world, f"mine-{n}"))]),
            other.announce([paid(f"p-{n}", subscriber(world, f"theirs-{n}"))]),
        )
        assert mine[0].fresh is not theirs[0].fresh
        assert mine[0].number == theirs[0].number
        assert len(await world.claim()) == 1


async def test_a_taken_id_of_a_subscriber_is_attached_to(world: World) -> None:
    await world.enqueue(workflow_id="p-1:a")
    (announced,) = await world.store.announce([paid("p-1", subscriber(world, "p-1:a"), subscriber(world, "p-1:b"))])
    assert announced.fresh
    assert len(await world.claim()) == 2


async def test_a_subscriber_belongs_to_its_own_app(world: World) -> None:
    billing = await world.another(app="billing")
    await world.store.announce([paid("p-1", subscriber(world, "p-1:a", "billing"))])
    assert await world.claim() == []
    (claimed,) = await world.claim(store=billing)
    assert claimed.workflow_id == "p-1:a"


async def test_namespaces_know_nothing_of_each_other(world: World) -> None:
    other = await world.another(namespace="other")
    await other.subscribe([subscription()], ["shop:ship"])
    await other.announce([paid("p-1")])
    assert await world.store.subscriptions(None) == []
    assert await ids(world) == []
    assert await world.store.event_head("order.paid") == 0
    (mine,) = await world.store.announce([paid("p-1", cancelling=True)])
    assert mine.fresh
    assert await other.events_cancelling(-1.0, 10) == []
    assert await other.purge_events(-1.0, 10) == 1
    assert await ids(world) == ["p-1"]


async def test_numbers_become_visible_in_their_order(world: World) -> None:
    """A reader that goes on from the last number it has seen misses nothing, however publishers interleave."""
    stores = [world.store, await world.another(), await world.another()]
    seen: list[str] = []
    done = asyncio.Event()

    async def read() -> None:
        position = 0
        last = False
        while True:
            (rows,) = await stores[2].events_above([("order.paid", position)], 3)
            seen.extend(row.id for row in rows)
            position = rows[-1].number if rows else position
            if not rows and last:
                return
            last = done.is_set()
            await asyncio.sleep(0)

    async def write(place: int) -> None:
        for n in range(20):
            await stores[place].announce([paid(f"{place}-{n}"), paid(f"{place}-{n}-x", event="other")])

    reader = asyncio.create_task(read())
    await asyncio.gather(write(0), write(1))
    done.set()
    await reader
    assert sorted(seen) == sorted(f"{place}-{n}" for place in range(2) for n in range(20))


async def test_pages_of_several_readers(world: World) -> None:
    numbers = [one.number for one in await world.store.announce([paid(f"p-{n}") for n in range(5)])]
    assert numbers == sorted(numbers)
    found = await world.store.events_above([("order.paid", numbers[2]), ("other", 0), ("order.paid", 0)], 2)
    assert [[row.id for row in rows] for rows in found] == [["p-3", "p-4"], [], ["p-0", "p-1"]]
    assert await world.store.events_above([], 2) == []
    assert await world.store.events_above([("order.paid", 0)], 0) == [[]]
    assert await world.store.announce([]) == []


async def test_a_value_that_the_database_refuses(world: World) -> None:
    with pytest.raises(StoreFault) as refused:
        await world.store.announce([paid("p-1", event="\udfff")])
    assert refused.value.kind is FaultKind.PAYLOAD
    with pytest.raises(StoreFault):
        await world.store.announce([paid("p-1", subscriber(world, "p-1:a", name="a\udfff"))])
    assert await ids(world) == [], "the event and its runs are one transaction"


async def test_retention(world: World) -> None:
    await world.store.announce([paid("old-1"), paid("old-2"), paid("old-3")])
    last = await world.store.event_head("order.paid")
    await world.clock.advance(100)
    await world.store.announce([paid("new")])
    assert await world.store.purge_events(50.0, 2) == 2
    assert await world.store.purge_events(50.0, 2) == 1
    assert await world.store.purge_events(50.0, 2) == 0
    assert await ids(world) == ["new"]
    await world.clock.advance(100)
    assert await world.store.purge_events(50.0, 2) == 1
    (later,) = await world.store.announce([paid("later")])
    assert later.number > last, "who waits from a number on misses nothing because what was below is deleted"


# -- subscriptions -------------------------------------------------------------------------------------------------


async def test_subscriptions_are_what_the_code_declares(world: World) -> None:
    store = world.store
    ship = subscription(filter="amount > 100", version="2", queue="q", timeout=5.5, max_recoveries=3)
    both = [ship, subscription("order.cancelled", mode=CANCEL), subscription(workflow="shop:thank")]
    await store.subscribe(both, ["shop:ship", "shop:thank", "shop:other"])
    await store.subscribe(both, ["shop:ship", "shop:thank", "shop:other"])
    assert await store.subscriptions("order.paid") == [ship, both[2]]
    assert await store.subscriptions(None) == [both[1], ship, both[2]]
    changed = subscription(filter="amount > 200")
    await store.subscribe([changed], ["shop:ship"])
    assert await store.subscriptions(None) == [changed, both[2]], "others' workflows are left alone"
    await store.subscribe([], [])
    assert len(await store.subscriptions(None)) == 2
    await store.subscribe([], ["shop:ship", "shop:thank"])
    assert await store.subscriptions(None) == []


async def test_apps_subscribe_by_themselves(world: World) -> None:
    billing = await world.another(app="billing")
    await world.store.subscribe([subscription()], ["shop:ship"])
    await billing.subscribe([subscription()], ["shop:ship"])
    assert [each.app for each in await world.store.subscriptions("order.paid")] == ["billing", "default"]
    await billing.subscribe([], ["shop:ship"])
    assert [each.app for each in await world.store.subscriptions("order.paid")] == ["default"]
    assert await billing.unsubscribe("order.paid", "shop:none") == 0
    assert await billing.unsubscribe("order.paid", "shop:ship") == 1
    assert await world.store.subscriptions(None) == []


# -- who is parked on one ------------------------------------------------------------------------------------------


def for_event(position: int, filter: str | None = None, seq: int = 0, event: str = "order.paid") -> Wait:
    return Wait("0", seq, "published", key=event, position=position, filter=filter)


@pytest.mark.parametrize("who", ["the parker", "the sweep"])
async def test_what_came_before_the_parking_is_found(world: World, who: str) -> None:
    waiter = await world.begin()
    await world.store.announce([paid("p-1", event="other")])
    (announced,) = await world.store.announce([paid("p-1x")])
    await world.park(waiter, for_event(announced.number), Wait("0", 7, "message"))

    async def wake() -> int:
        return await (world.store.wake_parked([waiter.run_id]) if who == "the parker" else world.store.wake(10))

    assert await wake() == 0
    await world.store.announce([paid("p-2")])
    assert await wake() == 1
    assert await world.status(waiter) == "ENQUEUED"


async def test_the_sweep_leaves_waits_with_a_filter_to_who_can_evaluate_it(world: World) -> None:
    waiter = await world.begin()
    await world.park(waiter, for_event(0, "id == 'p-2'"))
    (announced,) = await world.store.announce([paid("p-1")])
    assert await world.store.wake(10) == 0
    (behind,) = await world.store.event_waits_behind(10)
    assert behind == EventWait(waiter.run_id, "0", 0, "order.paid", 0, "id == 'p-2'")
    seen = EventWait(waiter.run_id, "0", 0, "order.paid", announced.number, behind.filter)
    await world.store.advance_event_waits([seen])
    assert await world.store.event_waits_behind(10) == []
    await world.store.advance_event_waits([behind])
    assert await world.store.event_waits_behind(10) == [], "it never goes back"
    await world.store.announce([paid("p-2")])
    assert [wait.position for wait in await world.store.event_waits_behind(10)] == [announced.number]
    # Who parks looks again without the filter: at worst the run is replayed once for nothing.
    assert await world.store.wake_parked([waiter.run_id]) == 1


async def test_the_waits_for_an_event_come_in_pages(world: World) -> None:
    other = await world.another(namespace="other")
    waiters = [await world.begin() for _ in range(5)]
    for place, waiter in enumerate(waiters):
        await world.park(waiter, for_event(place, "x == 1"), for_event(3, seq=1), for_event(0, seq=2, event="other"))
    found: list[EventWait] = []
    after = None
    while page := await world.store.event_waits("order.paid", 4, after, 2):
        found += page
        after = page[-1].run_id, page[-1].branch, page[-1].seq
    assert [(wait.run_id, wait.seq, wait.position) for wait in found] == [
        (waiter.run_id, seq, place if seq == 0 else 3)
        for place, waiter in enumerate(waiters)
        for seq in (0, 1)
        if (place if seq == 0 else 3) < 4
    ]
    assert await other.event_waits("order.paid", 4, None, 10) == []


# -- who is cancelled ----------------------------------------------------------------------------------------------


async def test_what_is_to_be_cancelled_is_remembered(world: World) -> None:
    (announced, _) = await world.store.announce([paid("p-1", cancelling=True), paid("p-2")])
    assert announced.cancelling
    assert await world.store.events_cancelling(10.0, 10) == [], "who published it is at it"
    await world.clock.advance(11)
    assert [row.id for row in await world.store.events_cancelling(10.0, 10)] == ["p-1"]
    (again,) = await world.store.announce([paid("p-1")])
    assert again.cancelling
    assert not again.fresh
    await world.store.event_cancelled("p-1")
    assert await world.store.events_cancelling(10.0, 10) == []
    (again,) = await world.store.announce([paid("p-1", cancelling=True)])
    assert not again.cancelling


async def test_live_runs(world: World) -> None:
    billing = await world.another(app="billing")
    executed = await world.begin(name="shop:ship")
    parked = await world.begin(name="shop:ship")
    await world.park(parked, Wait("0", 0, "message"))
    alias = await world.enqueue(name="shop:old", input='{"args":[7]}')
    await world.enqueue(name="shop:other")
    await world.ended(name="shop:ship")
    asked = await world.begin(name="shop:ship")
    await world.store.request_cancel([asked.run_id], "cancel", False, True)
    blocked = await world.begin(name="shop:ship")
    await world.block(blocked)
    await billing.start([world.new(status="ENQUEUED", name="shop:ship")])
    until = world.clock.now
    await world.clock.advance(1)
    await world.begin(name="shop:ship")

    async def live(after: Any = None, limit: int = 10) -> list[Any]:
        return await world.store.live_runs("default", ["shop:ship", "shop:old"], until, after, limit)

    found = await live()
    assert found == [executed.run_id, parked.run_id, alias, blocked.run_id]
    assert await live(limit=2) == found[:2]
    assert await live(after=found[1]) == found[2:]
    assert len(await world.store.live_runs("default", ["shop:ship"], None, None, 10)) == 4
    inputs = await world.store.run_inputs([alias, draw(), executed.run_id])
    assert sorted(inputs) == sorted([(alias, '{"args":[7]}', None), (executed.run_id, '{"args":[1]}', None)])
    assert await world.store.run_inputs([]) == []
