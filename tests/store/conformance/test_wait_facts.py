"""Runs parked on messages, events and entries: the fact wakes them, whoever commits first."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

import pytest

from stepwell.model.looking import RunFilter
from stepwell.model.rows import Leave, Wait
from tests.store.conformance.kit import START, Execution, World, draw, end_of, step, timer
from tests.store.conformance.talk import entry, event, for_entry, for_event, for_message, message, published, sent

# What a run may wait for, and what makes it come true: (its wait, the fact), given the waiter and a target.
Fact = Callable[[World, Execution, Execution], tuple[Wait, Callable[[], Awaitable[object]]]]


def a_message(world: World, waiter: Execution, target: Execution) -> tuple[Wait, Callable[[], Awaitable[object]]]:
    return for_message(), lambda: sent(world, message(waiter.run_id))


def a_message_of_a_topic(
    world: World, waiter: Execution, target: Execution
) -> tuple[Wait, Callable[[], Awaitable[object]]]:
    return for_message("paid"), lambda: sent(world, message(waiter.run_id, topic="paid"))


def an_event(world: World, waiter: Execution, target: Execution) -> tuple[Wait, Callable[[], Awaitable[object]]]:
    return for_event(target.run_id), lambda: published(world, event(target))


def an_entry(world: World, waiter: Execution, target: Execution) -> tuple[Wait, Callable[[], Awaitable[object]]]:
    return for_entry(target.run_id, 1), lambda: published(world, entry(target, "0"), entry(target, None))


FACTS = pytest.mark.parametrize("fact", [a_message, a_message_of_a_topic, an_event, an_entry])


@FACTS
async def test_the_fact_wakes_at_once(world: World, fact: Fact) -> None:
    target, waiter = await world.begin(), await world.begin()
    wait, happens = fact(world, waiter, target)
    await world.park(waiter, wait, for_message("never", seq=7))
    assert await world.store.wake_parked([waiter.run_id]) == 0
    assert await world.store.wake(10) == 0
    await happens()
    assert await world.status(waiter) == "ENQUEUED"
    assert await world.store.wake(10) == 0
    assert (await world.claim_one()).run_id == waiter.run_id


@FACTS
@pytest.mark.parametrize("who", ["the parker", "the sweep"])
async def test_a_fact_that_was_there_before_the_parking_is_found(world: World, fact: Fact, who: str) -> None:
    target, waiter = await world.begin(), await world.begin()
    wait, happens = fact(world, waiter, target)
    await happens()
    await world.park(waiter, wait)
    assert await world.status(waiter) == "WAITING"
    woken = world.store.wake_parked([waiter.run_id]) if who == "the parker" else world.store.wake(10)
    assert await woken == 1
    assert await world.status(waiter) == "ENQUEUED"


@FACTS
async def test_parking_and_the_fact_never_miss_each_other(world: World, fact: Fact) -> None:
    other = await world.another()
    for _ in range(8):
        target, waiter = await world.begin(), await world.begin()
        wait, happens = fact(world, waiter, target)

        async def parks(waiter: Execution = waiter, wait: Wait = wait) -> None:
            leave = Leave(waiter.run_id, waiter.epoch, "WAITING", waits=(wait,))
            while (left := await other.leave([leave])) == [None]:
                await asyncio.sleep(0)  # who writes the fact holds the run at this moment
            assert left == [True]
            await other.wake_parked([waiter.run_id])

        await asyncio.gather(parks(), happens())
        if await world.status(waiter) == "WAITING":  # somebody's lock was passed over: the sweep's part
            assert await world.store.wake(10) == 1
        assert await world.status(waiter) == "ENQUEUED"


@FACTS
async def test_a_wait_with_a_timeout_ends_by_either(world: World, fact: Fact) -> None:
    target, waiter = await world.begin(), await world.begin()
    wait, _ = fact(world, waiter, target)
    await world.park(waiter, replace(wait, wake_at=START + 5))
    assert (await world.store.next_wake())[0] == START + 5
    assert await world.store.wake_due(10) == 0
    await world.clock.advance(5)
    assert await world.store.wake_due(10) == 1
    assert await world.status(waiter) == "ENQUEUED"


def for_the_first_entry(target: UUID) -> Wait:
    return for_entry(target, 0)


@pytest.mark.parametrize("wait", [for_event, for_the_first_entry])
@pytest.mark.parametrize("how", ["at once", "sweep", "parker", "gone"])
async def test_the_targets_end_wakes_too(world: World, wait: Callable[[UUID], Wait], how: str) -> None:
    target, waiter = await world.begin(), await world.begin()
    if how in ("parker", "gone"):
        await world.end(target)
    await world.park(waiter, wait(target.run_id))
    if how == "gone":
        await world.store.delete(target.run_id)
    elif how != "parker":
        await world.end(target)
    if how == "at once":
        woken = world.store.wake_waiters_of([target.run_id])
    elif how == "parker":
        woken = world.store.wake_parked([waiter.run_id])
    else:
        woken = world.store.wake(10)
    assert await woken == 1


async def test_other_messages_do_not_wake(world: World) -> None:
    waiter, other = await world.begin(), await world.begin()
    await sent(world, message(waiter.run_id, "taken"))
    await world.written(step(waiter, 0, consumes="taken"))
    await world.park(waiter, for_message())
    answers = await sent(
        world, message(waiter.run_id, topic="t"), message(other.run_id), message(waiter.run_id, "taken")
    )
    assert [answer.woke for answer in answers] == [False] * 3
    assert await world.store.wake(10) == 0
    assert await world.status(waiter) == "WAITING"


async def test_other_events_and_entries_do_not_wake(world: World) -> None:
    target, another, waiter = [await world.begin() for _ in range(3)]
    await world.park(waiter, for_event(target.run_id), for_entry(target.run_id, 1, seq=1))
    await published(world, event(target, "other"), event(another), entry(target, "0"), entry(another, "0"))
    await published(world, entry(another, "1"), entry(target, "1", "other"))
    assert await world.store.wake(10) == 0
    assert await world.store.wake_parked([waiter.run_id]) == 0
    assert await world.status(waiter) == "WAITING"


async def test_an_event_and_a_stream_of_one_key_are_two_things(world: World) -> None:
    target, for_the_event, for_the_entry = [await world.begin() for _ in range(3)]
    await world.park(for_the_event, for_event(target.run_id, "k"))
    await world.park(for_the_entry, for_entry(target.run_id, 0, "k"))
    await published(world, event(target, "k"))
    assert [await world.status(run) for run in (for_the_event, for_the_entry)] == ["ENQUEUED", "WAITING"]


async def test_a_send_tells_whom_it_woke(world: World) -> None:
    parked, running = await world.begin(), await world.begin()
    await world.park(parked, for_message("t"))
    answers = await sent(world, message(running.run_id), message(parked.run_id, topic="t"))
    assert [answer.woke for answer in answers] == [False, True]


async def test_a_repeated_send_wakes_whom_the_first_did_not(world: World) -> None:
    """Its process died between its commit and its look."""
    run = await world.begin()
    await sent(world, message(run.run_id))
    await world.park(run, for_message())
    (answer,) = await sent(world, message(run.run_id))
    assert answer.woke
    assert await world.status(run) == "ENQUEUED"


async def test_a_repeated_publication_wakes_whom_the_first_did_not(world: World) -> None:
    target, waiter = await world.begin(), await world.begin()
    await published(world, event(target))
    await world.park(waiter, for_event(target.run_id))
    await published(world, event(target))
    assert await world.status(waiter) == "ENQUEUED"


async def test_wake_parked_looks_at_these_runs_only(world: World) -> None:
    runs = [await world.begin() for _ in range(5)]
    _due, _gone, received, _asleep, unasked = runs
    await sent(world, message(received.run_id))
    waits = [timer(START), end_of(draw()), for_message(), timer(START + 99), timer(START)]
    for run, wait in zip(runs, waits, strict=True):
        await world.park(run, wait)
    asked = [run.run_id for run in runs if run is not unasked]
    assert await world.store.wake_parked(asked) == 3
    assert await world.store.wake_parked(asked) == 0
    assert await world.store.wake_parked([]) == 0
    assert [await world.status(run) for run in runs] == ["ENQUEUED"] * 3 + ["WAITING"] * 2


async def test_wake_due_looks_at_the_clock_only(world: World) -> None:
    due, received, ended = [await world.begin() for _ in range(3)]
    await sent(world, message(received.run_id))
    for run, wait in ((due, timer(START)), (received, for_message()), (ended, end_of(draw()))):
        await world.park(run, wait)
    assert [await world.store.wake_due(10) for _ in range(2)] == [1, 0]
    assert [await world.status(run) for run in (due, received, ended)] == ["ENQUEUED", "WAITING", "WAITING"]
    await world.park(await world.claim_one(), timer(START, 0), timer(START, 1))
    assert [await world.store.wake_due(1) for _ in range(2)] == [1, 0]


async def test_the_sweep_is_bounded(world: World) -> None:
    for _ in range(5):
        run = await world.begin()
        await sent(world, message(run.run_id))
        await world.park(run, for_message())
    assert [await world.store.wake(2) for _ in range(4)] == [2, 2, 1, 0]


async def test_a_thousand_readers_of_one_event_and_one_stream_are_woken(world: World) -> None:
    """More than one transaction wakes."""
    target = await world.begin()
    waiters = [world.new() for _ in range(1100)]
    await world.store.start(waiters)
    waits = [for_event(target.run_id) if n % 2 else for_entry(target.run_id, 0) for n in range(len(waiters))]
    leaves = [Leave(run.run_id, 1, "WAITING", waits=(wait,)) for run, wait in zip(waiters, waits, strict=True)]
    assert all(await world.store.leave(leaves))
    await published(world, event(target), entry(target, "0"))
    assert await world.store.count_runs(RunFilter(status=("WAITING",))) == 0
