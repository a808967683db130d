"""Schedules: rows that change only by compare-and-set, and the one transaction in which a tick becomes a run."""

from dataclasses import replace
from typing import Any

import pytest

from stepwell.model.rows import Started
from stepwell.model.schedules import Cadence, DueSchedules, Firing, Placing, ScheduleRow, Target
from stepwell.store.api import Store
from stepwell.store.faults import FaultKind, StoreFault
from tests.store.conformance.kit import ROUTE, START, World, draw, finish

TARGET = Target("checkout", ROUTE, "2", "eu", '{"args":[1]}', "d1", "codec", 7)
PLACING = Placing("mail", 5, "p", 60.5, '{"a": 1}', 30.25)


def schedule(name: str = "nightly", **fields: Any) -> ScheduleRow:
    words: dict[str, Any] = {"next_fire": START + 10, **fields}
    return ScheduleRow(name, "default", Cadence("every", "10.0", "UTC", START), TARGET, PLACING, **words)


async def added(world: World, name: str = "nightly", **fields: Any) -> ScheduleRow:
    """A schedule that is there, as it is read."""
    assert await world.store.add_schedule(schedule(name, **fields))
    found = await world.store.schedule(name)
    assert found is not None
    return found


def tick(world: World, workflow_id: str = "nightly@1", **fields: Any) -> Any:
    return world.new(status="ENQUEUED", workflow_id=workflow_id, **fields)


async def due(world: World, limit: int = 10, store: Store | None = None) -> DueSchedules:
    return await (store or world.store).due_schedules(limit)


async def fire(store: Store, firing: Firing) -> list[Started] | None:
    (fired,) = await store.fire([firing])
    return fired


async def names(world: World, **how: Any) -> list[str]:
    return [each.row.name for each in (await due(world, **how)).due]


# -- rows --------------------------------------------------------------------------------------------------


async def test_a_row_is_read_as_it_was_written(world: World) -> None:
    given = schedule(
        catch_up="all", overlap="queue", jitter=2.5, paused=True, declared='{"a":1}', next_fire=START + 10.25
    )
    assert await world.store.add_schedule(given)
    found = await world.store.schedule("nightly")
    assert found == replace(given, revision=1, created_at=START, updated_at=START)
    assert await world.store.schedules() == [found]


async def test_what_may_be_empty_is(world: World) -> None:
    target = Target("checkout", ROUTE, None, None, "{}", "d", None, 20)
    given = replace(schedule(next_fire=None), target=target, placing=Placing())
    assert await world.store.add_schedule(given)
    assert await world.store.schedule("nightly") == replace(given, revision=1, created_at=START, updated_at=START)


async def test_a_name_is_taken_once_in_a_namespace(world: World) -> None:
    await added(world)
    assert not await world.store.add_schedule(schedule(overlap="allow"))
    found = await world.store.schedule("nightly")
    assert found is not None
    assert found.overlap == "skip"
    other = await world.another(namespace="other")
    assert await other.schedule("nightly") is None
    assert await other.schedules() == []
    assert await other.add_schedule(schedule())
    assert not await other.delete_schedule("another")


async def test_a_change_needs_the_revision_that_was_read(world: World) -> None:
    row = await added(world)
    await world.clock.advance(5)
    assert await world.store.change_schedule(replace(row, overlap="allow", next_fire=START + 99))
    found = await world.store.schedule("nightly")
    assert found == replace(row, overlap="allow", next_fire=START + 99, revision=2, updated_at=START + 5)
    assert not await world.store.change_schedule(replace(row, overlap="queue"))
    assert await world.store.schedule("nightly") == found
    assert not await world.store.change_schedule(replace(row, name="nobody"))


async def test_a_change_replaces_everything_that_is_said(world: World) -> None:
    row = await added(world)
    new = replace(
        row,
        cadence=Cadence("cron", "0 3 * * *", "Europe/Berlin", START + 1),
        target=Target("other", "other||", None, None, "{}", "d2", None, 20),
        placing=Placing(),
        catch_up="skip",
        overlap="cancel",
        jitter=1.0,
        paused=True,
        next_fire=None,
        declared="{}",
    )
    assert await world.store.change_schedule(new)
    assert await world.store.schedule("nightly") == replace(new, revision=2)


async def test_schedules_of_a_namespace_are_listed_by_name(world: World) -> None:
    for name in ("b", "a", "C"):
        await added(world, name)
    assert [row.name for row in await world.store.schedules()] == ["C", "a", "b"]
    billing = await world.another(app="billing")
    assert len(await billing.schedules()) == 3


async def test_a_deleted_one_is_gone(world: World) -> None:
    row = await added(world)
    assert await world.store.delete_schedule("nightly")
    assert not await world.store.delete_schedule("nightly")
    assert not await world.store.change_schedule(row)
    assert await fire(world.store, Firing("nightly", row.revision, None, [tick(world)])) is None
    assert await world.store.find_run("nightly@1") is None


