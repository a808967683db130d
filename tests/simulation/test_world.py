"""The simulated world itself: time, turns, death and pauses."""

import asyncio
import time

import pytest

import stepwell
from stepwell import step, workflow
from stepwell.core.engines import RUNNING
from stepwell.testing.simulated_database import simulated_database
from stepwell.testing.simulated_env import ProcessDied
from stepwell.testing.world import START, Stalled, World


@step
async def note(what: str) -> str:
    return what


@workflow
async def sleepy(seconds: float) -> str:
    await note("before")
    await stepwell.aio.sleep(seconds)
    return await note("after")


@workflow
def sleepy_thread(seconds: float) -> str:
    note.sync("before")
    stepwell.sleep(seconds)
    return note.sync("after")


@pytest.fixture
def world() -> "World":
    database = simulated_database("sqlite")
    with World(database, seed=1) as world:
        yield world
    database.close()


def test_a_day_takes_no_time(world: World) -> None:
    process = world.process("one")
    process.launch()
    began = time.monotonic()
    assert process.run(process.calling(sleepy.bind(3600.0)), limit=86_400) == "after"
    assert world.elapsed > 3600
    assert time.monotonic() - began < world.elapsed / 10, "it waited for real"


@pytest.mark.parametrize("sleeper", [sleepy, sleepy_thread])
def test_a_dead_process_does_nothing_more(world: World, sleeper: "stepwell.Workflow[[float], str]") -> None:
    process = world.process("one")
    process.launch()
    run = process.start(sleeper.options(id="s").bind(50.0))
    world.pass_time(1)
    process.die()
    process.bury()
    assert not RUNNING
    world.pass_time(500)
    assert world.ask(lambda store: store.find_run("s")).status in ("PENDING", "WAITING")  # type: ignore[union-attr]
    heir = world.process("two")
    heir.launch()
    assert heir.run(heir.starting(sleeper.options(id="s").bind(50.0))).run_id == run.run_id
    world.until(lambda: world.ask(lambda store: store.find_run("s")).status == "SUCCESS", 100)  # type: ignore[union-attr]
    heir.close()


def test_what_it_did_when_it_died_is_nobodys_business(world: World) -> None:
    process = world.process("one")

    async def for_ever() -> None:
        await asyncio.sleep(10)
        process.die()
        await asyncio.sleep(0)
        raise AssertionError("it is dead")

    with pytest.raises(ProcessDied):
        process.run(for_ever())
    assert world.elapsed == pytest.approx(10)


def test_a_paused_process_has_missed_its_time(world: World) -> None:
    process = world.process("one")
    rang: list[float] = []

    async def ring() -> None:
        await asyncio.sleep(5)
        rang.append(process.env.alive() - START)

    process.spawn(ring())
    world.pass_time(1)
    process.pause()
    world.pass_time(19)
    assert rang == []
    process.go_on()
    world.until(lambda: bool(rang))
    assert rang == [pytest.approx(20)]


def test_a_suspended_machine_does_not_count_the_time(world: World) -> None:
    process = world.process("one")
    rang: list[float] = []

    async def ring() -> None:
        await asyncio.sleep(5)
        rang.append(process.env.alive() - START)

    process.spawn(ring())
    world.pass_time(1)
    process.pause()
    world.pass_time(19)
    process.go_on(suspended=19)
    world.until(lambda: bool(rang))
    assert rang == [pytest.approx(24)]


def test_a_wait_follows_the_databases_clock(world: World) -> None:
    """It jumps, by a failover or a suspended machine: who sleeps until noon wakes at its noon."""
    process = world.process("one")
    process.launch()
    waiting = process.spawn(process.calling(sleepy.bind(1000.0)))
    world.pass_time(10)
    world.database_ahead += 600
    world.until(waiting.done)
    assert world.elapsed == pytest.approx(400, abs=20)
    process.close()


def test_a_wait_does_not_end_before_the_databases_clock_says_so(world: World) -> None:
    process = world.process("one")
    process.launch()
    waiting = process.spawn(process.calling(sleepy.bind(100.0)))
    world.pass_time(10)
    world.database_ahead -= 300
    world.until(waiting.done)
    assert world.elapsed == pytest.approx(400, abs=20)
    process.close()


def test_nothing_can_happen(world: World) -> None:
    process = world.process("one")
    with pytest.raises(Stalled):
        process.run(process.hang())
