"""One seed of a simulation: what users do, what is watched meanwhile, and how it is judged in the end."""

import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from stepwell.core import operate
from stepwell.core.definition import BoundCall
from stepwell.model.looking import RunRow
from stepwell.model.settings import Settings
from stepwell.model.status import TERMINAL, Status
from stepwell.testing.cluster import Cluster
from stepwell.testing.history import History, broken_rules, lost_since, read_history
from stepwell.testing.simulated_database import SimulatedDatabase
from stepwell.testing.simulation_report import SimulationFailure, SimulationReport
from stepwell.testing.trouble import Trouble
from stepwell.testing.witness import Witness
from stepwell.testing.world import Stalled, World

#: How long after the trouble everything may take to end, virtual seconds.
PATIENCE = 900.0

#: How often the database is compared with what it said before, virtual seconds.
_LOOK_EVERY = 5.0

#: What runs end with, by name and input.
Outcomes = dict[tuple[str, str | None], tuple[object, ...]]

#: Ids that the simulation has given; how often it calls such a workflow without an id after all.
_GIVEN_ID = "run "
_CALLED = 0.25


def named(number: int, call: BoundCall[Any]) -> BoundCall[Any]:
    if call.options.id is not None:
        return call
    return replace(call, options=call.options.merged(id=f"{_GIVEN_ID}{number}"))


def calm(database: SimulatedDatabase, calls: Sequence[BoundCall[Any]], settings: Settings | None) -> History:
    """What the workflows do without trouble."""
    with World(database, settings=settings) as world:
        process = world.process("calm")
        process.launch()
        for run in [process.start(call) for call in calls]:
            process.run(run.outcome(), PATIENCE * 100)
        return world.ask(read_history)


