"""The group commit's checkpoints: fenced, idempotent, a verdict per row."""

import pytest

from stepwell.model.rows import Verdict
from tests.store.conformance.kit import START, Execution, World, draw, step

WRITTEN, MINE, LOST, CONFLICT = Verdict.WRITTEN, Verdict.MINE, Verdict.LOST, Verdict.CONFLICT


async def test_every_field_of_a_checkpoint_comes_back_in_the_history(world: World) -> None:
    run, child = await world.begin(), draw()
    await world.written(
        step(
            run, 3, branch="0.2", name="charge", kind="child", ended="error", output=None,
            error='{"type":"E"}', fingerprint=-9, pos=11, attempts=4, child_run=child, codec_id="zip",
        )
    )  # fmt: skip
    await world.release(run)
    (recorded,) = (await world.claim_one()).history
    assert (recorded.branch, recorded.seq, recorded.name, recorded.kind) == ("0.2", 3, "charge", "child")
    assert (recorded.ended, recorded.output, recorded.error) == ("error", None, '{"type":"E"}')
    assert (recorded.fingerprint, recorded.pos, recorded.epoch, recorded.attempts) == (-9, 11, 1, 4)
    assert (recorded.child_run, recorded.codec_id, recorded.completed_at) == (child, "zip", START)


async def test_an_empty_batch_is_nothing(world: World) -> None:
    assert (await world.commit()).all_written


async def test_a_batch_sent_again_is_mine(world: World) -> None:
    runs = [await world.begin() for _ in range(3)]
    batch = [step(run, seq) for run in runs for seq in range(2)]
    await world.written(*batch)
    again = await world.commit(*batch)
    assert not again.all_written
    assert again.checkpoints == [MINE] * 6


async def test_half_of_a_batch_sent_again(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0))
    assert (await world.commit(step(run, 1), step(run, 0))).checkpoints == [WRITTEN, MINE]


@pytest.mark.parametrize(
    "change",
    [
        {"output": '"other"'},
        {"output": None, "error": '"e"', "ended": "error"},
        {"name": "other"},
        {"fingerprint": 1},
        {"ended": "abandoned"},
    ],
)
async def test_another_outcome_under_the_same_epoch_is_a_conflict(world: World, change: dict[str, object]) -> None:
    run = await world.begin()
    await world.written(step(run, 0))
    assert (await world.commit(step(run, 0, **change))).checkpoints == [CONFLICT]
    (stored,) = await world.store.list_steps(run.run_id)
    assert stored.output == '"out 0"'


async def test_how_long_the_body_took_is_not_part_of_the_outcome(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0, elapsed=0.1))
    assert (await world.commit(step(run, 0, elapsed=0.9))).checkpoints == [MINE]


async def test_two_rows_of_one_key_in_one_batch(world: World) -> None:
    run = await world.begin()
    verdicts = (await world.commit(step(run, 0), step(run, 0, output='"x"'))).checkpoints
    assert sorted(verdicts) == [WRITTEN, CONFLICT]


async def test_an_old_epoch_is_lost(world: World) -> None:
    run = await world.begin()
    await world.release(run)
    assert (await world.commit(step(run, 0))).checkpoints == [LOST]
    now = await world.claim_one()
    assert (await world.commit(step(run, 0))).checkpoints == [LOST]
    assert now.history == []
    await world.written(step(now, 0))


async def test_a_future_epoch_is_lost_too(world: World) -> None:
    run = await world.begin()
    assert (await world.commit(step(Execution(run.run_id, 2), 0))).checkpoints == [LOST]


async def test_an_unknown_run_is_lost(world: World) -> None:
    assert (await world.commit(step(Execution(draw(), 1), 0))).checkpoints == [LOST]


@pytest.mark.parametrize("status", ["WAITING", "BLOCKED"])
async def test_an_execution_that_has_left_may_not_write(world: World, status: str) -> None:
    run = await world.begin()
    await (world.park(run) if status == "WAITING" else world.block(run))
    assert (await world.commit(step(run, 0))).checkpoints == [LOST]
    assert await world.store.list_steps(run.run_id) == []


