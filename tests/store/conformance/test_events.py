"""Events: set under the fence, each place once, readable by everybody."""

import asyncio

import pytest

from stepwell.model.messaging import EventRow, EventWrite, Published
from stepwell.store.faults import FaultKind, StoreFault
from tests.store.conformance.kit import START, World, draw, finish, step
from tests.store.conformance.talk import entry, event, published, value, values

WRITTEN, LOST = Published.WRITTEN, Published.LOST


async def test_an_event_comes_back_as_it_was_set(world: World) -> None:
    run = await world.begin()
    await world.clock.advance(3)
    write = EventWrite(run.run_id, 1, "0.1", 4, "status", '{"b":1,"a":[]}', codec_id="zip")
    assert await published(world, write) == [WRITTEN]
    assert await world.store.events([(run.run_id, "status")]) == [
        EventRow(run.run_id, "status", '{"b":1,"a":[]}', "zip", START + 3)
    ]


async def test_only_those_that_are_set_are_found(world: World) -> None:
    one, two = await world.begin(), await world.begin()
    await published(world, event(one, "a"), event(two, "b"))
    wanted = [(one.run_id, "a"), (one.run_id, "b"), (two.run_id, "b"), (draw(), "a"), (one.run_id, "a")]
    found = await world.store.events(wanted)
    assert sorted((row.run_id, row.key) for row in found) == [(one.run_id, "a"), (two.run_id, "b")]
    assert await world.store.events([]) == []
    assert await published(world) == []


async def test_another_place_replaces_the_value(world: World) -> None:
    run = await world.begin()
    await published(world, event(run, value='"1"', seq=0))
    await world.clock.advance(5)
    await published(world, event(run, value='"2"', seq=1))
    (row,) = await world.store.events([(run.run_id, "status")])
    assert (row.value, row.set_at) == ('"2"', START + 5)


async def test_the_same_place_writes_once(world: World) -> None:
    """Sent again after a lost answer, or executed again by a new owner before its outcome was recorded."""
    run = await world.begin()
    await published(world, event(run, value='"first"'))
    assert await published(world, event(run, value='"again"')) == [WRITTEN]
    await world.release(run)
    again = await world.claim_one()
    assert await published(world, event(again, value='"replayed"')) == [WRITTEN]
    assert await value(world, run) == '"first"'


async def test_an_earlier_place_that_comes_late_does_not_overwrite_a_later_one(world: World) -> None:
    run = await world.begin()
    for seq in range(3):
        await published(world, event(run, value=f'"{seq}"', seq=seq))
    assert await published(world, event(run, value='"late"', seq=0), event(run, value='"late"', seq=1)) == [WRITTEN] * 2
    assert await value(world, run) == '"2"'
    await world.written(step(run, 0), step(run, 1), step(run, 2), finish(run))
    assert await published(world, event(run, value='"late"', seq=0)) == [LOST]
    assert await value(world, run) == '"2"'


async def test_places_differ_by_branch_and_a_place_may_set_another_key(world: World) -> None:
    run = await world.begin()
    await published(world, event(run, value='"a"', branch="0"))
    await published(world, event(run, value='"b"', branch="0.1"))
    await published(world, event(run, "other", '"c"', branch="0"))
    assert (await value(world, run), await value(world, run, "other")) == ('"b"', '"c"')


async def test_of_several_in_one_call_the_last_stays(world: World) -> None:
    run, other = await world.begin(), await world.begin()
    writes = [event(run, value=f'"{seq}"', seq=seq) for seq in range(5)]
    mixed = [*writes, event(other, value='"x"'), event(run, value='"dup"', seq=1)]
    assert await published(world, *mixed) == [WRITTEN] * 7
    assert (await value(world, run), await value(world, other)) == ('"4"', '"x"')


async def test_a_zombie_sets_nothing(world: World) -> None:
    zombie, alive = await world.begin(), await world.begin()
    await world.release(zombie)
    owner = await world.claim_one()
    verdicts = await published(
        world, event(zombie, value='"old"'), event(alive), event(owner, value='"new"'), entry(zombie, '"x"')
    )
    assert verdicts == [LOST, WRITTEN, WRITTEN, LOST]
    assert (await value(world, owner), await values(world, zombie)) == ('"new"', [])
    assert await published(world, event(owner, value='"y"', seq=1), event(zombie, seq=2)) == [WRITTEN, LOST]
    assert await value(world, zombie) == '"y"'


