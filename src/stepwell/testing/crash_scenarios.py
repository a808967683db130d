"""The scenarios of `crash_everywhere`: which calls to die at, how a process lives until then, and who goes on."""

import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

from stepwell.core.definition import BoundCall
from stepwell.core.ref import RunRef
from stepwell.model.looking import RunRow
from stepwell.model.rows import Beat
from stepwell.model.settings import Settings
from stepwell.testing.crash_report import Crash, CrashFailure, CrashReport, When
from stepwell.testing.crash_rules import Ran, outcomes, unfinished, wrong_bodies
from stepwell.testing.history import History, broken_rules, lost_since, read_history
from stepwell.testing.process import Process
from stepwell.testing.simulated_database import SimulatedDatabase
from stepwell.testing.simulated_env import ProcessDied
from stepwell.testing.witness import Witness
from stepwell.testing.world import Stalled, World

T = TypeVar("T")

Start = Literal["id", "call"]

#: How much longer than the run without a crash a run with crashes may take, virtual seconds for each crash.
PATIENCE = 600.0


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


class Everywhere:
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
        self.plain: Ran | None = None

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
    def _scenario(self, crashes: tuple[Crash, ...]) -> Ran:
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
                    raise self._failure(crashes, [f"stuck: {stalled}", *unfinished(world)]) from None
                if process.complaints:
                    raise self._failure(crashes, process.complaints)
                if survived:
                    break
                deaths.append(world.ask(read_history))
            ran = Ran(world.ask(read_history), deaths, witness, verbs, world.now - began)
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
    def _judge(self, ran: Ran, crashes: tuple[Crash, ...]) -> None:
        wrong = [*ran.witness.violations, *broken_rules(ran.final), *self._compared(ran)]
        wrong += [f"{run.workflow_id} has not ended: {run.status} ({run.reason})" for run in ran.final.unfinished]
        for at_death in ran.at_deaths:
            wrong += [*broken_rules(at_death), *lost_since(at_death, ran.final)]
        wrong += wrong_bodies(ran, len(crashes))
        if wrong:
            raise self._failure(crashes, wrong)
        begun = ran.witness.times_begun()
        self.report.scenarios += 1
        self.report.crashes += len(ran.at_deaths)
        self.report.takeovers += sum(run.recoveries > 0 for run in ran.final.runs.values())
        self.report.bodies += begun.total()
        self.report.repeated += begun.total() - len(begun)

    def _compared(self, ran: Ran) -> Iterator[str]:
        assert self.plain is not None
        if self.same_result and (found := outcomes(ran.final)) != (expected := outcomes(self.plain.final)):
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
