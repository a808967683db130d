"""Crash at every point: the process dies at every single call that it makes to its database, and the run must not care.

from stepwell.testing import crash_everywhere

def test_checkout_survives_anything() -> None:
    report = crash_everywhere(checkout.bind("o-1", "anvil", 4200))
    assert report.crashes > 20
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from stepwell.core.definition import BoundCall
from stepwell.core.ref import RunRef
from stepwell.model.rows import Beat, RunRow
from stepwell.model.settings import Settings
from stepwell.testing.history import History, broken_rules, lost_since, read_history
from stepwell.testing.logs import errors_logged
from stepwell.testing.process import Process
from stepwell.testing.simulated_database import SimulatedDatabase, simulated_database
from stepwell.testing.simulated_env import ProcessDied
from stepwell.testing.witness import Witness
from stepwell.testing.world import Stalled, World

T = TypeVar("T")

When = Literal["before", "after"]
Start = Literal["id", "call"]

#: How much longer than the run without a crash a run with crashes may take, virtual seconds for each crash.
PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Crash:
    """A process dies at its call number `call` (from 1) of the database: before it, or after its commit and before
    its answer."""

    call: int
    when: When

    def __str__(self) -> str:
        return f"{self.when} call {self.call}"


@dataclass(slots=True)
class CrashReport:
    """What was tried. `calls` are the database calls of a run without a crash, by name, in their order."""

    calls: list[str] = field(default_factory=list)
    scenarios: int = 0
    crashes: int = 0
    takeovers: int = 0
    bodies: int = 0
    repeated: int = 0  # bodies that had to run again, because their outcome was not recorded


class CrashFailure(AssertionError):
    """A crash changed what a run does. The message says where it crashed and what was wrong.

    `crashes` is the scenario: give it to `crash_everywhere(..., only=[crashes])` to run just that one.
    """

    def __init__(self, message: str, crashes: tuple[Crash, ...]) -> None:
        super().__init__(message)
        self.crashes = crashes


def crash_everywhere(
    call: BoundCall[Any],
    *,
    database: str | None = None,
    start: Start = "id",
    when: Sequence[When] = ("before", "after"),
    twice: int = 0,
    every: int = 1,
    seed: int = 0,
    settings: Settings | None = None,
    same_result: bool = True,
    same_steps: bool = True,
    prepare: Callable[[], object] | None = None,
    only: Sequence[tuple[Crash, ...]] | None = None,
) -> CrashReport:
    """Run a workflow again and again, and let its process die at each call that it makes to its database.

    First it runs without a crash. Then, for every database call of that run, the process vanishes before the call, and
    once more after the call's commit but before its answer: no clean-up, no more code, its rows stay. A second process
    is launched, waits for its turn in virtual time, takes over, and the run must come to the same end:

    - the same outcome (unless `same_result=False`) and the same recorded operations (unless `same_steps=False`,
      for workflows that race);
    - what was recorded before the crash is still recorded, unchanged, and its body does not run again;
    - a body whose outcome was not recorded runs at most once more for each crash; so does each attempt of a
      retried step;
    - no body runs before everything recorded earlier in its run is durable, or without a valid lease.

    `call`: `workflow.bind(...)`. The function must do its real work in steps, as always; it really runs, some hundred
    times, in this process. `prepare()` is called before each scenario, to put back what the bodies have changed.
    `database`: None for a SQLite file, or the URL of a Postgres database, in which a temporary schema is made.
    `start`: how the caller starts it, and starts it again after the crash: "id" with a fixed id, "call" without one.
    `twice`: also so many scenarios, drawn by `seed`, in which the second process dies too. `every=3` tries every
    third call only. Nothing waits in real time: a workflow that sleeps for a day takes no longer than another.

    Raises CrashFailure, which names the call, and whatever the workflow does to a plain run of it.
    """
    where = simulated_database(database)
    try:
        everywhere = _Everywhere(
            call,
            where,
            start=start,
            seed=seed,
            settings=settings or Settings(migrate=False),
            same_result=same_result,
            same_steps=same_steps,
            prepare=prepare,
        )
        with errors_logged() as everywhere.errors:
            return everywhere.run(when, every, twice, only)
    finally:
        where.close()


class _CrashGate:
    """Counts the calls of one process; at one of them it dies."""

    def __init__(self, crash: Crash | None) -> None:
        self.crash = crash
        self.process: Process | None = None
        self.verbs: list[str] = []

    def _dies(self, when: When, number: int) -> bool:
        if self.crash is None or self.crash.call != number or self.crash.when != when:
            return False
        assert self.process is not None
        self.process.die()
        return True

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        self.verbs.append(verb)
        number = len(self.verbs)
        if self._dies("before", number):
            await self._never()
        answer = await call()
        if self._dies("after", number):
            await self._never()
        return answer

    def around_beat(self, call: Callable[[], Beat]) -> Beat:
        self.verbs.append("beat")
        number = len(self.verbs)
        if self._dies("before", number):
            raise ProcessDied
        answer = call()
        if self._dies("after", number):
            raise ProcessDied
        return answer

    async def _never(self) -> None:
        assert self.process is not None
        await self.process.hang()


@dataclass(slots=True)
class _Ran:
    """What one scenario left."""

    final: History
    at_deaths: list[History]
    witness: Witness
    verbs: list[list[str]]  # by process
    seconds: float


class _Everywhere:
    def __init__(
        self,
        call: BoundCall[Any],
        database: SimulatedDatabase,
        *,
        start: Start,
        seed: int,
        settings: Settings,
        same_result: bool,
        same_steps: bool,
        prepare: Callable[[], object] | None,
    ) -> None:
        self.start = start
        self.call = (
            call if start == "call" else replace(call, options=call.options.merged(id=call.options.id or "crash"))
        )
        self.database = database
        self.seed = seed
        self.settings = settings
        self.same_result = same_result
        self.same_steps = same_steps
        self.prepare = prepare
        self.report = CrashReport()
        self.errors: list[str] = []
        self.plain: _Ran | None = None

    def run(
        self, when: Sequence[When], every: int, twice: int, only: Sequence[tuple[Crash, ...]] | None
    ) -> CrashReport:
        self.plain = plain = self._scenario(())
        self.report.calls = plain.verbs[0]
        self._judge(plain, ())
        if only is not None:
            for crashes in only:
                self._judge(self._scenario(crashes), crashes)
            return self.report
        lengths: dict[Crash, int] = {}
        for number in range(1, len(plain.verbs[0]) + 1, every):
            for phase in when:
                crash = Crash(number, phase)
                ran = self._scenario((crash,))
                self._judge(ran, (crash,))
                if len(ran.verbs) > 1:
                    lengths[crash] = len(ran.verbs[1])
        for crashes in self._pairs(lengths, when, twice):
            self._judge(self._scenario(crashes), crashes)
        return self.report

    def _pairs(self, lengths: dict[Crash, int], when: Sequence[When], count: int) -> Iterator[tuple[Crash, ...]]:
        draw = random.Random(self.seed)
        for _ in range(count if lengths else 0):
            first = draw.choice(list(lengths))
            yield first, Crash(draw.randint(1, lengths[first]), draw.choice(list(when)))

    # -- one scenario --------------------------------------------------------------------------------------
    def _scenario(self, crashes: tuple[Crash, ...]) -> _Ran:
        self.database.reset()
        if self.prepare is not None:
            self.prepare()
        witness = Witness()
        deaths: list[History] = []
        verbs: list[list[str]] = []
        limit = PATIENCE * (1 + len(crashes)) + (0.0 if self.plain is None else self.plain.seconds)
        with World(self.database, self.seed, self.settings) as world:
            began = world.now
            for number, crash in enumerate((*crashes, None), 1):
                gate = _CrashGate(crash)
                process = world.process(f"process {number}", gate=gate)
                gate.process = process
                verbs.append(gate.verbs)
                witness.watch(process)
                try:
                    survived = self._live(world, process, deaths, limit)
                except Stalled as stalled:
                    raise self._failure(crashes, [f"stuck: {stalled}", *_unfinished(world)]) from None
                if process.complaints:
                    raise self._failure(crashes, process.complaints)
                if survived:
                    break
                deaths.append(world.ask(read_history))
            ran = _Ran(world.ask(read_history), deaths, witness, verbs, world.now - began)
        witness.violations += self.errors
        self.errors.clear()
        return ran

    def _live(self, world: World, process: Process, deaths: list[History], limit: float) -> bool:
        """One process from its launch to its close; False if it died."""
        started = next((run for run in deaths[-1].runs.values() if run.parent_run is None), None) if deaths else None
        task = process.spawn(self._life(process, started))
        world.until(lambda: task.done() or process.env.dead, limit)
        if process.env.dead:
            return False
        task.result()
        return True

    async def _life(self, process: Process, run: RunRow | None) -> None:
        """`run`: that of a call whose caller has died, if its start was committed."""
        async with process.engine:
            try:
                if self.start == "id":
                    await (await process.starting(self.call)).result()
                elif run is not None:
                    await RunRef(process.engine.runtime, run.workflow_id, run.run_id, self.call.definition).result()
                else:
                    await process.calling(self.call)
            except Exception:
                pass  # what the run ended with is read from the database

    # -- judging ---------------------------------------------------------------------------------------------
    def _judge(self, ran: _Ran, crashes: tuple[Crash, ...]) -> None:
        wrong = [*ran.witness.violations, *broken_rules(ran.final), *self._compared(ran)]
        wrong += [f"{run.workflow_id} has not ended: {run.status} ({run.reason})" for run in ran.final.unfinished]
        for at_death in ran.at_deaths:
            wrong += [*broken_rules(at_death), *lost_since(at_death, ran.final)]
        wrong += _bodies(ran, len(crashes))
        if wrong:
            raise self._failure(crashes, wrong)
        begun = ran.witness.times_begun()
        self.report.scenarios += 1
        self.report.crashes += len(ran.at_deaths)
        self.report.takeovers += sum(run.recoveries > 0 for run in ran.final.runs.values())
        self.report.bodies += begun.total()
        self.report.repeated += begun.total() - len(begun)

    def _compared(self, ran: _Ran) -> Iterator[str]:
        assert self.plain is not None
        if self.same_result and (found := _outcomes(ran.final)) != (expected := _outcomes(self.plain.final)):
            yield f"the outcome is {found}, and without a crash {expected}"
        if self.same_steps and (shape := ran.final.shape()) != (plain := self.plain.final.shape()):
            yield f"recorded, but not without a crash: {sorted(map(str, shape - plain))}"
            yield f"not recorded, but without a crash: {sorted(map(str, plain - shape))}"

    def _failure(self, crashes: tuple[Crash, ...], wrong: Sequence[str]) -> CrashFailure:
        verbs = [] if self.plain is None else self.plain.verbs[0]
        where = " and then ".join(
            f"{crash}" + (f" of {len(verbs)} ({verbs[crash.call - 1]})" if not i and crash.call <= len(verbs) else "")
            for i, crash in enumerate(crashes)
        )
        lines = "\n  ".join(wrong)
        title = f"the process dies {where}" if crashes else "without any crash"
        return CrashFailure(f"{title}, seed {self.seed}:\n  {lines}\nrun it alone with only=[{crashes!r}]", crashes)


def _outcomes(history: History) -> list[tuple[object, ...]]:
    """Of the runs that have no parent: children are the steps' business."""
    return sorted(
        ((run.name, run.status, run.output, run.error) for run in history.runs.values() if run.parent_run is None),
        key=repr,
    )


