"""Operators' verbs: resume, rewind, fork, delete, attributes."""

import json

import pytest

from stepwell.model.looking import RunFilter
from stepwell.model.rows import ParentRef, Verdict
from tests.store.conformance.kit import START, Execution, World, draw, finish, intent, step, timer


async def history_of(world: World) -> list[int]:
    return [h.pos for h in (await world.claim_one()).history]


# -- resume -------------------------------------------------------------------------------------------------


async def test_a_blocked_run_resumes_where_it_was(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0), intent(run, 1))
    await world.block(run, code_hint="hash-1")
    assert await world.store.resume(run.run_id)
    row = await world.row(run)
    assert (row.status, row.epoch, row.reason) == ("ENQUEUED", 2, None)
    claimed = await world.claim_one()
    assert ([h.seq for h in claimed.history], [i.seq for i in claimed.intents]) == ([0], [1])


async def test_a_dead_run_resumes_with_a_new_count(world: World) -> None:
    run = await world.begin(max_recoveries=0)
    await world.release(run, recovery=True)
    assert await world.status(run) == "DEAD"
    assert await world.store.resume(run.run_id)
    row = await world.row(run)
    assert (row.status, row.recoveries, row.epoch, row.reason) == ("ENQUEUED", 0, 3, None)


async def test_a_failed_run_resumes_without_its_outcome(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0), finish(run, "ERROR", codec_id="zip"))
    assert await world.store.resume(run.run_id)
    row = await world.row(run)
    assert (row.status, row.error, row.reason, row.completed_at) == ("ENQUEUED", None, None, None)
    assert await world.store.outcomes([run.run_id]) == []
    assert await history_of(world) == [0]
    assert (await world.commit(finish(run, "ERROR", codec_id="zip"))).finishes == [Verdict.LOST]


async def test_a_cancelled_run_resumes_before_its_cancellation(world: World) -> None:
    run = await world.begin()
    await world.store.request_cancel([run.run_id], "enough", force=False, children=False)
    await world.written(
        step(run, 0),
        step(run, 1, kind="cancel", ended="cancelled", output=None),
        step(run, 2, name="cleanup"),
        finish(run, "CANCELLED"),
    )
    assert await world.store.resume(run.run_id)
    row = await world.row(run)
    assert (row.status, row.cancel_reason, row.completed_at) == ("ENQUEUED", None, None)
    claimed = await world.claim_one()
    assert ([h.pos for h in claimed.history], claimed.cancel_reason) == ([0], None)
    assert (await world.written(step(claimed, 1), step(claimed, 2))).cancels == {}


async def test_a_run_cancelled_before_it_started_can_be_resumed(world: World) -> None:
    run_id = await world.enqueue()
    await world.store.request_cancel([run_id], "enough", force=False, children=False)
    assert await world.store.resume(run_id)
    assert (await world.claim_one()).run_id == run_id


async def test_resume_takes_back_a_deadline_only_if_it_is_over(world: World) -> None:
    late, early = await world.begin(timeout=10.0), await world.begin(timeout=1000.0)
    await world.clock.advance(20)
    for run in (late, early):
        await world.block(run)
        assert await world.store.resume(run.run_id)
    assert [(await world.row(run)).deadline for run in (late, early)] == [None, START + 1000]
    assert await world.store.expire_deadlines(10) == 0


@pytest.mark.parametrize("status", ["SUCCESS", "PENDING", "WAITING", "ENQUEUED"])
async def test_what_has_not_stopped_cannot_be_resumed(world: World, status: str) -> None:
    run = await world.begin()
    if status == "SUCCESS":
        await world.end(run)
    if status == "WAITING":
        await world.park(run, timer(START + 9))
    if status == "ENQUEUED":
        await world.release(run)
    before = await world.row(run)
    assert not await world.store.resume(run.run_id)
    assert await world.row(run) == before
    assert not await world.store.resume(draw())


# -- rewind -------------------------------------------------------------------------------------------------


async def test_rewind_goes_back_before_one_outcome(world: World) -> None:
    run = await world.begin()
    await world.written(*(step(run, seq) for seq in range(4)), finish(run))
    assert await world.store.rewind(run.run_id, "0", 2)
    row = await world.row(run)
    assert (row.status, row.epoch, row.output, row.completed_at) == ("ENQUEUED", 2, None, None)
    claimed = await world.claim_one()
    assert [h.seq for h in claimed.history] == [0, 1]
    await world.written(step(claimed, 2, output='"new"'), step(claimed, 3), finish(claimed, output='"new"'))
    assert (await world.row(run)).output == '"new"'


