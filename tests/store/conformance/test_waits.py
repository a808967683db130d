"""Parked runs: what wakes them, and what does not."""

import asyncio

import pytest

from stepwell.model.rows import Wait
from tests.store.conformance.kit import START, Execution, World, draw, end_of, timer


async def test_a_timer_wakes_when_it_is_due(world: World) -> None:
    run = await world.begin()
    await world.park(run, timer(START + 10))
    await world.clock.advance(9)
    assert await world.store.wake(10) == 0
    await world.clock.advance(1)
    assert await world.store.wake(10) == 1
    assert await world.status(run) == "ENQUEUED"
    claimed = await world.claim_one()
    assert (claimed.run_id, claimed.epoch) == (run.run_id, 2)


async def test_a_woken_run_waits_for_nothing_any_more(world: World) -> None:
    run = await world.begin()
    await world.park(run, timer(START, 0), timer(START + 50, 1))
    assert await world.store.wake(10) == 1
    assert await world.store.wake(10) == 0
    assert (await world.store.next_wake())[0] is None
    await world.park(await world.claim_one(), timer(START + 99))
    assert await world.store.wake(10) == 0


@pytest.mark.parametrize("status", ["SUCCESS", "ERROR", "CANCELLED"])
async def test_another_runs_end_wakes(world: World, status: str) -> None:
    target, run = await world.begin(), await world.begin()
    await world.park(run, end_of(target.run_id))
    assert await world.store.wake(10) == 0
    await world.end(target, status)
    assert await world.store.wake(10) == 1
    assert await world.status(run) == "ENQUEUED"


async def test_a_target_that_had_ended_before_the_parking_is_found(world: World) -> None:
    target = await world.ended()
    run = await world.begin()
    await world.park(run, end_of(target))
    assert await world.store.wake(10) == 1


async def test_a_target_that_is_gone_cannot_be_waited_for(world: World) -> None:
    target, run = await world.ended(), await world.begin()
    await world.park(run, end_of(target))
    await world.store.delete(target)
    assert await world.store.wake(10) == 1


async def test_waiters_of_ended_runs_are_woken_at_once(world: World) -> None:
    first, second, running = [await world.begin() for _ in range(3)]
    waiters = [await world.begin() for _ in range(4)]
    for waiter, target in zip(waiters, [first, first, second, running], strict=True):
        await world.park(waiter, end_of(target.run_id))
    await world.end(first)
    await world.end(second)
    assert await world.store.wake_waiters_of([first.run_id, second.run_id]) == 3
    assert [await world.status(w) for w in waiters] == ["ENQUEUED"] * 3 + ["WAITING"]
    assert await world.store.wake_waiters_of([first.run_id]) == 0
    assert await world.store.wake_waiters_of([]) == 0


async def test_waiters_of_a_run_that_has_not_ended_sleep_on(world: World) -> None:
    target, waiter = await world.begin(), await world.begin()
    await world.park(waiter, end_of(target.run_id))
    assert await world.store.wake_waiters_of([target.run_id]) == 0
    assert await world.status(waiter) == "WAITING"


async def test_a_wait_for_an_end_with_a_timeout_ends_by_either(world: World) -> None:
    target, slow, fast = [await world.begin() for _ in range(3)]
    await world.park(slow, end_of(target.run_id, wake_at=START + 100))
    await world.park(fast, end_of(target.run_id, wake_at=START + 5))
    await world.clock.advance(5)
    assert await world.store.wake(10) == 1
    assert [await world.status(run) for run in (slow, fast)] == ["WAITING", "ENQUEUED"]
    await world.end(target)
    assert await world.store.wake(10) == 1


async def test_a_run_that_waits_for_several_ends_is_woken_once(world: World) -> None:
    targets = [await world.ended() for _ in range(3)]
    run = await world.begin()
    await world.park(run, *(end_of(target, seq) for seq, target in enumerate(targets)))
    assert await world.store.wake_waiters_of(targets) == 1


async def test_a_wait_that_is_neither_is_left_alone(world: World) -> None:
    run = await world.begin()
    await world.park(run, Wait("0", 0, "message"))
    await world.clock.advance(1e6)
    assert await world.store.wake(10) == 0


async def test_a_wake_is_bounded(world: World) -> None:
    for _ in range(5):
        await world.park(await world.begin(), timer(START))
    assert [await world.store.wake(2) for _ in range(4)] == [2, 2, 1, 0]


async def test_two_wakers_wake_a_run_once(world: World) -> None:
    other = await world.another()
    run = await world.begin()
    await world.park(run, timer(START))
    assert sum(await asyncio.gather(world.store.wake(10), other.wake(10))) == 1


async def test_parking_and_the_targets_end_never_miss_each_other(world: World) -> None:
    """Whoever commits second looks for the other: the run is woken by one of them."""
    other = await world.another()
    for _ in range(10):
        target, waiter = await world.begin(), await world.begin()

        async def parks(waiter: Execution = waiter, target: Execution = target) -> None:
            await world.park(waiter, end_of(target.run_id))
            await world.store.wake(10)

        async def ends(target: Execution = target) -> None:
            await world.end(target)
            await other.wake_waiters_of([target.run_id])

        await asyncio.gather(parks(), ends())
        assert await world.status(waiter) == "ENQUEUED"


async def test_next_wake_is_the_earliest_of_all(world: World) -> None:
    assert await world.store.next_wake() == (None, START)
    await world.park(await world.begin(), timer(START + 30, 0), timer(START + 20, 1))
    await world.park(await world.begin(), end_of(draw(), wake_at=START + 25))
    assert await world.store.next_wake() == (START + 20, START)
    await world.enqueue(delay=10.0)
    assert await world.store.next_wake() == (START + 10, START)
    await world.clock.advance(1)
    await world.enqueue()
    assert await world.store.next_wake() == (START + 10, START + 1)


async def test_next_wake_leaves_starts_that_are_due_to_the_claim(world: World) -> None:
    """Nobody may serve them: a timer for them would fire for ever."""
    await world.enqueue(not_before=START - 5)
    await world.enqueue(delay=10.0)
    await world.enqueue(delay=20.0)
    assert await world.store.next_wake() == (START + 10, START)
    await world.clock.advance(10)
    assert await world.store.next_wake() == (START + 20, START + 10)
    await world.clock.advance(15)
    assert await world.store.next_wake() == (None, START + 25)
    await world.park(await world.begin(), timer(START))
    assert await world.store.next_wake() == (START, START + 25)


async def test_next_wake_forgets_what_has_been_taken_up(world: World) -> None:
    await world.enqueue(delay=10.0)
    await world.park(await world.begin(), timer(START + 5))
    await world.clock.advance(10)
    await world.store.wake(10)
    await world.claim()
    assert await world.store.next_wake() == (None, START + 10)