# -- what is due -------------------------------------------------------------------------------------------


async def test_due_is_what_the_databases_clock_has_reached(world: World) -> None:
    await added(world, "first", next_fire=START + 10)
    await added(world, "second", next_fire=START + 20)
    assert await due(world) == DueSchedules([], START + 10, START)
    await world.clock.advance(10)
    found = await due(world)
    assert [each.row.name for each in found.due] == ["first"]
    assert (found.earliest, found.now) == (START + 20, START + 10)
    await world.clock.advance(10)
    assert await names(world) == ["first", "second"]
    assert (await due(world)).earliest is None


async def test_paused_and_finished_ones_are_not_due(world: World) -> None:
    await added(world, "paused", paused=True)
    await added(world, "over", next_fire=None)
    await world.clock.advance(100)
    assert await due(world) == DueSchedules([], None, START + 100)


async def test_those_of_other_apps_and_namespaces_are_not_ours(world: World) -> None:
    await added(world)
    await world.clock.advance(100)
    assert await names(world, store=await world.another(app="billing")) == []
    assert await names(world, store=await world.another(namespace="other")) == []
    assert await names(world) == ["nightly"]


async def test_those_that_may_wait_for_a_live_run_come_last(world: World) -> None:
    live = await added(world, "live", next_fire=START + 1)
    await fire(world.store, Firing("live", live.revision, START + 1, [tick(world)], fired=START + 1))
    await added(world, "later", next_fire=START + 2)
    await added(world, "last", next_fire=START + 3)
    await world.clock.advance(10)
    assert await names(world) == ["later", "last", "live"]
    assert await names(world, limit=2) == ["later", "last"]


async def test_how_the_last_run_stands_is_read_too(world: World) -> None:
    row = await added(world)
    await world.clock.advance(10)
    await fire(world.store, Firing("nightly", row.revision, START + 10, [tick(world)], fired=START + 10))
    (found,) = (await due(world)).due
    assert (found.is_live, found.ended_at) == (True, None)
    run = await world.claim_one()
    await world.clock.advance(5)
    await world.written(finish(run))
    (found,) = (await due(world)).due
    assert (found.is_live, found.ended_at) == (False, START + 15)
    assert await world.store.delete(run.run_id)
    (found,) = (await due(world)).due
    assert (found.is_live, found.ended_at) == (False, None)


async def test_a_dead_run_is_not_waited_for(world: World) -> None:
    row = await added(world)
    await world.register()
    await world.clock.advance(10)
    await fire(
        world.store, Firing("nightly", row.revision, START + 10, [tick(world, max_recoveries=0)], fired=START + 10)
    )
    await world.claim_one()
    await world.store.reap([await world.die()], 10)
    (found,) = (await due(world)).due
    assert await world.status(found.row.last_run or draw()) == "DEAD"
    assert (found.is_live, found.ended_at) == (False, None)


# -- fires -------------------------------------------------------------------------------------------------


async def test_a_fire_starts_its_runs_and_moves_on(world: World) -> None:
    row = await added(world)
    first, second = tick(world, "nightly@1", attributes='{"schedule": "nightly"}'), tick(world, "nightly@2")
    await world.clock.advance(25)
    firing = Firing("nightly", row.revision, START + 30, [first, second], fired=START + 20, skipped=START + 10)
    started = await fire(world.store, firing)
    assert started is not None
    assert [(each.run_id, each.created) for each in started] == [(first.run_id, True), (second.run_id, True)]
    assert (await world.row(first.run_id)).attributes == '{"schedule": "nightly"}'
    assert await world.store.schedule("nightly") == replace(
        row,
        revision=2,
        next_fire=START + 30,
        last_fire=START + 20,
        last_skipped=START + 10,
        last_run=second.run_id,
        updated_at=START + 25,
    )
    assert {run.run_id for run in await world.claim()} == {first.run_id, second.run_id}


async def test_only_one_of_those_who_saw_it_due_fires(world: World) -> None:
    row = await added(world)
    mine, theirs = tick(world, "nightly@1"), tick(world, "nightly@2")
    other = await world.another()
    assert await fire(world.store, Firing("nightly", row.revision, START + 20, [mine], fired=START + 10)) is not None
    assert await fire(other, Firing("nightly", row.revision, START + 30, [theirs], fired=START + 10)) is None
    assert await world.store.get_run(theirs.run_id) is None
    found = await world.store.schedule("nightly")
    assert found is not None
    assert (found.next_fire, found.last_run) == (START + 20, mine.run_id)


async def test_a_change_between_look_and_fire_wins(world: World) -> None:
    row = await added(world)
    assert await world.store.change_schedule(replace(row, paused=True))
    assert await fire(world.store, Firing("nightly", row.revision, START + 20, [tick(world)])) is None
    assert await world.store.find_run("nightly@1") is None