async def test_rewind_goes_by_the_order_of_delivery_in_all_branches(world: World) -> None:
    run = await world.begin()
    await world.written(
        step(run, 0, pos=0),
        step(run, 0, branch="0.1", pos=1),
        step(run, 1, pos=2),
        step(run, 1, branch="0.1", pos=3),
    )
    await world.release(run)
    assert await world.store.rewind(run.run_id, "0", 1)
    assert [(h.branch, h.seq) for h in (await world.claim_one()).history] == [("0", 0), ("0.1", 0)]


async def test_a_run_can_be_rewound_again_and_again(world: World) -> None:
    run: Execution = await world.begin()
    for _ in range(3):
        await world.written(step(run, 0), step(run, 1), finish(run))
        assert await world.store.rewind(run.run_id, "0", 0)
        claimed = await world.claim_one()
        assert claimed.history == []
        run = Execution(claimed.run_id, claimed.epoch)


async def test_rewind_wakes_a_parked_run(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0), intent(run, 1, "wait", due=START + 9))
    await world.park(run, timer(START + 9, 1))
    assert await world.store.rewind(run.run_id, "0", 0)
    assert (await world.store.next_wake())[0] is None
    claimed = await world.claim_one()
    assert (claimed.history, claimed.intents) == ([], []), "the wait is begun anew, with another due time"


async def test_rewind_takes_back_a_cancellation(world: World) -> None:
    run = await world.begin()
    await world.store.request_cancel([run.run_id], "enough", force=False, children=False)
    await world.written(step(run, 0), step(run, 1, kind="cancel", ended="cancelled"), finish(run, "CANCELLED"))
    assert await world.store.rewind(run.run_id, "0", 0)
    claimed = await world.claim_one()
    assert (claimed.history, claimed.cancel_reason) == ([], None)


async def test_rewind_to_a_cleanup_takes_back_the_cancellation_before_it(world: World) -> None:
    run = await world.begin()
    await world.store.request_cancel([run.run_id], "enough", force=False, children=False)
    await world.written(
        step(run, 0), step(run, 1, kind="cancel", ended="cancelled"), step(run, 2), finish(run, "CANCELLED")
    )
    assert await world.store.rewind(run.run_id, "0", 2)
    assert [h.seq for h in (await world.claim_one()).history] == [0]


async def test_rewind_opens_the_gates_of_the_children_that_it_takes_back(world: World) -> None:
    run = await world.begin()
    kept, dropped = ParentRef(run.run_id, "0", 0), ParentRef(run.run_id, "0", 1)
    first = await world.ended(workflow_id="c-0", parent=kept)
    second = await world.ended(workflow_id="c-1", parent=dropped)
    await world.written(
        step(run, 0, kind="child", child_run=first), step(run, 1, kind="child", child_run=second), finish(run)
    )
    assert await world.store.rewind(run.run_id, "0", 1)
    again = await world.start(workflow_id="c-0", parent=kept)
    assert (again.created, again.run_id) == (False, first)
    anew = await world.start(workflow_id="c-1", parent=dropped)
    assert anew.created
    assert anew.run_id != second
    attached = await world.start(workflow_id="c-1", parent=dropped)
    assert (attached.created, attached.run_id) == (False, anew.run_id)
    assert await world.status(second) == "SUCCESS"


async def test_a_running_run_cannot_be_rewound(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0))
    assert not await world.store.rewind(run.run_id, "0", 0)
    await world.written(step(run, 1))


async def test_an_outcome_that_is_not_there_cannot_be_rewound_to(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0), finish(run))
    before = await world.row(run)
    assert not await world.store.rewind(run.run_id, "0", 1)
    assert not await world.store.rewind(run.run_id, "0.1", 0)
    assert not await world.store.rewind(draw(), "0", 0)
    assert await world.row(run) == before


# -- fork ---------------------------------------------------------------------------------------------------


async def test_a_fork_knows_what_came_before(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0), step(run, 1), step(run, 2), finish(run))
    new = world.new(status="ENQUEUED", workflow_id="fork-1", input='"other"')
    assert await world.store.fork(run.run_id, "0", 2, new)
    row = await world.row(new.run_id)
    assert (row.status, row.forked_from, row.workflow_id, row.input) == (
        "ENQUEUED",
        run.run_id,
        "fork-1",
        '"other"',
    )
    claimed = await world.claim_one()
    assert [(h.seq, h.output) for h in claimed.history] == [(0, '"out 0"'), (1, '"out 1"')]
    await world.written(step(claimed, 2, output='"new"'), finish(claimed))
    assert [s.output for s in await world.store.list_steps(run.run_id)] == ['"out 0"', '"out 1"', '"out 2"']


