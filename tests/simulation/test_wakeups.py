"""Parked runs go on when they are due, whatever happens to the look that wakes them. Sweeps come too late to help."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

import stepwell
from stepwell import Settings, workflow
from stepwell.model.looking import RunFilter
from stepwell.model.rows import Beat
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.testing.process import Process
from stepwell.testing.simulated_database import simulated_database
from stepwell.testing.world import World

T = TypeVar("T")

#: Async runs that wait for longer than a minute park at once.
SETTINGS = Settings(migrate=False, max_async=6, sweep_interval=100_000.0, lease=60.0)


class Gate:
    """Some verbs fail, or are held up."""

    def __init__(self) -> None:
        self.failures: dict[str, int] = {}
        self.before: dict[str, float] = {}
        self.calls: list[tuple[str, float]] = []
        self.world: World | None = None

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        assert self.world is not None
        self.calls.append((verb, self.world.elapsed))
        await asyncio.sleep(self.before.get(verb, 0.0))
        if self.failures.get(verb, 0) > 0:
            self.failures[verb] -= 1
            raise StoreFault(FaultKind.UNKNOWN, "simulated bug", code="XX000")
        return await call()

    def around_beat(self, call: Callable[[], Beat]) -> Beat:
        return call()

    def count(self, verb: str) -> int:
        return sum(each == verb for each, _ in self.calls)


@workflow
async def nap(seconds: float) -> float:
    await stepwell.aio.sleep(seconds)
    return seconds


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def world() -> Iterator[World]:
    database = simulated_database("sqlite")
    with World(database, seed=1, settings=SETTINGS) as world:
        yield world
    database.close()


@pytest.fixture
def process(world: World, gate: Gate) -> Process:
    gate.world = world
    process = world.process("p", gate=gate)
    process.launch()
    world.pass_time(30)  # the first sweep, which comes at once, is over
    return process


def parked(world: World) -> int:
    async def count(store: Any) -> int:
        return int(await store.count_runs(RunFilter(status=("WAITING",))))

    return world.ask(count)


def test_on_time(world: World, process: Process) -> None:
    began = world.now
    run = process.start(nap.options(id="n").bind(100.0))
    world.pass_time(5)
    assert parked(world) == 1
    assert process.run(run.result()) == 100.0
    assert world.now - began < 102


@pytest.mark.parametrize("verb", ["wake_due", "next_wake"])
def test_a_look_that_fails_for_good_is_repeated(world: World, process: Process, gate: Gate, verb: str) -> None:
    began = world.now
    first = process.start(nap.options(id="first").bind(100.0))
    second = process.start(nap.options(id="second").bind(300.0))
    world.pass_time(5)
    gate.failures[verb] = 12  # a verb is repeated five times
    assert process.run(first.result()) == 100.0
    assert process.run(second.result()) == 300.0
    assert gate.failures[verb] == 0
    assert world.now - began < 320
    assert process.complaints == []


def test_an_earlier_wait_that_comes_while_it_looks(world: World, process: Process, gate: Gate) -> None:
    """The look found another earliest before; the answer comes after."""
    late = process.start(nap.options(id="late").bind(100.0))
    later = process.start(nap.options(id="later").bind(1000.0))
    gate.before["next_wake"] = 50.0
    world.pass_time(110)  # the look for `late` is under way
    began = world.now
    early = process.start(nap.options(id="early").bind(61.0))
    assert process.run(late.result()) == 100.0
    assert process.run(early.result()) == 61.0
    assert world.now - began < 64
    assert process.run(later.result()) == 1000.0


def test_an_instant_that_is_over_already(world: World, process: Process) -> None:
    """The database's clock has jumped over the wait before the run was parked."""
    runs = [process.start(nap.options(id=f"n{number}").bind(90.0 + number)) for number in range(5)]
    world.pass_time(5)
    assert parked(world) == 5
    world.database_ahead += 500.0
    began = world.now
    for number, run in enumerate(runs):
        assert process.run(run.result()) == 90.0 + number
    assert world.now - began < SETTINGS.lease / 2  # the next heartbeat tells the time


def test_what_stays_due_does_not_keep_it_busy(world: World, process: Process, gate: Gate) -> None:
    """Somebody's transaction holds the run: it is asked for again, ever more rarely."""
    run = process.start(nap.options(id="n").bind(100.0))
    world.pass_time(5)
    held = True
    real = gate.around

    async def around(verb: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if verb == "wake_due" and held:
            gate.calls.append((verb, world.elapsed))
            return 0
        return await real(verb, call)

    gate.around = around  # type: ignore[method-assign]
    world.pass_time(200)
    assert 50 < gate.count("wake_due") < 150
    held = False
    began = world.now
    assert process.run(run.result()) == 100.0
    assert world.now - began < 3
