"""The group commit's finishes: one outcome per run, and never without the run's last checkpoint."""

import pytest

from stepwell.model.rows import Verdict
from tests.store.conformance.kit import START, Execution, World, draw, finish, intent, step

WRITTEN, MINE, LOST, CONFLICT = Verdict.WRITTEN, Verdict.MINE, Verdict.LOST, Verdict.CONFLICT


@pytest.mark.parametrize(
    ("status", "output", "error", "reason"),
    [("SUCCESS", '"r"', None, None), ("ERROR", None, '"e"', None), ("CANCELLED", None, None, "deadline")],
)
async def test_a_finish_is_the_runs_outcome(
    world: World, status: str, output: str | None, error: str | None, reason: str | None
) -> None:
    run = await world.begin()
    await world.clock.advance(5)
    await world.end(run, status, output=output, error=error, reason=reason, codec_id="zip")
    row = await world.row(run)
    assert (row.status, row.output, row.error, row.reason) == (status, output, error, reason)
    assert (row.completed_at, row.owner, row.epoch) == (START + 5, None, 1)
    (outcome,) = await world.store.outcomes([run.run_id])
    assert (outcome.status, outcome.output, outcome.error) == (status, output, error)
    assert (outcome.run_id, outcome.reason, outcome.codec_id) == (run.run_id, reason, "zip")


async def test_step_and_finish_of_one_run_in_one_batch(world: World) -> None:
    run = await world.begin()
    await world.written(finish(run), step(run, 0), step(run, 1))
    assert await world.status(run) == "SUCCESS"
    assert len(await world.store.list_steps(run.run_id)) == 2


async def test_step_and_finish_after_the_fence_was_lost(world: World) -> None:
    run = await world.begin()
    await world.release(run)
    committed = await world.commit(step(run, 0), finish(run))
    assert (committed.checkpoints, committed.finishes) == ([LOST], [LOST])
    assert await world.status(run) == "ENQUEUED"
    assert await world.store.list_steps(run.run_id) == []


async def test_step_and_finish_sent_again_are_mine(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0), finish(run))
    committed = await world.commit(step(run, 0), finish(run))
    assert (committed.checkpoints, committed.finishes) == ([MINE], [MINE])


async def test_a_finish_is_not_accepted_without_its_checkpoint(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0))
    committed = await world.commit(step(run, 0, output='"other"'), finish(run))
    assert committed.checkpoints == [CONFLICT]
    assert committed.finishes[0] not in (WRITTEN, MINE)
    assert await world.status(run) == "PENDING"


async def test_a_finish_is_accepted_with_a_checkpoint_that_was_there(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0))
    committed = await world.commit(step(run, 0), finish(run))
    assert (committed.checkpoints, committed.finishes) == ([MINE], [WRITTEN])


async def test_one_runs_lost_checkpoint_does_not_hold_anothers_finish(world: World) -> None:
    mine, lost = await world.begin(), await world.begin()
    await world.release(lost)
    committed = await world.commit(step(lost, 0), step(mine, 0), finish(lost), finish(mine))
    assert committed.finishes == [LOST, WRITTEN]
    assert await world.status(mine) == "SUCCESS"


async def test_an_outcome_is_written_once(world: World) -> None:
    run = await world.begin()
    await world.end(run)
    assert (await world.commit(finish(run))).finishes == [MINE]
    assert (await world.commit(finish(run, output='"other"'))).finishes == [CONFLICT]
    assert (await world.commit(finish(run, "ERROR"))).finishes == [CONFLICT]
    row = await world.row(run)
    assert (row.status, row.output) == ("SUCCESS", '"done"')


async def test_of_two_finishes_in_one_batch_one_counts(world: World) -> None:
    run = await world.begin()
    committed = await world.commit(finish(run), finish(run, output='"other"'))
    assert sorted(committed.finishes) == [WRITTEN, CONFLICT]


async def test_an_old_execution_cannot_end_the_run(world: World) -> None:
    old = await world.begin()
    await world.release(old)
    new = await world.claim_one()
    assert (await world.commit(finish(old, "ERROR"))).finishes == [LOST]
    await world.end(new)
    assert (await world.commit(finish(old, "ERROR"))).finishes == [LOST]
    assert await world.status(new) == "SUCCESS"


async def test_a_parked_or_forced_run_cannot_be_finished(world: World) -> None:
    parked, forced = await world.begin(), await world.begin()
    await world.park(parked)
    await world.store.request_cancel([forced.run_id], "enough", force=True, children=False)
    assert (await world.commit(finish(parked), finish(forced))).finishes == [LOST, LOST]
    assert [await world.status(run) for run in (parked, forced)] == ["WAITING", "CANCELLED"]


async def test_an_unknown_run_is_lost(world: World) -> None:
    assert (await world.commit(finish(Execution(draw(), 1)))).finishes == [LOST]


async def test_all_parts_of_a_batch_under_one_lost_fence(world: World) -> None:
    run = await world.begin()
    await world.release(run)
    committed = await world.commit(intent(run, 1), step(run, 0), finish(run))
    assert (committed.intents, committed.dues) == ([LOST], [None])
    assert (committed.checkpoints, committed.finishes) == ([LOST], [LOST])


async def test_a_whole_life_in_one_batch_sent_again(world: World) -> None:
    new = world.new(workflow_id="o-1")
    run = Execution(new.run_id, 1)
    life = (new, intent(run, 0), step(run, 0, settles_intent=True), finish(run))
    await world.written(*life)
    again = await world.commit(*life)
    assert (again.starts, again.checkpoints, again.finishes) == ([MINE], [MINE], [MINE])
    assert again.intents[0] in (WRITTEN, MINE, LOST)
    (only,) = await world.store.list_steps(new.run_id)
    assert only.ended == "ok"


async def test_a_start_in_a_batch_whose_run_was_taken_over(world: World) -> None:
    new = world.new()
    run = Execution(new.run_id, 1)
    await world.written(new)
    await world.release(run)
    committed = await world.commit(new, step(run, 0), finish(run))
    assert committed.starts[0] in (MINE, LOST)
    assert (committed.checkpoints, committed.finishes) == ([LOST], [LOST])


async def test_outcomes_leaves_out_what_has_not_ended(world: World) -> None:
    ended, running = await world.ended(), (await world.begin()).run_id
    found = await world.store.outcomes([running, ended, draw()])
    assert [outcome.run_id for outcome in found] == [ended]
    assert await world.store.outcomes([]) == []
