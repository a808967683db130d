"""Starts: the INSERT is the only gate to execution, and everybody else attaches."""

import asyncio
import json

import pytest

from stepwell.model.rows import ParentRef
from tests.store.conformance.kit import START, Execution, World, draw, finish, step


async def test_a_start_is_pending_and_mine(world: World) -> None:
    started = await world.start(workflow_id="o-1")
    assert (started.created, started.workflow_id, started.status) == (True, "o-1", "PENDING")
    row = await world.row(started.run_id)
    assert (row.status, row.owner, row.epoch, row.attempts) == ("PENDING", world.me, 1, 1)
    assert (row.created_at, row.started_at, row.completed_at) == (START, START, None)


async def test_an_enqueued_start_belongs_to_nobody(world: World) -> None:
    row = await world.row(await world.enqueue(queue="emails", priority=3))
    assert (row.status, row.owner, row.epoch, row.attempts, row.started_at) == ("ENQUEUED", None, 0, 0, None)
    assert (row.queue, row.priority) == ("emails", 3)


async def test_every_column_of_a_start_comes_back(world: World) -> None:
    root = await world.begin(workflow_id="root")
    run_id = await world.enqueue(
        workflow_id="o-1", name="pay", route="pay|2|eu", version="2", instance="eu", codec_id="zip",
        queue="q", priority=-4, attributes='{"city": "Rome"}', root_run_id=root.run_id, max_recoveries=3,
        parent=ParentRef(root.run_id, "0.1", 5), input="[2]", delay=5.0, deadline=START + 60,
    )  # fmt: skip
    row = await world.row(run_id)
    assert (row.name, row.route, row.version, row.instance, row.codec_id) == (
        "pay",
        "pay|2|eu",
        "2",
        "eu",
        "zip",
    )
    assert (row.queue, row.priority, row.max_recoveries, row.recoveries) == ("q", -4, 3, 0)
    assert (row.parent_run, row.parent_id, row.root_run_id) == (root.run_id, "root", root.run_id)
    assert (row.input, row.output, row.error, row.reason) == ("[2]", None, None, None)
    assert (row.not_before, row.deadline) == (START + 5, START + 60)


async def test_the_same_id_again_attaches(world: World) -> None:
    first = await world.start(workflow_id="o-1", input_digest="d1")
    second = await world.start(workflow_id="o-1", input_digest="d2", name="other")
    assert (second.created, second.run_id) == (False, first.run_id)
    assert (second.name, second.input_digest, second.status) == ("checkout", "d1", "PENDING")


async def test_an_ended_run_keeps_its_id(world: World) -> None:
    first = await world.ended(workflow_id="o-1")
    second = await world.start(workflow_id="o-1")
    assert (second.created, second.run_id, second.status) == (False, first, "SUCCESS")


async def test_the_same_run_id_is_my_own_lost_acknowledgement(world: World) -> None:
    run = world.new(workflow_id="o-1")
    (first,) = await world.store.start([run])
    (second,) = await world.store.start([run])
    assert first == second
    assert second.created
    assert (await world.row(run.run_id)).epoch == 1


async def test_of_two_equal_ids_in_one_call_the_first_wins(world: World) -> None:
    runs = [world.new(workflow_id=i, input=f'"{n}"') for n, i in enumerate(["b", "a", "b"])]
    answers = await world.store.start(runs)
    assert [a.created for a in answers] == [True, True, False]
    assert [a.run_id for a in answers] == [runs[0].run_id, runs[1].run_id, runs[0].run_id]


async def test_answers_come_in_the_order_of_the_call(world: World) -> None:
    names = ["z", "a", "m", "k"]
    answers = await world.store.start([world.new(workflow_id=name) for name in names])
    assert [a.workflow_id for a in answers] == names


async def test_two_processes_that_race_for_one_id_agree_on_the_winner(world: World) -> None:
    other = await world.another()
    mine, theirs = world.new(workflow_id="o-1"), world.new(workflow_id="o-1", owner=draw())
    (a,), (b,) = await asyncio.gather(world.store.start([mine]), other.start([theirs]))
    assert [a.created, b.created].count(True) == 1
    assert a.run_id == b.run_id