class Storm:
    def __init__(
        self,
        database: SimulatedDatabase,
        seed: int,
        calls: Sequence[BoundCall[Any]],
        trouble: Trouble,
        settings: Settings | None,
        calm: Outcomes | None,
        report: SimulationReport,
        errors: list[str],
    ) -> None:
        self.errors = errors  # what the engine logs; emptied by who judges
        self.seed = seed
        self.calls = calls
        self.trouble = trouble
        self.calm = calm
        self.report = report
        self.witness = Witness()
        self.world = World(database, seed, settings)
        self.cluster = Cluster(self.world, trouble, self.witness)
        self.random = random.Random(f"{seed}/plan")
        self.started: set[str] = set()  # acknowledged to their user, or given up by a user without an id
        self.cancelled: set[str] = set()
        self.given_up: set[str] = set()
        self.seen: History | None = None
        self.wrong: list[str] = []

    def run(self) -> None:
        """One seed."""
        with self.world as world:
            self.cluster.begin()
            for call in self.calls:
                world.at(world.now + self.random.random() * self.trouble.duration, self._user(call))
            self._plan_cancel()
            self._look()
            try:
                world.until(self._all_ended, self.trouble.duration + PATIENCE)
            except Stalled as stalled:
                self.wrong.append(f"not everything ends: {stalled}")
                self.wrong += [_standing(run) for run in world.ask(read_history).unfinished]
                self.wrong += [
                    f"{call.options.id} was never started" for call in self.calls if not self._is_started(call)
                ]
            self._judge()
        if self.wrong:
            raise SimulationFailure(self.seed, self.wrong, self.cluster.events)
        self._count()

    # -- what users do ---------------------------------------------------------------------------------------
    def _user(self, call: BoundCall[Any]) -> Callable[[], None]:
        """Who starts it, at the moment that comes."""
        name = str(call.options.id)
        if name.startswith(_GIVEN_ID) and not call.options.is_queued and self.random.random() < _CALLED:
            self.given_up.add(name)
            return lambda: self._call(name, replace(call, options=call.options.merged(id=None)))
        return self._starter(name, call)

    def _call(self, name: str, call: BoundCall[Any]) -> None:
        """A user who waits for the result, and does not try again."""
        process = self.cluster.pick()
        self.started.add(name)
        if process is not None:
            self.cluster.note(f"{name} is called in {process.name}")
            process.keep(_quietly(process.calling(call)))

    def _starter(self, name: str, call: BoundCall[Any]) -> Callable[[], None]:
        def start() -> None:
            """A user who tries again until the start is acknowledged."""
            process = self.cluster.pick()
            if name in self.started:
                return
            if process is not None:
                task = process.spawn(process.starting(call))
                task.add_done_callback(lambda task: self._acknowledged(name, task))
            self.world.at(self.world.now + 10.0, start)

        return start

    def _acknowledged(self, name: str, task: Any) -> None:
        if not task.cancelled() and task.exception() is None:
            self.started.add(name)

    def _is_started(self, call: BoundCall[Any]) -> bool:
        return str(call.options.id) in self.started

    def _plan_cancel(self) -> None:
        instant = self.world.now + self.random.expovariate(1 / self.trouble.cancels_every)
        if instant < self.cluster.calm_from:
            self.world.at(instant, self._cancel)

    def _cancel(self) -> None:
        process = self.cluster.pick()
        if process is not None and self.started:
            name = self.random.choice(sorted(self.started))
            if name in self.given_up:
                return self._plan_cancel()
            self.cancelled.add(name)
            self.cluster.note(f"{name} is cancelled through {process.name}")
            process.keep(_quietly(operate.cancel(process.engine.runtime, name, False, True)))
        self._plan_cancel()

    # -- watching --------------------------------------------------------------------------------------------
    def _look(self) -> None:
        """Compare what is recorded with what was recorded."""
        now = self.world.ask(read_history)
        self.wrong += broken_rules(now)
        if self.seen is not None:
            self.wrong += lost_since(self.seen, now)
        self.seen = now
        self.world.at(self.world.now + _LOOK_EVERY, self._look)

    def _all_ended(self) -> bool:
        if self.wrong or self.witness.violations:
            return True
        if self.world.now < self.cluster.calm_from or not all(map(self._is_started, self.calls)):
            return False
        seen = self.seen
        return seen is not None and not seen.unfinished and self._expected_ids() <= _ids(seen)

    def _expected_ids(self) -> set[str]:
        return {str(call.options.id) for call in self.calls} - self.given_up

    def _judge(self) -> None:
        self._look()
        final = self.seen
        assert final is not None
        self.wrong += self.witness.violations
        self.wrong += self.errors
        self.errors.clear()
        for process in self.world.processes:
            self.wrong += [f"{process.name}: {complaint}" for complaint in process.complaints]
        if self.calm is None:
            return
        self.wrong += [
            f"{name} was acknowledged and is gone" for name in self._expected_ids() & self.started - _ids(final)
        ]
        limited = {call.options.id for call in self.calls if call.options.timeout or call.options.deadline}
        for run in _roots(final):
            may_be_cancelled = run.workflow_id in self.cancelled | limited or run.deadline is not None
            if run.status == Status.CANCELLED and may_be_cancelled:
                continue
            expected = self.calm.get((run.name, run.input))
            if expected is not None and expected[0] == Status.CANCELLED:
                continue  # a limit of its own: not over this time
            found = run.status, run.output, run.error
            if Status(run.status) in TERMINAL and found != expected:
                self.wrong.append(
                    f"{run.workflow_id} ({run.name}) ended with {found}, and without trouble with {expected}"
                )

    def _count(self) -> None:
        report, cluster, begun = self.report, self.cluster, self.witness.times_begun()
        report.seeds += 1
        report.runs += 0 if self.seen is None else len(self.seen.runs)
        report.bodies += begun.total()
        report.repeated += begun.total() - len(begun)
        report.store_calls += sum(gate.calls for gate in cluster.gates)
        report.faults += sum(gate.faults for gate in cluster.gates)
        report.deaths += cluster.deaths
        report.pauses += cluster.pauses
        report.restarts += cluster.restarts
        report.clock_jumps += cluster.clock_jumps
        report.cancels += len(self.cancelled)
        report.takeovers += 0 if self.seen is None else sum(run.recoveries > 0 for run in self.seen.runs.values())
        report.virtual_seconds += self.world.elapsed
        report.traces[self.seed] = [
            f"{body.at:.6f} {body.process} {body.workflow_id} {body.branch}:{body.seq} {body.attempt}"
            for body in self.witness.bodies
        ]


async def _quietly(coroutine: Any) -> None:
    with contextlib.suppress(Exception):  # its process had troubles of its own; it may have been done or not
        await coroutine


def _roots(history: History) -> list[RunRow]:
    """Runs that nobody but a user started."""
    return [run for run in history.runs.values() if run.parent_run is None]


def outcomes_of(history: History) -> Outcomes:
    return {(run.name, run.input): (run.status, run.output, run.error) for run in _roots(history)}


def _ids(history: History) -> set[str]:
    return {run.workflow_id for run in history.runs.values()}


def _standing(run: RunRow) -> str:
    owner: UUID | None = run.owner
    return f"{run.workflow_id}: {run.status}, epoch {run.epoch}, owner {owner}, reason {run.reason}"
