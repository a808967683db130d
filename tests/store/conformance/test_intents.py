"""The group commit's intents: begun and not ended."""

import pytest

from stepwell.model.rows import Verdict
from tests.store.conformance.kit import START, World, finish, intent, step

KEPT = (Verdict.WRITTEN, Verdict.MINE)


async def test_an_intent_comes_with_the_claim(world: World) -> None:
    run = await world.begin()
    await world.written(
        intent(run, 0, "once"),
        intent(run, 1, "attempt", attempt=2, delay=4.0, error='"e"'),
        intent(run, 2, "wait", due=START + 9, branch="0.1"),
    )
    await world.release(run)
    begun = sorted((await world.claim_one()).intents, key=lambda i: i.seq)
    assert [(i.branch, i.seq, i.name, i.kind) for i in begun] == [
        ("0", 0, "step_0", "once"), ("0", 1, "step_1", "attempt"), ("0.1", 2, "step_2", "wait"),
    ]  # fmt: skip
    assert [(i.attempt, i.due, i.error) for i in begun] == [
        (0, None, None), (2, START + 4, '"e"'), (0, START + 9, None),
    ]  # fmt: skip


async def test_dues_are_told_with_the_databases_now(world: World) -> None:
    run = await world.begin()
    await world.clock.advance(3)
    committed = await world.written(intent(run, 0, "wait", delay=10.0), intent(run, 1, "once"))
    assert committed.dues == [(START + 13, START + 3), (None, START + 3)]


async def test_the_first_due_time_of_a_wait_stays(world: World) -> None:
    run = await world.begin()
    await world.written(intent(run, 0, "wait", delay=10.0))
    await world.release(run)
    again = await world.claim_one()
    await world.clock.advance(6)
    committed = await world.commit(intent(again, 0, "wait", delay=10.0))
    assert committed.dues == [(START + 10, START + 6)]
    if not committed.all_written:
        assert committed.intents[0] in KEPT


async def test_an_attempt_overwrites_the_one_before(world: World) -> None:
    run = await world.begin()
    await world.written(intent(run, 0, "attempt", attempt=1, delay=1.0, error='"first"'))
    await world.clock.advance(1)
    committed = await world.commit(intent(run, 0, "attempt", attempt=2, delay=2.0, error='"second"'))
    assert committed.dues == [(START + 3, START + 1)]
    await world.release(run)
    (begun,) = (await world.claim_one()).intents
    assert (begun.attempt, begun.due, begun.error) == (2, START + 3, '"second"')


async def test_an_attempt_of_a_later_execution_overwrites(world: World) -> None:
    old = await world.begin()
    await world.written(intent(old, 0, "attempt", attempt=1, delay=1.0, error='"old"'))
    await world.release(old)
    new = await world.claim_one()
    await world.written(intent(new, 0, "attempt", attempt=2, delay=5.0, error='"new"'))
    await world.release(new)
    (begun,) = (await world.claim_one()).intents
    assert (begun.attempt, begun.error) == (2, '"new"')


async def test_a_new_attempt_of_an_at_most_once_step_may_begin_after_a_failed_one(world: World) -> None:
    run = await world.begin()
    await world.written(intent(run, 0, "once", attempt=1))
    await world.written(intent(run, 0, "attempt", attempt=1, delay=0.0, error='"e"'))
    await world.written(intent(run, 0, "once", attempt=2))
    await world.release(run)
    (begun,) = (await world.claim_one()).intents
    assert begun.kind == "once"


@pytest.mark.parametrize("kind", ["once", "attempt", "wait"])
async def test_an_intent_sent_again_changes_nothing(world: World, kind: str) -> None:
    run = await world.begin()
    begun = intent(run, 0, kind, attempt=1, due=START + 5)
    await world.written(begun)
    again = await world.commit(begun)
    assert again.dues == [(START + 5, START)]
    assert again.all_written or again.intents[0] in KEPT
    assert len(await world.store.list_steps(run.run_id)) == 1


async def test_the_outcome_settles_its_intent(world: World) -> None:
    run = await world.begin()
    await world.written(intent(run, 0), intent(run, 1))
    await world.written(step(run, 0, settles_intent=True))
    await world.release(run)
    claimed = await world.claim_one()
    assert [i.seq for i in claimed.intents] == [1]
    assert [h.seq for h in claimed.history] == [0]


async def test_an_outcome_that_was_there_settles_too(world: World) -> None:
    run = await world.begin()
    await world.written(intent(run, 0), step(run, 0, settles_intent=True))
    again = await world.commit(intent(run, 0), step(run, 0, settles_intent=True))
    assert again.checkpoints == [Verdict.MINE]
    await world.release(run)
    assert (await world.claim_one()).intents == []


async def test_an_outcome_of_another_key_settles_nothing(world: World) -> None:
    run = await world.begin()
    await world.written(intent(run, 0), intent(run, 0, branch="0.1"))
    await world.written(step(run, 1, settles_intent=True), step(run, 0, branch="0.1", settles_intent=True))
    await world.release(run)
    assert [(i.branch, i.seq) for i in (await world.claim_one()).intents] == [("0", 0)]


async def test_a_lost_outcome_settles_nothing(world: World) -> None:
    run = await world.begin()
    await world.written(intent(run, 0))
    await world.release(run)
    assert (await world.commit(step(run, 0, settles_intent=True))).checkpoints == [Verdict.LOST]
    assert len((await world.claim_one()).intents) == 1


async def test_an_old_execution_begins_nothing(world: World) -> None:
    run = await world.begin()
    await world.release(run)
    committed = await world.commit(intent(run, 0))
    assert (committed.intents, committed.dues) == ([Verdict.LOST], [None])
    assert (await world.claim_one()).intents == []


async def test_a_pending_cancellation_is_reported(world: World) -> None:
    run = await world.begin()
    await world.store.request_cancel([run.run_id], "enough", force=False, children=False)
    assert (await world.written(intent(run, 0))).cancels == {run.run_id: "enough"}


async def test_what_comes_after_its_outcome_begins_nothing(world: World) -> None:
    """An earlier attempt of a batch may reach the database after everything that followed it."""
    run = await world.begin()
    late = intent(run, 0, "attempt", attempt=1, delay=1.0)
    await world.written(late)
    await world.written(step(run, 0, settles_intent=True))
    await world.commit(late)
    assert [found.ended for found in await world.store.list_steps(run.run_id)] == ["ok"]


async def test_a_finish_clears_what_has_no_outcome(world: World) -> None:
    run, other = await world.begin(), await world.begin()
    await world.written(intent(run, 0, "wait", delay=9.0), intent(run, 1, "wait", delay=9.0), intent(other, 0))
    await world.written(finish(run, clears_intents=True), finish(other))
    assert await world.store.list_steps(run.run_id) == []
    assert len(await world.store.list_steps(other.run_id)) == 1


async def test_a_finish_that_is_looked_at_again_clears_too(world: World) -> None:
    run, other = await world.begin(), await world.begin()
    await world.written(intent(run, 0, "wait", delay=9.0))
    await world.release(other)  # its part of the batch is refused, and the careful form is sent
    await world.commit(step(other, 0), finish(run, clears_intents=True))
    assert await world.status(run) == "SUCCESS"
    assert await world.store.list_steps(run.run_id) == []