@pytest.mark.parametrize("state", ["ended", "parked", "released", "nobody"])
async def test_only_the_owner_publishes(world: World, state: str) -> None:
    run = await world.begin()
    if state == "ended":
        await world.end(run)
    elif state == "parked":
        await world.park(run)
    elif state == "released":
        await world.release(run)
    else:
        run = type(run)(draw(), 1)
    assert await published(world, event(run), entry(run, '"x"')) == [LOST, LOST]
    assert (await value(world, run), await values(world, run)) == (None, [])


async def test_an_event_outlives_its_run_until_retention(world: World) -> None:
    deleted, purged = await world.begin(), await world.begin()
    await published(world, event(deleted), event(purged), entry(deleted, "1"), entry(purged, "1"))
    await world.end(deleted)
    assert (await value(world, deleted), await values(world, deleted)) == ('"v"', ["1"])
    assert await world.store.delete(deleted.run_id)
    await world.end(purged)
    await world.clock.advance(10)
    assert await world.store.purge(5.0, 10) == 1
    for run in (deleted, purged):
        assert (await value(world, run), await values(world, run)) == (None, [])


async def test_a_value_that_the_database_refuses_fails_the_whole_call(world: World) -> None:
    run = await world.begin()
    with pytest.raises(StoreFault) as caught:
        await published(world, event(run, "good"), event(run, "bad", "\ud800", seq=1), entry(run, '"x"'))
    assert caught.value.kind is FaultKind.PAYLOAD
    assert (await value(world, run, "good"), await values(world, run)) == (None, [])
    assert await published(world, event(run, "good")) == [WRITTEN], "its place is not taken"
    assert await value(world, run, "good") == '"v"'


async def test_two_attempts_of_one_call_at_once_write_once(world: World) -> None:
    """The connection broke, the server goes on with the old attempt while the new one arrives."""
    other, run = await world.another(), await world.begin()
    for seq in range(0, 30, 3):
        calls = [
            published(world, event(run, value=f'"{seq}"', seq=seq), entry(run, str(seq), seq=seq)),
            published(world, event(run, value='"again"', seq=seq), entry(run, str(seq), seq=seq), store=other),
        ]
        assert await asyncio.gather(*calls) == [[WRITTEN, WRITTEN]] * 2
        await published(world, event(run, value='"newer"', seq=seq + 1))
        assert await published(world, event(run, value='"late"', seq=seq), store=other) == [WRITTEN]
        assert await value(world, run) == '"newer"'
    assert await values(world, run) == [str(seq) for seq in range(0, 30, 3)]


# -- operators ----------------------------------------------------------------------------------------------


async def test_after_a_rewind_the_same_places_write_again(world: World) -> None:
    run = await world.begin()
    await published(world, event(run, "kept", '"old"', seq=0), event(run, value='"old"', seq=1))
    await published(world, event(run, "begun", '"old"', seq=3))
    await world.written(*(step(run, seq) for seq in range(3)))
    await world.park(run)
    assert await world.store.rewind(run.run_id, "0", 1)
    assert await value(world, run) == '"old"', "it stays until it is replaced"
    again = await world.claim_one()
    await published(world, event(again, "kept", '"new"', seq=0), event(again, value='"new"', seq=1))
    await published(world, event(again, "begun", '"new"', seq=3))
    assert [await value(world, run, key) for key in ("kept", "status", "begun")] == ['"old"', '"new"', '"new"']


async def test_after_a_resume_a_place_without_an_outcome_does_not_write_again(world: World) -> None:
    run = await world.begin()
    await published(world, event(run, value='"old"', seq=0), entry(run, "1", seq=1))
    await world.block(run)
    assert await world.store.resume(run.run_id)
    again = await world.claim_one()
    assert await published(world, event(again, value='"new"', seq=0), entry(again, "1", seq=1)) == [WRITTEN] * 2
    assert (await value(world, run), await values(world, run)) == ('"old"', ["1"])


async def test_a_fork_has_the_events_that_its_copied_places_set_last(world: World) -> None:
    run = await world.begin()
    await published(world, event(run, "before", seq=0), event(run, "both", seq=1), event(run, "begun", seq=9))
    await published(world, event(run, "both", '"2"', seq=2), event(run, "after", seq=3), entry(run, "1", seq=0))
    await world.written(*(step(run, seq) for seq in range(4)))
    new = world.new(status="ENQUEUED")
    assert await world.store.fork(run.run_id, "0", 2, new)
    found = await world.store.events([(new.run_id, key) for key in ("before", "both", "begun", "after")])
    assert [(row.key, row.value, row.set_at) for row in found] == [("before", '"v"', START)]
    assert await values(world, new.run_id) == [], "streams stay with the run that wrote them"
    assert await value(world, run, "both") == '"2"'
