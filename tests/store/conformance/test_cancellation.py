"""Requests to cancel, by how the run stands; and deadlines, which are such requests."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from stepwell.model.rows import ParentRef
from tests.store.conformance.kit import START, World, draw, end_of, step, timer


async def never_started(world: World) -> UUID:
    return await world.enqueue(delay=1000.0)


async def enqueued_again(world: World) -> UUID:
    run = await world.begin()
    await world.release(run)
    return run.run_id


async def pending(world: World) -> UUID:
    return (await world.begin()).run_id


async def waiting(world: World) -> UUID:
    run = await world.begin()
    await world.park(run, timer(START + 1e6))
    return run.run_id


async def blocked(world: World) -> UUID:
    run = await world.begin()
    await world.block(run)
    return run.run_id


async def dead(world: World) -> UUID:
    run = await world.begin(max_recoveries=0)
    await world.release(run, recovery=True)
    return run.run_id


Make = Callable[[World], Awaitable[UUID]]
LIVING: dict[Make, str] = {
    never_started: "CANCELLED",
    enqueued_again: "ENQUEUED",
    pending: "PENDING",
    waiting: "ENQUEUED",
    blocked: "ENQUEUED",
    dead: "CANCELLED",
}
each_living = pytest.mark.parametrize(("make", "becomes"), LIVING.items(), ids=lambda x: getattr(x, "__name__", x))


@each_living
async def test_a_request_by_how_the_run_stands(world: World, make: Make, becomes: str) -> None:
    run_id = await make(world)
    before = await world.row(run_id)
    assert await world.store.request_cancel([run_id], "enough", force=False, children=True) == [run_id]
    row = await world.row(run_id)
    assert (row.status, row.cancel_reason, row.owner) == (becomes, "enough", before.owner)
    assert (row.completed_at, row.epoch) == (START if becomes == "CANCELLED" else None, before.epoch)
    if becomes == "CANCELLED":
        (outcome,) = await world.store.outcomes([run_id])
        assert (outcome.status, outcome.reason, outcome.output, outcome.error) == (
            "CANCELLED",
            "enough",
            None,
            None,
        )
    elif becomes == "ENQUEUED":
        assert (await world.claim_one()).cancel_reason == "enough", "so that its cleanup runs"


@each_living
async def test_force_ends_it_at_once_whatever_it_does(world: World, make: Make, becomes: str) -> None:
    run_id = await make(world)
    before = await world.row(run_id)
    assert await world.store.request_cancel([run_id], "now", force=True, children=True) == [run_id]
    row = await world.row(run_id)
    assert (row.status, row.reason, row.owner, row.completed_at) == ("CANCELLED", "now", None, START)
    assert row.epoch == before.epoch + 1


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("status", ["SUCCESS", "ERROR", "CANCELLED"])
async def test_an_ended_run_is_left_alone(world: World, status: str, force: bool) -> None:
    run_id = await world.ended(status)
    before = await world.row(run_id)
    assert await world.store.request_cancel([run_id, draw()], "late", force=force, children=True) == []
    assert await world.row(run_id) == before


async def test_a_cancelled_parked_run_waits_for_nothing_any_more(world: World) -> None:
    await world.store.request_cancel([await waiting(world)], "enough", force=False, children=False)
    await world.store.request_cancel([await waiting(world)], "enough", force=True, children=False)
    assert (await world.store.next_wake())[0] is None


async def test_the_first_reason_stays(world: World) -> None:
    run_id = await pending(world)
    for reason in ("first", "second"):
        await world.store.request_cancel([run_id], reason, force=False, children=False)
    assert (await world.row(run_id)).cancel_reason == "first"


async def test_a_request_may_be_forced_later(world: World) -> None:
    run_id = await pending(world)
    await world.store.request_cancel([run_id], "enough", force=False, children=False)
    assert await world.store.request_cancel([run_id], "now", force=True, children=False) == [run_id]
    assert await world.status(run_id) == "CANCELLED"


async def test_a_blocked_cleanup_may_be_asked_again(world: World) -> None:
    run = await world.begin()
    await world.store.request_cancel([run.run_id], "enough", force=False, children=False)
    await world.block(run)
    assert await world.store.request_cancel([run.run_id], "again", force=False, children=False) == [run.run_id]
    assert await world.status(run) == "ENQUEUED"


async def test_a_delivered_cancellation_is_an_outcome(world: World) -> None:
    run = await world.begin()
    await world.store.request_cancel([run.run_id], "enough", force=False, children=False)
    await world.written(step(run, 0, kind="cancel", ended="cancelled", output=None))
    await world.end(run, "CANCELLED", reason="enough")
    assert await world.status(run) == "CANCELLED"


# -- children -----------------------------------------------------------------------------------------------


async def family(world: World) -> dict[str, UUID]:
    """root -> child -> grandchild, let_go; root -> abandoned -> below; and a stranger."""
    made = {"root": (await world.begin()).run_id, "stranger": (await world.begin()).run_id}

    async def add(name: str, parent: str, seq: int, close: str = "cancel") -> None:
        gate = ParentRef(made[parent], "0", seq)
        made[name] = (await world.begin(parent=gate, parent_close=close, root_run_id=made["root"])).run_id

    await add("child", "root", 0)
    await add("grandchild", "child", 0)
    await add("let_go", "child", 1, close="abandon")
    await add("abandoned", "root", 1, close="abandon")
    await add("below", "abandoned", 0)
    return made


async def names_of(world: World, made: dict[str, UUID]) -> set[str]:
    return {name for name, run_id in made.items() if (await world.row(run_id)).cancel_reason is not None}


@pytest.mark.parametrize("force", [False, True])
async def test_children_follow_unless_told_not_to(world: World, force: bool) -> None:
    made = await family(world)
    touched = await world.store.request_cancel([made["root"]], "enough", force=force, children=True)
    assert set(touched) == {made["root"], made["child"], made["grandchild"]}
    assert await names_of(world, made) == {"root", "child", "grandchild"}


async def test_without_children_only_the_run_itself(world: World) -> None:
    made = await family(world)
    assert await world.store.request_cancel([made["root"]], "x", force=False, children=False) == [made["root"]]
    assert await names_of(world, made) == {"root"}


async def test_a_run_and_its_own_child_in_one_request(world: World) -> None:
    made = await family(world)
    wanted = [made["child"], made["root"]]
    touched = await world.store.request_cancel(wanted, "enough", force=True, children=True)
    assert len(touched) == len(set(touched)) == 3
    assert (await world.row(made["child"])).epoch == 2


async def test_children_of_an_ended_run_can_still_be_cancelled(world: World) -> None:
    made = await family(world)
    await world.store.request_cancel([made["root"]], "x", force=True, children=False)
    touched = await world.store.request_cancel([made["root"]], "x", force=False, children=True)
    assert set(touched) == {made["child"], made["grandchild"]}


# -- deadlines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "becomes"),
    [(make, becomes) for make, becomes in LIVING.items() if make is not dead],
    ids=lambda x: getattr(x, "__name__", x),
)
async def test_a_deadline_is_a_request_with_that_reason(world: World, make: Make, becomes: str) -> None:
    world.defaults["timeout"] = 10.0
    run_id = await make(world)
    await world.clock.advance(9)
    assert await world.store.expire_deadlines(10) == 0
    await world.clock.advance(1)
    assert await world.store.expire_deadlines(10) == 1
    row = await world.row(run_id)
    assert (row.status, row.cancel_reason) == (becomes, "deadline")
    assert await world.store.expire_deadlines(10) == 0
    assert await world.store.wake(10) == 0


async def test_a_deadline_comes_after_a_cancellation(world: World) -> None:
    run = await world.begin(timeout=10.0)
    await world.store.request_cancel([run.run_id], "enough", force=False, children=False)
    await world.clock.advance(10)
    assert await world.store.expire_deadlines(10) == 0
    assert (await world.row(run)).cancel_reason == "enough"


async def test_an_ended_run_has_no_deadline_any_more(world: World) -> None:
    await world.ended(timeout=10.0)
    await world.clock.advance(10)
    assert await world.store.expire_deadlines(10) == 0


async def test_deadlines_expire_bounded(world: World) -> None:
    for _ in range(3):
        await world.begin(timeout=1.0)
    await world.clock.advance(1)
    assert [await world.store.expire_deadlines(2) for _ in range(3)] == [2, 1, 0]


async def test_a_cancelled_target_wakes_its_waiter(world: World) -> None:
    target, waiter = await world.enqueue(), await world.begin()
    await world.park(waiter, end_of(target))
    await world.store.request_cancel([target], "enough", force=False, children=False)
    assert await world.store.wake_waiters_of([target]) == 1