async def test_the_copies_of_a_fork_are_no_progress_of_its_own(world: World) -> None:
    first = await world.begin()
    await world.release(first)
    run = await world.claim_one()
    assert run.epoch == 3
    await world.written(step(run, 0), step(run, 1))
    new = world.new(status="ENQUEUED", max_recoveries=5)
    await world.store.fork(run.run_id, "0", 1, new)
    await world.release(await world.claim_one(), recovery=True)
    await world.release(await world.claim_one(), recovery=True)
    assert (await world.row(new.run_id)).recoveries == 2


async def test_a_fork_belongs_to_the_app_of_its_origin(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0))
    operator = await world.another(app="operator")
    assert await operator.fork(run.run_id, "0", 0, world.new(status="ENQUEUED"))
    assert (await world.claim_one()).history == []


async def test_a_fork_is_not_born_cancelled(world: World) -> None:
    run = await world.begin()
    delivered = step(run, 0, branch="!cancel", kind="cancel", pos=1)
    await world.written(step(run, 0, pos=0), delivered, step(run, 1, pos=2), step(run, 2, pos=3))
    new = world.new(status="ENQUEUED")
    assert await world.store.fork(run.run_id, "0", 2, new)
    claimed = await world.claim_one()
    assert (claimed.run_id, [h.seq for h in claimed.history]) == (new.run_id, [0])


async def test_a_running_run_can_be_forked(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0))
    assert await world.store.fork(run.run_id, "0", 0, world.new(status="ENQUEUED"))
    assert (await world.claim_one()).history == []
    await world.written(step(run, 1))


async def test_a_fork_sent_again_is_one_fork(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0), step(run, 1))
    new = world.new(status="ENQUEUED")
    assert await world.store.fork(run.run_id, "0", 1, new)
    assert await world.store.fork(run.run_id, "0", 1, new)
    assert len((await world.claim_one()).history) == 1


async def test_nothing_to_fork(world: World) -> None:
    run = await world.begin()
    new = world.new(status="ENQUEUED")
    assert not await world.store.fork(run.run_id, "0", 0, new)
    assert not await world.store.fork(draw(), "0", 0, new)
    assert await world.store.get_run(new.run_id) is None


# -- delete and attributes ----------------------------------------------------------------------------------


async def test_an_ended_run_is_deleted_with_its_rows(world: World) -> None:
    run = await world.begin(workflow_id="o-1", attributes='{"a": 1}')
    await world.written(step(run, 0), intent(run, 1), finish(run))
    assert await world.store.delete(run.run_id)
    assert await world.store.get_run(run.run_id) is None
    assert await world.store.find_run("o-1") is None
    assert await world.store.list_steps(run.run_id) == []
    assert not await world.store.delete(run.run_id)
    assert (await world.start(workflow_id="o-1")).created


async def test_a_run_that_has_not_ended_is_not_deleted(world: World) -> None:
    run = await world.begin()
    assert not await world.store.delete(run.run_id)
    await world.block(run)
    assert not await world.store.delete(run.run_id)
    assert await world.status(run) == "BLOCKED"


async def attributes_of(world: World, run: Execution) -> object:
    return json.loads((await world.row(run)).attributes or "null")


async def test_attributes_are_merged_at_the_top(world: World) -> None:
    run = await world.begin(attributes='{"a": 1, "b": {"x": 1}, "c": 3}')
    await world.store.update_attributes(run.run_id, '{"b": {"y": 2}, "c": null, "d": "new"}')
    assert await attributes_of(world, run) == {"a": 1, "b": {"y": 2}, "d": "new"}


async def test_attributes_of_a_run_without_any(world: World) -> None:
    run = await world.begin()
    assert (await world.row(run)).attributes is None
    await world.store.update_attributes(run.run_id, '{"a": [1, 2]}')
    assert await attributes_of(world, run) == {"a": [1, 2]}
    await world.store.update_attributes(run.run_id, '{"gone": null}')
    assert await attributes_of(world, run) == {"a": [1, 2]}


async def test_attributes_of_a_run_that_is_not_there(world: World) -> None:
    await world.store.update_attributes(draw(), '{"a": 1}')
    assert await world.store.list_runs(RunFilter()) == []