async def test_many_racing_starts_create_each_id_once(world: World) -> None:
    other = await world.another()
    ids = [f"o-{n}" for n in range(20)]
    batches = await asyncio.gather(
        *(
            store.start([world.new(workflow_id=i) for i in (ids if forward else reversed(ids))])
            for store in (world.store, other)
            for forward in (True, False)
        )
    )
    created = [answer.workflow_id for batch in batches for answer in batch if answer.created]
    assert sorted(created) == sorted(ids)


async def test_namespaces_do_not_see_each_others_ids(world: World) -> None:
    other = await world.another(namespace="tenant-2")
    await world.start(workflow_id="o-1")
    (theirs,) = await other.start([world.new(workflow_id="o-1")])
    assert theirs.created
    assert (await world.store.find_run("o-1")) != (await other.find_run("o-1"))


async def test_replace_takes_the_id_of_an_ended_run(world: World) -> None:
    old = await world.ended(workflow_id="o-1")
    new = await world.start(workflow_id="o-1", replace=True)
    assert new.created
    found = await world.store.find_run("o-1")
    assert found is not None
    assert found.run_id == new.run_id
    assert await world.status(old) == "SUCCESS"


async def test_replace_attaches_to_a_run_that_has_not_ended(world: World) -> None:
    first = await world.start(workflow_id="o-1")
    second = await world.start(workflow_id="o-1", replace=True)
    assert (second.created, second.run_id) == (False, first.run_id)


async def test_replace_sent_again_replaces_once(world: World) -> None:
    await world.ended(workflow_id="o-1")
    new = world.new(workflow_id="o-1", replace=True)
    (first,) = await world.store.start([new])
    (again,) = await world.store.start([new])
    assert (first.created, again.created, again.run_id) == (True, True, new.run_id)


async def test_a_childs_gate_admits_one_child_whatever_its_id_is(world: World) -> None:
    gate = ParentRef((await world.begin()).run_id, "0", 4)
    first = await world.start(workflow_id="c-1", parent=gate)
    second = await world.start(workflow_id="c-2", parent=gate)
    assert (second.created, second.run_id, second.workflow_id) == (False, first.run_id, "c-1")


async def test_a_child_whose_id_is_taken_steps_aside(world: World) -> None:
    taken = await world.start(workflow_id="o-1/c")
    gate = ParentRef((await world.begin()).run_id, "0", 4)
    child = await world.start(workflow_id="o-1/c", parent=gate)
    assert child.created
    assert child.run_id != taken.run_id
    assert child.workflow_id == f"o-1/c~{child.run_id.hex[-8:]}"
    again = await world.start(workflow_id="o-1/c", parent=gate)
    assert (again.created, again.run_id, again.workflow_id) == (False, child.run_id, child.workflow_id)


async def test_children_of_different_places_are_different(world: World) -> None:
    parent = (await world.begin()).run_id
    places = [ParentRef(parent, "0", 0), ParentRef(parent, "0", 1), ParentRef(parent, "0.1", 0)]
    answers = await world.store.start([world.new(parent=place) for place in places])
    assert all(answer.created for answer in answers)


@pytest.mark.parametrize(
    ("fields", "deadline"),
    [
        ({}, None),
        ({"timeout": 30.0}, START + 30),
        ({"deadline": START + 40}, START + 40),
        ({"timeout": 30.0, "deadline": START + 20}, START + 20),
        ({"timeout": 30.0, "deadline": START + 90}, START + 30),
    ],
)
async def test_a_deadline_is_the_earlier_of_the_two(
    world: World, fields: dict[str, float], deadline: float | None
) -> None:
    started = await world.start(**fields)
    assert started.deadline == deadline
    assert (await world.row(started.run_id)).deadline == deadline


async def test_an_attached_start_hears_of_the_first_ones_deadline(world: World) -> None:
    await world.start(workflow_id="o-1", deadline=START + 5)
    assert (await world.start(workflow_id="o-1", deadline=START + 50)).deadline == START + 5


async def test_a_delay_counts_from_the_databases_clock(world: World) -> None:
    await world.clock.advance(100)
    row = await world.row(await world.enqueue(delay=7.0))
    assert row.not_before == START + 107


async def test_starts_in_a_batch_come_before_what_belongs_to_them(world: World) -> None:
    new = world.new(workflow_id="o-1", attributes='{"a": 1}')
    run = Execution(new.run_id, 1)
    await world.written(new, step(run), finish(run))
    row = await world.row(new.run_id)
    assert (row.status, row.output, json.loads(row.attributes or "")) == ("SUCCESS", '"done"', {"a": 1})