def _bodies(ran: _Ran, crashes: int) -> Iterator[str]:
    begun: Counter[object] = Counter()
    for body in ran.witness.bodies:
        begun[(body.place, body.attempt)] += 1
    named = {(body.place, body.attempt): body for body in ran.witness.bodies}
    for key, count in begun.items():
        body = named[key]  # type: ignore[index]
        if count > 1 + crashes:
            yield f"{body.workflow_id}: attempt {body.attempt} of {body.name} began {count} times, {crashes} crashes"
    for number, at_death in enumerate(ran.at_deaths, 1):
        survivors = {f"process {other}" for other in range(number + 1, len(ran.at_deaths) + 2)}
        for body in ran.witness.bodies:
            if body.process not in survivors:
                continue
            what = f"{body.workflow_id}: {body.name} ({body.branch}:{body.seq})"
            if body.place in at_death.outcomes:
                yield f"{what} ran again in {body.process}, although its outcome was recorded before death {number}"
            attempt = at_death.begun.get(body.place)
            if attempt is not None and attempt.kind == "attempt" and body.attempt <= attempt.attempts:
                yield f"{what}: attempt {body.attempt} ran again in {body.process}, although its failure was recorded"


def _unfinished(world: World) -> Iterator[str]:
    history = world.ask(read_history)
    for run in history.unfinished:
        done = sum(place[0] == run.run_id for place in history.outcomes)
        yield f"{run.workflow_id} is {run.status} (epoch {run.epoch}, {run.reason}), {done} operations recorded"
