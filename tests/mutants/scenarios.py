"""Small scenarios that keep one promise each in view: AssertionError when it is broken. They run on both stores.

The mutants are caught by them, and the tests run them without any mutant.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import stepwell
from stepwell import Retry, Settings, step, workflow
from stepwell.errors import StepInterrupted, StepwellError
from stepwell.model.looking import StepRow
from stepwell.model.rows import Beat
from stepwell.store.api import Store
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.testing import Trouble, crash_everywhere, simulate
from stepwell.testing.history import broken_rules, read_history
from stepwell.testing.process import Process
from stepwell.testing.simulated_database import simulated_database
from stepwell.testing.witness import Witness
from stepwell.testing.world import World
from tests.simulation import workload

T = TypeVar("T")


@step
async def work(n: int, seconds: float) -> int:
    await asyncio.sleep(seconds)
    return n


@workflow
async def two_steps(n: int) -> int:
    return await work(n, 4) + await work(n + 1, 4)


@step(retry=Retry(1, first=6.0, jitter=False))
async def second_time(n: int) -> int:
    await asyncio.sleep(1)
    if stepwell.current().attempt == 1:
        raise ValueError("the first attempt")
    await asyncio.sleep(20)
    return n


@workflow
async def retried(n: int) -> int:
    return await second_time(n)


@workflow
async def sleep_twenty() -> str:
    await stepwell.aio.sleep(20)
    return "awake"


@workflow
async def in_order() -> list[int]:
    """What ends first is done first: the order is part of what is recorded."""
    runners = [asyncio.ensure_future(work(n, seconds)) for n, seconds in ((0, 3), (1, 1), (2, 2))]
    found = [await runner for runner in asyncio.as_completed(runners)]
    return [await work(n, 0.5) for n in found]


@workflow
async def drawn() -> bool:
    """The same drawn value reaches both steps, whoever executes them."""
    key = str(stepwell.uuid4())
    return await same(key, await echo(key))


@step
async def echo(text: str) -> str:
    await asyncio.sleep(1)
    return text


@step
async def same(a: str, b: str) -> bool:
    return a == b


@step(at_most_once=True)
async def once(n: int) -> int:
    await asyncio.sleep(2)
    return n


@workflow
async def careful(n: int) -> int:
    try:
        return await once(n)
    except StepInterrupted:
        return -1


@workflow
async def with_child(n: int) -> int:
    return await two_steps(n)


@step
def work_in_thread(n: int) -> int:
    return n


@workflow
def child_in_thread(n: int) -> int:
    return work_in_thread(n)


@workflow
def in_threads(n: int) -> int:
    return work_in_thread(child_in_thread(work_in_thread(n)))


#: The arguments in the order in which the code of now passes them.
passed = [1, 2]


@workflow
async def in_passing_order() -> list[int]:
    first, second = passed
    found = [await work(first, 1), await work(second, 1)]
    await stepwell.aio.sleep(20)
    return found


# -- crashes --------------------


def crashes(database: str | None = None) -> None:
    """Nothing is lost, whenever the process dies."""
    crash_everywhere(with_child.bind(1), database=database, every=3 if database else 1)


def crashes_in_threads(database: str | None = None) -> None:
    """Nor when it is `def` workflows that it executes."""
    crash_everywhere(in_threads.bind(1), database=database, every=3 if database else 1)


def order_of_outcomes(database: str | None = None) -> None:
    """What came first still comes first in a replay."""
    crash_everywhere(in_order.bind(), database=database, every=2)


def drawn_values(database: str | None = None) -> None:
    """A value that was drawn before a crash is the same after it."""
    crash_everywhere(drawn.bind(), database=database, every=2)


def at_most_once(database: str | None = None) -> None:
    """Such a body begins once, whenever the process dies."""
    report = crash_everywhere(careful.bind(1), database=database, same_result=False, same_steps=False)
    assert report.repeated == 0, f"{report.repeated} bodies began again that may begin once"


def storm(database: str | None = None) -> None:
    """All promises, under a lot of trouble; parked runs too."""
    trouble = Trouble(deaths_every=9, pauses_every=12, late=0.05, lost_after=0.05, cancels_every=30)
    settings = Settings(migrate=False, max_async=6)
    simulate(workload.calls(26), seeds=range(12), trouble=trouble, settings=settings, database=database)


def parking(database: str | None = None) -> None:
    """A run that parks is another execution when it goes on."""
    with _world(database) as (world, witness):
        process = _process(world, witness, "one")
        process.start(workload.parking.options(id="run").bind(1))
        _until_ended(world, "run")
        _check(world, witness)


def swapped_calls(database: str | None = None) -> None:
    """Code that passes other arguments to a recorded step is not given what was recorded for those of before."""
    with _world(database) as (world, witness):
        old = _process(world, witness, "old")
        old.start(in_passing_order.options(id="run").bind())
        world.pass_time(5)
        old.pause()
        passed.reverse()
        try:
            _process(world, witness, "heir")
            _until(world, lambda: _status(world, "run") not in ("PENDING", "ENQUEUED"), "it is noticed")
        finally:
            passed.reverse()
        assert _status(world, "run") == "BLOCKED", f"it went on with the other's results: {_status(world, 'run')}"


# -- zombies --------------------


class _Slow:
    """Commits of one process reach the database late."""

    def __init__(self) -> None:
        self.process: Process | None = None
        self.seconds = 0.0

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        if self.seconds and verb == "commit":
            await asyncio.sleep(self.seconds)
        return await call()

    def around_beat(self, call: Callable[[], Beat]) -> Beat:
        return call()


def zombie_writes(database: str | None = None) -> None:
    """What a process still has to say after others took its run is not heard."""
    with _world(database) as (world, witness):
        gate = _Slow()
        old = _process(world, witness, "old", gate)
        old.start(two_steps.options(id="run").bind(1))
        world.pass_time(2)
        gate.seconds = 1.0  # the first step ends at 4: its commit leaves at 5
        world.pass_time(2.5)
        old.pause()
        heir = _process(world, witness, "heir")
        _until_claimed_by(world, heir, "run")
        world.pass_time(2)  # the heir is in the body of the first step
        old.go_on()
        world.pass_time(3)
        recorded = world.ask(lambda store: _steps(store, "run"))
        assert not [row for row in recorded if row.epoch == 1], "what the old execution said was heard"
        _until_ended(world, "run")
        _check(world, witness)


def zombie_bodies(database: str | None = None) -> None:
    """A process that was stopped for longer than its lease begins nothing."""
    with _world(database) as (world, witness):
        old = _process(world, witness, "old")
        old.start(retried.options(id="run").bind(1))
        world.pass_time(3)
        old.pause()  # before the second attempt, which needs nothing from the database
        heir = _process(world, witness, "heir")
        _until_claimed_by(world, heir, "run")
        old.go_on()
        _until_ended(world, "run")
        _check(world, witness)


# -- answers that get lost --------------------


class _LosesAnswers:
    """Whatever records is committed, and the first time its answer is lost."""

    def __init__(self) -> None:
        self._again: set[str] = set()

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        answer = await call()
        if verb not in ("commit", "start", "leave"):
            return answer
        if verb in self._again:
            self._again.remove(verb)
            return answer
        self._again.add(verb)
        raise StoreFault(FaultKind.CONNECTION, "the answer is lost", code="08006", ambiguous=True)

    def around_beat(self, call: Callable[[], Beat]) -> Beat:
        return call()


def lost_answers(database: str | None = None) -> None:
    """Sending again what was committed already changes nothing."""
    with _world(database) as (world, witness):
        process = _process(world, witness, "one", _LosesAnswers())
        try:
            process.start(with_child.options(id="run").bind(1))
        except StepwellError as error:
            raise AssertionError(f"the start was not acknowledged: {error}") from error
        _until_ended(world, "run")
        _check(world, witness)


# -- clocks --------------------


def somebody_elses_clock(database: str | None = None) -> None:
    """A process whose clock is an hour wrong sleeps for as long as it was asked to."""
    with _world(database) as (world, witness):
        world.database_ahead = 3600.0
        process = _process(world, witness, "one")
        began = world.now
        process.start(sleep_twenty.options(id="run").bind())
        _until_ended(world, "run")
        slept = world.now - began
        assert 20 <= slept < 30, f"it slept for {slept:.1f} s instead of 20"


def a_jump_of_the_clock(database: str | None = None) -> None:
    """When the database's clock jumps, all leases are over, and nobody is dead."""
    with _world(database) as (world, witness):
        one, _two = _process(world, witness, "one"), _process(world, witness, "two")
        one.start(two_steps.options(id="run").bind(1))
        world.pass_time(2)
        world.database_ahead += 3600.0
        _until_ended(world, "run")
        taken = [run.workflow_id for run in world.ask(read_history).runs.values() if run.recoveries]
        assert not taken, f"taken from a living process: {taken}"
        _check(world, witness)


