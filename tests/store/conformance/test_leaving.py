"""Leaving: an execution ends without an outcome, if the run is still its own."""

import pytest

from stepwell.model.rows import Leave
from tests.store.conformance.kit import Execution, World, draw, intent, step, timer


async def test_a_released_run_goes_on_elsewhere_and_loses_nothing(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0), intent(run, 1))
    await world.release(run)
    row = await world.row(run)
    assert (row.status, row.owner, row.epoch, row.recoveries) == ("ENQUEUED", None, 2, 0)
    claimed = await world.claim_one()
    assert ([h.seq for h in claimed.history], [i.seq for i in claimed.intents]) == ([0], [1])


async def test_a_parked_run_keeps_its_epoch_until_it_is_claimed(world: World) -> None:
    run = await world.begin()
    await world.park(run, timer(1e12))
    row = await world.row(run)
    assert (row.status, row.owner, row.epoch) == ("WAITING", None, 1)


async def test_a_run_that_is_to_be_cancelled_is_not_parked(world: World) -> None:
    """The request came while it executed, and nobody there looks any more."""
    run = await world.begin()
    assert await world.store.request_cancel([run.run_id], "cancel", False, True) == [run.run_id]
    await world.park(run, timer(1e12))
    row = await world.row(run)
    assert (row.status, row.owner, row.epoch) == ("ENQUEUED", None, 2)
    assert (await world.store.next_wake())[0] is None
    assert (await world.claim_one()).cancel_reason == "cancel"


async def test_a_blocked_run_says_why(world: World) -> None:
    run = await world.begin()
    await world.block(run, reason="step 3 is another one now")
    row = await world.row(run)
    assert (row.status, row.owner, row.reason) == ("BLOCKED", None, "step 3 is another one now")


@pytest.mark.parametrize("status", ["ENQUEUED", "WAITING", "BLOCKED"])
async def test_an_old_execution_cannot_leave(world: World, status: str) -> None:
    old = await world.begin()
    await world.release(old)
    new = await world.claim_one()
    assert await world.store.leave([Leave(old.run_id, old.epoch, status, waits=(timer(0.0),))]) == [False]
    row = await world.row(new)
    assert (row.status, row.epoch) == ("PENDING", new.epoch)
    assert await world.store.next_wake() == (None, row.created_at)


async def test_many_leave_at_once_each_for_itself(world: World) -> None:
    released, gone, parked = [await world.begin() for _ in range(3)]
    await world.end(gone)
    leaves = [
        Leave(released.run_id, 1, "ENQUEUED"),
        Leave(gone.run_id, 1, "ENQUEUED"),
        Leave(draw(), 1, "ENQUEUED"),
        Leave(parked.run_id, 1, "WAITING"),
    ]
    assert await world.store.leave(leaves) == [True, False, False, True]
    assert await world.store.leave([]) == []
    assert [await world.status(r) for r in (released, gone, parked)] == ["ENQUEUED", "SUCCESS", "WAITING"]


async def test_a_release_may_count_as_a_recovery(world: World) -> None:
    run = await world.begin(max_recoveries=1)
    await world.release(run, recovery=True)
    assert (await world.row(run)).recoveries == 1
    await world.release(await world.claim_one(), recovery=True)
    row = await world.row(run)
    assert (row.status, row.recoveries, row.owner) == ("DEAD", 2, None)
    assert row.reason


async def test_a_release_sent_again_is_no_second_release(world: World) -> None:
    run = await world.begin()
    await world.release(run)
    assert await world.store.leave([Leave(run.run_id, 1, "ENQUEUED")]) == [False]
    assert (await world.row(run)).epoch == 2


# -- BLOCKED runs and other code ----------------------------------------------------------------------------


async def blocked(world: World, hint: str | None, route: str = "pay||") -> Execution:
    run = await world.begin(route=route)
    await world.block(run, code_hint=hint)
    return run


async def test_a_blocked_run_is_tried_with_other_code_only(world: World) -> None:
    run = await blocked(world, "hash-1")
    assert await world.store.retry_blocked([("pay||", "hash-1")], 10) == 0
    assert await world.status(run) == "BLOCKED"
    assert await world.store.retry_blocked([("pay||", "hash-2")], 10) == 1
    row = await world.row(run)
    assert (row.status, row.reason) == ("ENQUEUED", None)


async def test_every_code_that_was_tried_is_remembered(world: World) -> None:
    await blocked(world, "hash-1")
    await world.store.retry_blocked([("pay||", "hash-2")], 10)
    await world.block(await world.claim_one(routes=["pay||"]), code_hint="hash-2")
    assert await world.store.retry_blocked([("pay||", "hash-1"), ("pay||", "hash-2")], 10) == 0
    assert await world.store.retry_blocked([("pay||", "hash-3")], 10) == 1


async def test_a_hint_that_is_part_of_another_is_another(world: World) -> None:
    await blocked(world, "hash-12")
    assert await world.store.retry_blocked([("pay||", "hash-1")], 10) == 1


async def test_a_run_blocked_without_a_hint_may_be_tried(world: World) -> None:
    await blocked(world, None)
    assert await world.store.retry_blocked([("pay||", "hash-1")], 10) == 1


async def test_runs_of_other_apps_and_tenants_are_not_tried(world: World) -> None:
    """The same route may be other code there."""
    await blocked(world, "hash-1")
    for identity in ({"app": "billing"}, {"namespace": "tenant-2"}):
        other = await world.another(**identity)
        assert await other.retry_blocked([("pay||", "hash-2")], 10) == 0


async def test_only_the_routes_that_are_served_and_up_to_the_limit(world: World) -> None:
    for _ in range(3):
        await blocked(world, "hash-1")
    await blocked(world, "hash-1", route="other||")
    assert await world.store.retry_blocked([], 10) == 0
    assert await world.store.retry_blocked([("pay||", "hash-2")], 2) == 2
    assert await world.store.retry_blocked([("pay||", "hash-2")], 2) == 1
