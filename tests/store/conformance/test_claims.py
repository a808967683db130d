"""Claims: who takes what, in which order, and with what it needs to go on."""

import asyncio
import json

import pytest

from stepwell.model.rows import ENGINE_FORMAT, ParentRef
from tests.store.conformance.kit import START, World, draw, step


async def test_a_claim_brings_all_that_is_needed(world: World) -> None:
    parent = await world.begin()
    gate = ParentRef(parent.run_id, "0", 2)
    run_id = await world.enqueue(
        workflow_id="o-1", version="2", instance="eu", codec_id="zip", attributes='{"a": 1}', timeout=60.0,
        parent=gate, root_run_id=parent.run_id, input="[7]",
    )  # fmt: skip
    await world.clock.advance(4)
    claimed = await world.claim_one()
    assert (claimed.run_id, claimed.workflow_id, claimed.name) == (run_id, "o-1", "checkout")
    assert (claimed.epoch, claimed.attempts, claimed.input) == (1, 1, "[7]")
    assert (claimed.version, claimed.instance, claimed.codec_id) == ("2", "eu", "zip")
    assert (claimed.deadline, claimed.created_at, claimed.database_now) == (START + 60, START, START + 4)
    assert (claimed.parent, claimed.root_run_id) == (gate, parent.run_id)
    assert (claimed.cancel_reason, json.loads(claimed.attributes or "")) == (None, {"a": 1})
    assert (claimed.engine_format, claimed.history, claimed.intents) == (ENGINE_FORMAT, [], [])
    row = await world.row(run_id)
    assert (row.status, row.owner, row.started_at) == ("PENDING", world.me, START + 4)


async def test_every_claim_raises_the_epoch(world: World) -> None:
    run_id = await world.enqueue()
    first = await world.claim_one()
    await world.release(first)
    second = await world.claim_one()
    assert second.epoch > first.epoch
    assert (second.attempts, (await world.row(run_id)).started_at) == (2, START)


async def test_history_comes_in_the_order_of_delivery(world: World) -> None:
    run = await world.begin()
    await world.written(
        step(run, 0, pos=2), step(run, 1, pos=0), step(run, 0, branch="0.1", pos=3), step(run, 2, pos=1)
    )
    await world.release(run)
    history = (await world.claim_one()).history
    assert [(h.branch, h.seq, h.pos) for h in history] == [
        ("0", 1, 0),
        ("0", 2, 1),
        ("0", 0, 2),
        ("0.1", 0, 3),
    ]


async def test_every_run_gets_its_own_history(world: World) -> None:
    runs = [await world.begin() for _ in range(3)]
    await world.written(*(step(run, seq, output=f'"{run.run_id}"') for run in runs for seq in range(3)))
    for run in runs:
        await world.release(run)
    for claimed in await world.claim():
        assert [h.output for h in claimed.history] == [f'"{claimed.run_id}"'] * 3


async def test_only_enqueued_runs_are_claimed(world: World) -> None:
    parked, blocked, dead = [await world.begin(max_recoveries=0) for _ in range(3)]
    await world.park(parked)
    await world.block(blocked)
    await world.release(dead, recovery=True)
    await world.begin()
    await world.ended()
    assert await world.claim() == []


async def test_the_order_is_priority_then_age(world: World) -> None:
    ids = {}
    for name, priority in [("late", 5), ("first", -1), ("second", -1), ("middle", 0)]:
        ids[await world.enqueue(priority=priority)] = name
        await world.clock.advance(1)
    assert [ids[c.run_id] for c in await world.claim()] == ["first", "second", "middle", "late"]


async def test_a_limit_takes_the_first_ones(world: World) -> None:
    ids = []
    for _ in range(5):
        ids.append(await world.enqueue())
        await world.clock.advance(1)
    assert [c.run_id for c in await world.claim(limit=2)] == ids[:2]
    assert [c.run_id for c in await world.claim(limit=2)] == ids[2:4]
    assert await world.claim(limit=0) == []


async def test_a_limit_takes_the_most_urgent_however_young(world: World) -> None:
    await world.enqueue(priority=5)
    await world.clock.advance(1)
    urgent = await world.enqueue(priority=-5)
    assert [c.run_id for c in await world.claim(limit=1)] == [urgent]


async def test_only_served_routes(world: World) -> None:
    eu, us = await world.enqueue(route="pay||eu"), await world.enqueue(route="pay||us")
    assert await world.claim(routes=[]) == []
    assert [c.run_id for c in await world.claim(routes=["pay||us", "mail||"])] == [us]
    assert await world.status(eu) == "ENQUEUED"


async def test_runs_that_are_not_served_do_not_hide_those_that_are(world: World) -> None:
    await world.store.start([world.new(status="ENQUEUED", route="other||", priority=-1) for _ in range(20)])
    served = await world.enqueue()
    assert [c.run_id for c in await world.claim(limit=1)] == [served]


async def test_only_queues_that_are_listened_to(world: World) -> None:
    direct, mail = await world.enqueue(), await world.enqueue(queue="mail")
    await world.enqueue(queue="print")
    assert [c.run_id for c in await world.claim(queues=[])] == [direct]
    assert [c.run_id for c in await world.claim(queues=["mail"])] == [mail]


async def test_not_before_its_time(world: World) -> None:
    run_id = await world.enqueue(delay=10.0)
    assert await world.claim() == []
    await world.clock.advance(9)
    assert await world.claim() == []
    await world.clock.advance(1)
    assert [c.run_id for c in await world.claim()] == [run_id]


@pytest.mark.parametrize("identity", [{"app": "other"}, {"namespace": "other"}])
async def test_only_runs_of_the_own_app_and_namespace(world: World, identity: dict[str, str]) -> None:
    stranger = await world.another(**identity)
    run_id = await world.enqueue()
    assert await world.claim(store=stranger) == []
    assert [c.run_id for c in await world.claim()] == [run_id]


async def test_two_processes_never_claim_the_same_run(world: World) -> None:
    other = await world.another()
    ids = {s.run_id for s in await world.store.start([world.new(status="ENQUEUED") for _ in range(40)])}
    claims = await asyncio.gather(
        *(world.claim(store=store, incarnation=draw(), limit=7) for _ in range(4) for store in (world.store, other))
    )
    claimed = [c.run_id for claim in claims for c in claim]
    claimed += [c.run_id for c in await world.claim(limit=40)]
    assert sorted(claimed) == sorted(ids)


async def test_a_run_with_a_cancellation_is_claimed_with_its_reason(world: World) -> None:
    run = await world.begin()
    await world.store.request_cancel([run.run_id], "enough", force=False, children=False)
    await world.release(run)
    assert (await world.claim_one()).cancel_reason == "enough"


async def test_owned_lists_what_a_process_owns(world: World) -> None:
    first, second = await world.begin(), await world.begin()
    await world.begin(owner=draw())
    await world.end(second)
    assert await world.store.owned(world.me) == [(first.run_id, 1)]
    assert await world.store.owned(draw()) == []