# -- a world --------------------


class _world:
    """A database, a world on it and a witness; all gone at the end."""

    def __init__(self, database: str | None) -> None:
        self._database = simulated_database(database)
        self._world = World(self._database, seed=1)

    def __enter__(self) -> tuple[World, Witness]:
        return self._world, Witness()

    def __exit__(self, *_: object) -> None:
        self._world.close()
        self._database.close()


def _process(world: World, witness: Witness, name: str, gate: Any = None) -> Process:
    process = world.process(name, gate=gate)
    witness.watch(process)
    process.launch()
    return process


def _until_claimed_by(world: World, process: Process, workflow_id: str) -> None:
    def claimed() -> bool:
        runtime = process.engine.runtime
        return any(each.workflow_id == workflow_id for each in runtime.executions.values())

    _until(world, claimed, f"{process.name} takes {workflow_id!r} over")


def _until_ended(world: World, workflow_id: str) -> None:
    def ended() -> bool:
        run = world.ask(lambda store: store.find_run(workflow_id))
        if run is not None and run.status in ("BLOCKED", "DEAD"):
            raise AssertionError(f"{workflow_id!r} is {run.status}: {run.reason}")
        return run is not None and run.completed_at is not None

    _until(world, ended, f"{workflow_id!r} ends")


async def _steps(store: Store, workflow_id: str) -> list[StepRow]:
    run = await store.find_run(workflow_id)
    assert run is not None
    return await store.list_steps(run.run_id)


def _status(world: World, workflow_id: str) -> str | None:
    run = world.ask(lambda store: store.find_run(workflow_id))
    return None if run is None else run.status


def _until(world: World, done: Callable[[], bool], what: str) -> None:
    for _ in range(400):
        if done():
            return
        world.pass_time(0.5)
    raise AssertionError(f"it never happens that {what}")


def _check(world: World, witness: Witness) -> None:
    wrong = [*witness.violations, *broken_rules(world.ask(read_history))]
    assert not wrong, "; ".join(wrong)
    for run in world.ask(read_history).runs.values():
        assert run.status == "SUCCESS", f"{run.workflow_id} is {run.status}: {run.reason}"