async def test_a_lost_row_does_not_spoil_the_rest_of_the_batch(world: World) -> None:
    mine, lost, also_mine = [await world.begin() for _ in range(3)]
    await world.release(lost)
    committed = await world.commit(step(lost, 0), step(mine, 0), step(lost, 1), step(also_mine, 0))
    assert committed.checkpoints == [LOST, WRITTEN, LOST, WRITTEN]
    assert len(await world.store.list_steps(mine.run_id)) == 1
    assert await world.store.list_steps(lost.run_id) == []


async def test_what_a_lost_execution_had_written_is_never_written_twice(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0))
    await world.release(run)
    assert (await world.commit(step(run, 0))).checkpoints[0] in (MINE, LOST)
    assert (await world.commit(step(run, 0, output='"x"'))).checkpoints[0] in (CONFLICT, LOST)
    (recorded,) = (await world.claim_one()).history
    assert (recorded.output, recorded.epoch) == ('"out 0"', 1)


async def test_a_pending_cancellation_is_reported_and_the_row_written(world: World) -> None:
    run, other = await world.begin(), await world.begin()
    await world.store.request_cancel([run.run_id], "enough", force=False, children=False)
    committed = await world.written(step(run, 0), step(other, 0))
    assert committed.cancels == {run.run_id: "enough"}


async def test_a_pending_cancellation_is_reported_beside_a_lost_row_too(world: World) -> None:
    run, lost = await world.begin(), await world.begin()
    await world.release(lost)
    await world.store.request_cancel([run.run_id], "enough", force=False, children=False)
    committed = await world.commit(step(run, 0), step(lost, 0))
    assert (committed.checkpoints, committed.cancels) == ([WRITTEN, LOST], {run.run_id: "enough"})


async def test_a_forced_cancellation_takes_the_fence(world: World) -> None:
    run = await world.begin()
    await world.store.request_cancel([run.run_id], "enough", force=True, children=False)
    assert (await world.commit(step(run, 0))).checkpoints == [LOST]


async def test_two_processes_write_runs_of_their_own_side_by_side(world: World) -> None:
    other = await world.another()
    mine, theirs = await world.begin(), await world.begin(owner=draw())
    await world.written(step(mine, 0))
    assert (await world.commit(step(theirs, 0), store=other)).all_written


async def test_a_large_batch(world: World) -> None:
    runs = await world.store.start([world.new() for _ in range(50)])
    rows = [step(Execution(run.run_id, 1), seq) for seq in range(10) for run in reversed(runs)]
    await world.written(*rows)
    assert (await world.commit(*rows)).checkpoints == [MINE] * 500
    for run in runs:
        assert [row.seq for row in await world.store.list_steps(run.run_id)] == list(range(10))


@pytest.mark.parametrize("place", [0, 31, 32, 69])
async def test_one_lost_run_of_many_is_found(world: World, place: int) -> None:
    """However the fences of a batch are read."""
    runs = [Execution(run.run_id, 1) for run in await world.store.start([world.new() for _ in range(70)])]
    await world.release(runs[place])
    again = await world.claim_one()
    committed = await world.commit(*(step(run, 0) for run in runs))
    assert committed.checkpoints == [LOST if index == place else WRITTEN for index in range(70)]
    assert await world.store.list_steps(again.run_id) == []


async def test_one_pending_cancellation_of_many_is_reported(world: World) -> None:
    runs = [Execution(run.run_id, 1) for run in await world.store.start([world.new() for _ in range(70)])]
    await world.store.request_cancel([runs[40].run_id], "enough", force=False, children=False)
    committed = await world.written(*(step(run, 0) for run in runs))
    assert committed.cancels == {runs[40].run_id: "enough"}


async def test_two_executions_of_a_run_in_one_batch(world: World) -> None:
    old = await world.begin()
    await world.release(old)
    new = await world.claim_one()
    others = [await world.begin() for _ in range(6)]
    committed = await world.commit(step(new, 0), step(old, 1), *(step(run, 0) for run in others))
    assert committed.checkpoints == [WRITTEN, LOST] + [WRITTEN] * 6
    assert [row.seq for row in await world.store.list_steps(new.run_id)] == [0]
