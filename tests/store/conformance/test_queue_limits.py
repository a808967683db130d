"""How many runs of a queue are executed at once: of all processes, and of one."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from stepwell.model.rows import Claimed
from tests.store.conformance.kit import ROUTE, World, draw, finish
from tests.store.conformance.queue_kit import NAME, ids, limited, put, runs_of, take, take_all


async def test_a_queue_that_nobody_declared_has_no_limits(world: World) -> None:
    runs = await put(world, 30)
    taken = await take(world, 30)
    assert sorted(ids(taken.runs)) == runs
    assert {run.queue for run in taken.runs} == {NAME}
    assert (taken.held, taken.opens_in) == (False, None)


async def test_a_run_that_was_started_directly_is_in_no_queue(world: World) -> None:
    await world.enqueue()
    assert (await world.claim_one()).queue == ""


async def test_concurrency_counts_what_all_processes_own(world: World) -> None:
    await limited(world, concurrency=3)
    await put(world, 10)
    other, two, three = await world.another(), draw(), draw()
    assert len((await take(world, 2)).runs) == 2
    taken = await take(world, 10, by=two, store=other)
    assert (len(taken.runs), taken.held) == (1, True)
    for process, store in [(world.me, world.store), (two, other), (three, other)]:
        taken = await take(world, 10, by=process, store=store)
        assert (taken.runs, taken.again, taken.held) == ([], False, True)


async def test_worker_concurrency_counts_what_one_process_owns(world: World) -> None:
    await limited(world, worker_concurrency=2)
    await put(world, 10)
    other, two = await world.another(), draw()
    assert len(await take_all(world)) == 2
    assert len(await take_all(world, by=two, store=other)) == 2
    assert (await take(world)).held
    assert len(await take_all(world, by=draw())) == 2


async def test_both_concurrencies_hold_at_once(world: World) -> None:
    await limited(world, concurrency=5, worker_concurrency=2)
    await put(world, 10)
    assert [len(await take_all(world, by=draw())) for _ in range(4)] == [2, 2, 1, 0]


async def test_a_process_that_has_only_few_slots_takes_no_more(world: World) -> None:
    await limited(world, concurrency=50)
    await put(world, 10)
    assert len((await take(world, 4)).runs) == 4


async def finished(world: World, run: Claimed) -> None:
    await world.written(finish(run))


async def parked(world: World, run: Claimed) -> None:
    await world.park(run)


async def blocked(world: World, run: Claimed) -> None:
    await world.block(run)


async def forced(world: World, run: Claimed) -> None:
    await world.store.request_cancel([run.run_id], "enough", force=True, children=False)


async def lost(world: World, run: Claimed) -> None:
    """Its owner has no executor row."""
    assert await world.store.reap_orphans(10) == 1


async def reaped(world: World, run: Claimed) -> None:
    await world.register()
    dead = await world.die()
    assert (await world.store.reap([dead], 10))[0] == 1


@pytest.mark.parametrize("end", [finished, parked, blocked, forced])
async def test_a_slot_comes_back_whatever_ends_an_execution(
    world: World, end: Callable[[World, Claimed], Awaitable[None]]
) -> None:
    await limited(world, concurrency=1)
    first, second = await put(world, 2)
    (running,) = (await take(world)).runs
    assert running.run_id == first
    assert (await take(world)).runs == []
    await end(world, running)
    assert ids(await take_all(world)) == [second]


@pytest.mark.parametrize("end", [lost, reaped])
async def test_a_slot_of_a_dead_process_comes_back_for_its_run(
    world: World, end: Callable[[World, Claimed], Awaitable[None]]
) -> None:
    await limited(world, concurrency=1)
    first, second = await put(world, 2)
    (running,) = (await take(world)).runs
    await end(world, running)
    (again,) = await take_all(world, by=draw())
    assert again.run_id == first
    await finished(world, again)
    assert ids(await take_all(world)) == [second]


async def test_a_run_that_goes_on_comes_first_and_needs_a_slot(world: World) -> None:
    await limited(world, concurrency=1)
    await put(world)
    (one,) = (await take(world)).runs
    await world.release(one)
    (urgent,) = await put(world, priority=-100)
    (again,) = (await take(world)).runs
    assert again.run_id == one.run_id
    assert (await take(world)).runs == []
    await finished(world, again)
    assert ids((await take(world)).runs) == [urgent]


async def test_a_parked_run_that_is_woken_waits_for_a_slot(world: World) -> None:
    await limited(world, concurrency=1)
    first, second = await put(world, 2)
    (one,) = (await take(world)).runs
    await world.park(one)
    (two,) = (await take(world)).runs
    await world.store.request_cancel([first], "enough", force=False, children=False)
    assert await world.status(first) == "ENQUEUED"
    assert (await take(world)).runs == []
    await finished(world, two)
    assert ids((await take(world)).runs) == [first]
    assert second == two.run_id


async def test_a_paused_queue_starts_nothing_and_lets_others_go(world: World) -> None:
    queue = await limited(world, paused=True)
    runs = await put(world, 2)
    direct = await world.enqueue()
    assert ids(await take_all(world)) == [direct]
    await world.store.set_queue(queue.changed(paused=False))
    assert ids(await take_all(world)) == runs


async def test_a_paused_queue_does_not_resume_either(world: World) -> None:
    queue = await limited(world, concurrency=5)
    (run,) = await put(world)
    (running,) = (await take(world)).runs
    await world.store.set_queue(queue.changed(paused=True))
    await world.release(running)
    assert await take_all(world) == []
    await world.store.set_queue(queue)
    assert ids(await take_all(world)) == [run]


async def test_limits_that_change_count_from_the_next_claim_on(world: World) -> None:
    queue = await limited(world, concurrency=4)
    await put(world, 10)
    running = await take_all(world)
    assert len(running) == 4
    await world.store.set_queue(queue.changed(concurrency=2))
    for run in running[:2]:
        await finished(world, run)
        assert await take_all(world) == []
    await finished(world, running[2])
    assert len(await take_all(world)) == 1
    await world.store.set_queue(queue.changed(concurrency=None))
    assert len(await take_all(world)) == 5


async def test_a_queue_whose_row_is_gone_has_no_limits(world: World) -> None:
    await limited(world, concurrency=1)
    assert await world.store.delete_queue(NAME)
    await put(world, 5)
    assert len(await take_all(world)) == 5


async def test_a_full_queue_holds_nobody_else_back(world: World) -> None:
    await limited(world, concurrency=1)
    await put(world, 200)
    assert len((await take(world)).runs) == 1
    direct, other = await world.enqueue(), (await put(world, queue="print"))[0]
    taken = await take(world, 2)
    assert (sorted(ids(taken.runs)), taken.held) == ([direct, other], True)


async def test_what_nobody_here_serves_holds_nothing_back(world: World) -> None:
    await limited(world, concurrency=1)
    await put(world, 20, route="other||")
    (mine,) = await put(world)
    taken = await take(world)
    assert ids(taken.runs) == [mine]
    await finished(world, taken.runs[0])
    taken = await take(world)
    assert (taken.runs, taken.held, taken.again) == ([], False, False)


async def test_all_routes_of_a_queue_share_its_limits(world: World) -> None:
    await limited(world, concurrency=3)
    for _ in range(3):
        await put(world, route="other||")
        await put(world)
        await world.clock.advance(1)
    runs = await take_all(world, routes=[ROUTE, "other||"])
    assert len(runs) == 3
    assert [run.created_at for run in runs] == sorted(run.created_at for run in runs)
    assert runs[2].created_at == runs[0].created_at + 1


async def test_only_queues_that_are_listened_to(world: World) -> None:
    await limited(world, concurrency=5)
    direct, (mail,), (print_,) = await world.enqueue(), await put(world), await put(world, queue="print")
    assert ids(await take_all(world, queues=[])) == [direct]
    assert ids(await take_all(world, queues=[NAME])) == [mail]
    assert ids(await take_all(world, queues=None)) == [print_]


async def test_limits_are_of_one_namespace_and_of_all_its_apps(world: World) -> None:
    await limited(world, concurrency=1)
    app, namespace = await world.another(app="other"), await world.another(namespace="other")
    for store in (world.store, app, namespace):
        await store.start([world.new(status="ENQUEUED", queue=NAME) for _ in range(2)])
    assert len(await take_all(world, store=namespace)) == 2
    (running,) = await take_all(world)
    assert (await take(world, store=app)).runs == []
    await finished(world, running)
    assert len(await take_all(world, store=app)) == 1


async def test_a_long_queue_with_limits_leaves_places_for_others(world: World) -> None:
    await limited(world, concurrency=1000)
    await put(world, 40)
    direct = await world.enqueue()
    first, second = await take(world, 4), await take(world, 4)
    assert direct in ids(runs_of([first, second]))


async def test_a_long_queue_without_limits_leaves_places_for_others(world: World) -> None:
    await limited(world, concurrency=1000)
    await put(world, 40, queue="print")
    (mine,) = await put(world)
    first, second = await take(world, 4), await take(world, 4)
    assert mine in ids(runs_of([first, second]))


async def test_two_queues_with_limits_both_get_places(world: World) -> None:
    await limited(world, concurrency=1000)
    await limited(world, "print", concurrency=1000)
    await put(world, 20)
    await put(world, 20, queue="print")
    taken = [await take(world, 4) for _ in range(4)]
    assert {run.queue for run in runs_of(taken)} == {NAME, "print"}


async def test_two_processes_race_for_the_last_slot(world: World) -> None:
    await limited(world, concurrency=3)
    await put(world, 60)
    stores = [world.store, await world.another()]
    holding = await take_all(world, by=draw())
    for _ in range(20):
        await finished(world, holding.pop())
        claims = await asyncio.gather(*(take(world, 5, by=draw(), store=store) for store in stores * 2))
        won = runs_of(claims)
        assert len(won) <= 1
        holding += won or await take_all(world, by=draw())
        assert len(holding) == 3


async def test_processes_that_claim_all_the_time_never_exceed_a_limit(world: World) -> None:
    """Each ends what it has before it claims again: whatever the order, no limit is exceeded, and all get done."""
    await limited(world, concurrency=4, worker_concurrency=2)
    await put(world, 60)
    stores = [world.store, await world.another(), await world.another()]
    done: list[object] = []

    async def process(number: int) -> None:
        me, store = draw(), stores[number]
        while len(done) < 60:
            taken = await take(world, 3, by=me, store=store)
            assert len(taken.runs) <= 2
            rows = await world.store.queues(NAME)
            assert rows[0].running <= 4
            for run in taken.runs:
                await world.commit(finish(run), store=store)
            done.extend(ids(taken.runs))

    await asyncio.wait_for(asyncio.gather(*(process(number) for number in range(3))), 60)
    assert len(set(done)) == len(done) == 60
