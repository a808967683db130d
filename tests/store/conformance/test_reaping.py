"""Taking runs from the dead, and only from them."""

import asyncio

from stepwell.model.rows import Verdict
from tests.store.conformance.kit import LEASE, World, draw, step


async def test_the_runs_of_a_dead_process_go_on_elsewhere(world: World) -> None:
    await world.register()
    run = await world.begin()
    await world.written(step(run, 0))
    observed = await world.die()
    assert (await world.store.reap([observed], 10))[0] == 1
    row = await world.row(run)
    assert (row.status, row.owner, row.epoch, row.recoveries) == ("ENQUEUED", None, 2, 1)
    assert await world.store.executors() == []
    assert (await world.commit(step(run, 1))).checkpoints == [Verdict.LOST]
    assert [h.seq for h in (await world.claim_one(incarnation=draw())).history] == [0]


async def test_a_process_whose_lease_runs_is_not_reaped(world: World) -> None:
    await world.register()
    run = await world.begin()
    (row,) = await world.store.executors()
    await world.clock.advance(LEASE - 1)
    assert await world.store.reap([(world.me, row.beat)], 10) == (0, 0)
    assert await world.status(run) == "PENDING"
    assert len(await world.store.executors()) == 1


async def test_a_process_whose_beat_has_moved_is_not_reaped(world: World) -> None:
    """The database's clock jumped: the lease seems over, but the process lives."""
    await world.register()
    run = await world.begin()
    (row,) = await world.store.executors()
    port = world.store.heartbeat_port()
    port.beat(world.me, LEASE)
    port.close()
    await world.clock.advance(1000)
    assert await world.store.reap([(world.me, row.beat)], 10) == (0, 0)
    assert await world.status(run) == "PENDING"
    assert len(await world.store.executors()) == 1


async def test_an_idle_process_that_lives_is_not_forgotten(world: World) -> None:
    await world.register()
    (row,) = await world.store.executors()
    assert await world.store.reap([(world.me, row.beat)], 10) == (0, 0)
    await world.clock.advance(LEASE)
    assert await world.store.reap([(world.me, row.beat + 1)], 10) == (0, 0)
    assert len(await world.store.executors()) == 1
    await world.store.reap([(world.me, row.beat)], 10)
    assert await world.store.executors() == []


async def test_only_pending_runs_of_the_dead_are_taken(world: World) -> None:
    await world.register()
    living = await world.register(draw(), lease=10_000.0)
    mine, parked = await world.begin(), await world.begin()
    await world.park(parked)
    theirs, done, waiting = await world.begin(owner=living), await world.ended(), await world.enqueue()
    assert (await world.store.reap([await world.die()], 10))[0] == 1
    assert await world.status(mine) == "ENQUEUED"
    others = [await world.row(run) for run in (parked.run_id, theirs.run_id, done, waiting)]
    assert [(row.status, row.recoveries) for row in others] == [
        ("WAITING", 0), ("PENDING", 0), ("SUCCESS", 0), ("ENQUEUED", 0),
    ]  # fmt: skip
    assert [row.incarnation for row in await world.store.executors()] == [living]


async def test_a_reap_is_bounded_and_the_executors_row_goes_last(world: World) -> None:
    await world.register()
    for _ in range(3):
        await world.begin()
    observed = await world.die()
    assert (await world.store.reap([observed], 2))[0] == 2
    assert len(await world.store.executors()) == 1
    assert (await world.store.reap([observed], 2))[0] == 1
    assert await world.store.executors() == []
    assert await world.store.reap([observed], 2) == (0, 0)


async def test_several_dead_in_one_call(world: World) -> None:
    await world.register()
    other = await world.register(draw())
    await world.begin()
    await world.begin(owner=other)
    beats = {row.incarnation: row.beat for row in await world.store.executors()}
    await world.clock.advance(LEASE)
    assert (await world.store.reap([(world.me, beats[world.me]), (other, beats[other])], 10))[0] == 2
    assert await world.store.executors() == []


async def test_two_sweepers_take_a_run_once(world: World) -> None:
    other = await world.another()
    await world.register()
    run = await world.begin()
    observed = await world.die()
    reaped = await asyncio.gather(world.store.reap([observed], 10), other.reap([observed], 10))
    assert sum(taken for taken, _ in reaped) == 1
    row = await world.row(run)
    assert (row.epoch, row.recoveries) == (2, 1)


async def lose(world: World, *, progress: bool) -> None:
    """One claim by this process, which then dies, with or without having recorded something."""
    await world.register()
    claimed = await world.claim_one()
    if progress:
        await world.written(step(claimed, len(claimed.history)))
    assert (await world.store.reap([await world.die()], 10))[0] == 1


async def test_too_many_takeovers_without_progress_are_the_end(world: World) -> None:
    run = await world.enqueue(max_recoveries=2)
    for _ in range(2):
        await lose(world, progress=False)
        assert await world.status(run) == "ENQUEUED"
    await lose(world, progress=False)
    row = await world.row(run)
    assert (row.status, row.recoveries, row.owner, row.completed_at) == ("DEAD", 3, None, None)
    assert row.reason


async def test_progress_begins_the_count_anew(world: World) -> None:
    run = await world.enqueue(max_recoveries=2)
    for progress, count in [(False, 1), (False, 2), (True, 1), (False, 2), (True, 1)]:
        await lose(world, progress=progress)
        row = await world.row(run)
        assert (row.status, row.recoveries) == ("ENQUEUED", count)


async def test_what_an_earlier_execution_recorded_is_no_progress(world: World) -> None:
    run = await world.enqueue()
    await lose(world, progress=True)
    await lose(world, progress=False)
    assert (await world.row(run)).recoveries == 2


async def test_runs_of_nobody_are_found(world: World) -> None:
    await world.register()
    mine, orphan, another = (
        await world.begin(),
        await world.begin(owner=draw()),
        await world.begin(owner=draw()),
    )
    assert await world.store.reap_orphans(10) == 2
    rows = [await world.row(run) for run in (mine, orphan, another)]
    assert [(row.status, row.epoch, row.recoveries) for row in rows] == [
        ("PENDING", 1, 0), ("ENQUEUED", 2, 1), ("ENQUEUED", 2, 1),
    ]  # fmt: skip
    assert await world.store.reap_orphans(10) == 0


async def test_orphans_of_a_process_with_an_expired_lease_are_left_to_reap(world: World) -> None:
    await world.register()
    run = await world.begin()
    await world.die()
    assert await world.store.reap_orphans(10) == 0
    assert await world.status(run) == "PENDING"


async def test_orphans_are_taken_bounded_and_may_die_too(world: World) -> None:
    for _ in range(3):
        await world.begin(owner=draw(), max_recoveries=0)
    assert await world.store.reap_orphans(2) == 2
    assert await world.store.reap_orphans(2) == 1
