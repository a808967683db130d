"""Executors: leases by the database's clock, heartbeats on a connection of their own, one sweeper."""

import asyncio
from collections.abc import Iterator

import pytest

from stepwell.store.api import HeartbeatPort
from tests.store.conformance.kit import LEASE, START, World, draw


@pytest.fixture
def port(world: World) -> Iterator[HeartbeatPort]:
    port = world.store.heartbeat_port()
    yield port
    port.close()


async def test_a_process_makes_itself_known(world: World) -> None:
    await world.clock.advance(2)
    now = await world.store.register(world.me, "host:7", LEASE, ["a||", "b|1|"], ["mail"])
    assert now == START + 2
    (row,) = await world.store.executors()
    assert (row.incarnation, row.label, row.app) == (world.me, "host:7", "default")
    assert (row.serves, row.queues) == (("a||", "b|1|"), ("mail",))
    assert (row.started_at, row.lease_until) == (START + 2, START + 2 + LEASE)
    assert (row.lease_over, row.draining) == (False, False)


async def test_registering_again_changes_what_is_served(world: World) -> None:
    await world.register()
    await world.clock.advance(3)
    await world.register(serves=["new||"], queues=["q"])
    (row,) = await world.store.executors()
    assert (row.serves, row.queues, row.started_at) == (("new||",), ("q",), START)
    assert row.lease_until == START + 3 + LEASE


async def test_a_lease_is_over_by_the_databases_clock(world: World) -> None:
    await world.register()
    await world.clock.advance(LEASE - 1)
    assert [row.lease_over for row in await world.store.executors()] == [False]
    await world.clock.advance(1)
    assert [row.lease_over for row in await world.store.executors()] == [True]


async def test_a_heartbeat_prolongs_the_lease(world: World, port: HeartbeatPort) -> None:
    await world.register()
    before = (await world.store.executors())[0].beat
    await world.clock.advance(10)
    beat = port.beat(world.me, LEASE)
    assert (beat.known, beat.database_now, beat.cancels) == (True, START + 10, {})
    port.beat(world.me, 30.0)
    (row,) = await world.store.executors()
    assert (row.beat, row.lease_until) == (before + 2, START + 40)


async def test_a_heartbeat_of_an_unknown_executor_says_so(world: World, port: HeartbeatPort) -> None:
    assert not port.beat(world.me, LEASE).known
    assert await world.store.executors() == []


async def test_a_heartbeat_tells_of_cancellations_of_own_runs(world: World, port: HeartbeatPort) -> None:
    await world.register()
    mine, other = await world.begin(), await world.begin(owner=draw())
    ended, waiting = await world.begin(), await world.begin()
    everything = [run.run_id for run in (mine, other, ended, waiting)]
    await world.store.request_cancel(everything, "enough", force=False, children=False)
    await world.end(ended, "CANCELLED")
    await world.park(waiting)
    assert port.beat(world.me, LEASE).cancels == {mine.run_id: "enough"}
    assert await world.store.cancels(world.me) == {mine.run_id: "enough"}
    assert await world.store.cancels(draw()) == {}


async def test_heartbeats_work_in_a_thread_of_their_own(world: World, port: HeartbeatPort) -> None:
    await world.register()
    beat = await asyncio.to_thread(port.beat, world.me, LEASE)
    assert beat.known
    await asyncio.to_thread(port.close)


async def test_a_draining_process_says_so(world: World) -> None:
    await world.register()
    await world.store.set_draining(world.me)
    assert [row.draining for row in await world.store.executors()] == [True]


async def test_a_process_that_has_gone_is_not_listed(world: World) -> None:
    await world.register()
    other = await world.register(draw())
    await world.store.unregister(world.me)
    assert [row.incarnation for row in await world.store.executors()] == [other]


async def test_executors_of_all_apps_are_listed(world: World) -> None:
    await world.register()
    stranger = await world.another(app="billing")
    await stranger.register(draw(), "b", LEASE, [], [])
    assert sorted(row.app for row in await world.store.executors()) == ["billing", "default"]


async def test_one_sweeper_at_a_time(world: World) -> None:
    other, rival = await world.another(), draw()
    assert await world.store.acquire_sweep(world.me, 10.0)
    assert not await other.acquire_sweep(rival, 10.0)
    await world.clock.advance(9)
    assert await world.store.acquire_sweep(world.me, 10.0), "its holder prolongs it"
    await world.clock.advance(9)
    assert not await other.acquire_sweep(rival, 10.0)
    await world.clock.advance(1)
    assert await other.acquire_sweep(rival, 10.0)
    assert not await world.store.acquire_sweep(world.me, 10.0)


async def test_two_processes_that_race_for_the_sweep_do_not_both_win(world: World) -> None:
    other = await world.another()
    won = await asyncio.gather(world.store.acquire_sweep(world.me, 10.0), other.acquire_sweep(draw(), 10.0))
    assert sorted(won) == [False, True]