async def test_a_tick_whose_run_is_there_is_not_started_twice(world: World) -> None:
    row = await added(world)
    there = await world.begin(workflow_id="nightly@1")
    started = await fire(world.store, Firing("nightly", row.revision, START + 20, [tick(world)], fired=START + 10))
    assert started is not None
    assert [(each.run_id, each.created) for each in started] == [(there.run_id, False)]
    found = await world.store.schedule("nightly")
    assert found is not None
    assert found.last_run == there.run_id, "whose end the next tick may have to wait for"


async def test_passing_a_tick_over_keeps_what_was_fired_before(world: World) -> None:
    row = await added(world)
    run = tick(world)
    await fire(world.store, Firing("nightly", row.revision, START + 20, [run], fired=START + 10))
    assert await fire(world.store, Firing("nightly", row.revision + 1, START + 30, skipped=START + 20)) == []
    found = await world.store.schedule("nightly")
    assert found is not None
    assert (found.last_fire, found.last_skipped, found.last_run) == (START + 10, START + 20, run.run_id)
    assert found.next_fire == START + 30


@pytest.mark.parametrize("claimed", [False, True])
async def test_the_run_before_is_cancelled_in_the_same_transaction(world: World, claimed: bool) -> None:
    row = await added(world)
    before, after = tick(world, "nightly@1"), tick(world, "nightly@2")
    await fire(world.store, Firing("nightly", row.revision, START + 20, [before], fired=START + 10))
    if claimed:
        await world.claim_one()
    firing = Firing("nightly", row.revision + 1, START + 30, [after], fired=START + 20, cancels=before.run_id)
    assert await fire(world.store, firing) is not None
    found = await world.row(before.run_id)
    assert found.cancel_reason == "schedule"
    assert found.status == ("PENDING" if claimed else "CANCELLED")
    assert (await world.row(after.run_id)).cancel_reason is None


async def test_nobody_is_cancelled_by_a_fire_that_came_too_late(world: World) -> None:
    row = await added(world)
    before = await world.begin()
    assert await fire(world.store, Firing("nightly", row.revision + 1, None, [], cancels=before.run_id)) is None
    assert (await world.row(before)).cancel_reason is None


async def test_the_runs_belong_to_the_schedules_app(world: World) -> None:
    billing = await world.another(app="billing")
    assert await billing.add_schedule(replace(schedule(), app="billing"))
    run, beside = tick(world, "nightly@1"), tick(world, "nightly@2")
    assert await fire(world.store, Firing("nightly", 1, None, [run], fired=START)) is not None
    (started,) = await world.store.start_beside("billing", [beside])
    assert started.created
    assert {(await world.row(each.run_id)).app for each in (run, beside)} == {"billing"}
    assert await world.claim() == []
    assert len(await world.claim(store=billing)) == 2


async def test_a_start_beside_meets_what_is_there(world: World) -> None:
    first, second = tick(world), tick(world, run_id=draw())
    (one,) = await world.store.start_beside("default", [first])
    (again,) = await world.store.start_beside("default", [first])
    (other,) = await world.store.start_beside("default", [second])
    assert (one.created, again.created, other.created) == (True, True, False)
    assert other.run_id == first.run_id


async def test_several_are_fired_together_and_each_by_its_own_revision(world: World) -> None:
    rows = [await added(world, name) for name in ("c", "a", "b")]
    assert await world.store.change_schedule(replace(rows[1], paused=True))
    runs = [[tick(world, f"{row.name}@{number}") for number in (2, 1)] for row in rows]
    firings = [
        Firing(row.name, row.revision, START + 20 + place, runs[place], fired=START + 10)
        for place, row in enumerate(rows)
    ]
    skipping = await added(world, "d")
    firings.append(Firing("d", skipping.revision, None, skipped=START + 10))
    fired = await world.store.fire(firings)
    assert [each if each is None else [one.run_id for one in each] for each in fired] == [
        [run.run_id for run in runs[0]], None, [run.run_id for run in runs[2]], []
    ]  # fmt: skip
    after = {row.name: row for row in await world.store.schedules()}
    assert [after[name].next_fire for name in "abcd"] == [START + 10, START + 22, START + 20, None]
    assert [after[name].last_run for name in "abcd"] == [None, runs[2][-1].run_id, runs[0][-1].run_id, None]
    assert await world.store.fire([]) == []


async def test_what_the_database_refuses_fires_nothing(world: World) -> None:
    row, bad = await added(world, "good"), await added(world, "bad")
    firings = [
        Firing("good", row.revision, None, [tick(world, "good@1")], fired=START + 10),
        Firing("bad", bad.revision, None, [tick(world, "bad@1", input="\ud800")], fired=START + 10),
    ]
    with pytest.raises(StoreFault) as caught:
        await world.store.fire(firings)
    assert caught.value.kind is FaultKind.PAYLOAD
    assert await world.store.schedule("good") == row
    assert await world.store.find_run("good@1") is None
    assert await fire(world.store, firings[0]) is not None
