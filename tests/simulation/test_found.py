"""What simulations have found: each of these was a defect once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest

import stepwell
from stepwell import AsyncWorkflow, step, workflow
from stepwell.model.rows import Beat
from stepwell.testing.history import broken_rules, read_history
from stepwell.testing.process import Process
from stepwell.testing.simulated_database import simulated_database
from stepwell.testing.witness import Witness
from stepwell.testing.world import World
from tests.simulation.workload import parking

T = TypeVar("T")


@pytest.fixture
def world() -> Iterator[World]:
    database = simulated_database("sqlite")
    with World(database, seed=1) as world:
        yield world
    database.close()


@pytest.fixture
def witness() -> Witness:
    return Witness()


def launched(world: World, witness: Witness, name: str, gate: "Delayed | None" = None) -> Process:
    process = world.process(name, gate=gate)
    witness.watch(process)
    process.launch()
    return process


class Delayed:
    """Some verbs take their time before they reach the database, or their answers do; seconds by verb."""

    def __init__(self, before: dict[str, float] | None = None, after: dict[str, float] | None = None) -> None:
        self.before = before or {}
        self.after = after or {}
        self.calls: list[str] = []

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        self.calls.append(verb)
        await asyncio.sleep(self.before.get(verb, 0.0))
        answer = await call()
        await asyncio.sleep(self.after.get(verb, 0.0))
        return answer

    def around_beat(self, call: Callable[[], Beat]) -> Beat:
        return call()


@step
async def work(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@workflow
async def two_steps() -> float:
    return await work(3) + await work(4)


@step(at_most_once=True)
async def careful(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@workflow
async def in_time() -> str:
    async with stepwell.aio.timeout(60):
        await work(1)
    return "in time"


@workflow
async def interrupted_early() -> float:
    return await careful(1)


def test_a_start_that_arrives_after_the_goodbye_is_executed_by_others(world: World, witness: Witness) -> None:
    """Its row names an owner that has left: the one who left must not execute it."""
    leaving = launched(world, witness, "leaving", Delayed({"start": 5.0}, {"unregister": 8.0}))
    starting = leaving.spawn(leaving.starting(two_steps.options(id="run").bind()))
    world.pass_time(1)
    leaving.run(leaving.engine._shutdown(0.1))  # its row is gone at 2, its start arrives at 5
    other = launched(world, witness, "other")
    world.until(lambda: any(run.completed_at for run in world.ask(read_history).runs.values()), 200)
    assert {body.process for body in witness.bodies} == {"other"}
    assert witness.violations == []
    starting.cancel()
    other.close()


def test_a_timer_that_rings_a_little_early_does_not_ask_for_ever(world: World, witness: Witness) -> None:
    """The process's idea of the database's time is a little ahead: one look too early, then a pause."""
    gate = Delayed()
    process = launched(world, witness, "one", gate)
    run = process.start(parking.options(id="run").bind(1))
    world.pass_time(3)
    world.database_ahead -= 0.2  # less than counts as a jump
    before = gate.calls.count("next_wake")
    process.run(run.outcome(), 120)
    assert gate.calls.count("next_wake") - before < 30
    process.close()


def test_a_cancelled_at_most_once_step_leaves_nothing_begun(world: World, witness: Witness) -> None:
    """The cancellation comes while the intent is on its way to the database."""
    process = launched(world, witness, "one", Delayed({"commit": 2.0}))
    run = process.start(interrupted_early.options(id="run").bind())
    world.pass_time(1)
    process.run(process.engine.aio.cancel("run"))
    process.run(run.outcome(), 60)
    history = world.ask(read_history)
    assert [run.status for run in history.runs.values()] == ["CANCELLED"]
    assert history.begun == {}
    process.close()


def test_a_time_limit_that_was_kept_leaves_nothing_begun(world: World, witness: Witness) -> None:
    process = launched(world, witness, "one")
    run = process.start(in_time.options(id="run").bind())
    process.run(run.outcome(), 60)
    history = world.ask(read_history)
    assert list(broken_rules(history)) == []
    assert history.begun == {}
    process.close()


@pytest.mark.parametrize("call", [two_steps, two_steps.options(id="run")], ids=["drawn-id", "given-id"])
def test_what_begins_while_a_new_incarnation_is_in_no_table_is_executed_by_others(
    world: World, witness: Witness, call: AsyncWorkflow[[], float]
) -> None:
    """Its owner has no row yet: the orphans' sweep of another process takes it. Only one of them may execute it."""
    gate = Delayed()
    silent = launched(world, witness, "silent", gate)
    other = launched(world, witness, "other")
    silent.pause()
    world.pass_time(60)
    assert len(world.ask(lambda store: store.executors())) == 1
    gate.before["register"] = 30.0
    silent.go_on(60)
    world.until(lambda: gate.calls.count("register") == 2, 30)  # it knows, and its new row is on its way
    calling = silent.spawn(silent.calling(call.bind()))
    world.until(lambda: any(run.completed_at for run in world.ask(read_history).runs.values()), 200)
    world.pass_time(60)
    assert {body.process for body in witness.bodies} == {"other"}
    assert witness.violations == []
    calling.cancel()
    silent.close()
    other.close()
