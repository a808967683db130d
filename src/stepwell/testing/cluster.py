"""The processes of a simulation, and what befalls them: death, pauses, restarts, and a database whose clock jumps."""

import asyncio
import random
from collections.abc import Callable

from stepwell.testing.process import Life, Process
from stepwell.testing.trouble import Trouble, TroubleGate
from stepwell.testing.witness import Witness
from stepwell.testing.world import World


class Cluster:
    """Keeps `trouble.processes` places filled until the end."""

    def __init__(self, world: World, trouble: Trouble, witness: Witness) -> None:
        self.world = world
        self.trouble = trouble
        self.calm_from = world.now + trouble.duration
        self.gates: list[TroubleGate] = []
        self.events: list[str] = []
        self.deaths = self.pauses = self.restarts = self.clock_jumps = 0
        self._most_ahead = 0.0
        self._witness = witness
        self._random = random.Random(f"{world.seed}/cluster")
        self._launches: dict[Process, asyncio.Task[None]] = {}

    def begin(self) -> None:
        """Launch them, and plan what happens to them."""
        for _ in range(self.trouble.processes):
            self._launch()
        self._plan(self.trouble.deaths_every, self._kill)
        self._plan(self.trouble.pauses_every, self._pause)
        self._plan(self.trouble.restarts_every, self._restart)
        self._plan(self.trouble.clock_jumps_every, self._jump)
        self._look_after()
        self.world.at(self.calm_from, self._mend_clock)

    def pick(self) -> Process | None:
        """One that serves, drawn by the seed."""
        serving = [process for process in self._living() if self._serves(process)]
        return self._random.choice(serving) if serving else None

    def note(self, what: str) -> None:
        """For the story that a failure tells."""
        self.events.append(f"{self.world.elapsed:9.3f} {what}")

    # -- life ------------------------------------------------------------------------------------------------
    def _living(self) -> list[Process]:
        return [process for process in self._launches if process.life is Life.RUNNING]

    def _serves(self, process: Process) -> bool:
        launch = self._launches[process]
        return launch.done() and not launch.cancelled() and launch.exception() is None

    def _launch(self) -> None:
        number = len(self.world.processes) + 1
        gate = TroubleGate(self.trouble, f"{self.world.seed}/gate {number}", self.calm_from)
        process = self.world.process(f"process {number}", gate=gate)
        gate.process = process
        self.gates.append(gate)
        self._witness.watch(process)
        self._launches[process] = process.spawn(process.engine._start())
        self.note(f"{process.name} starts")

    def _plan(self, every: float, event: Callable[[], None]) -> None:
        instant = self.world.now + self._random.expovariate(1 / every)

        def happen() -> None:
            event()
            self._plan(every, event)

        if instant < self.calm_from:
            self.world.at(instant, happen)

    def _look_after(self) -> None:
        """An operator's supervisor: what failed to start or has ended is replaced."""
        for process, launch in list(self._launches.items()):
            failed = launch.done() and not launch.cancelled() and launch.exception() is not None
            if failed and process.life is Life.RUNNING:
                self._end(process, "could not start")
        here = [p for p in self._launches if p.life in (Life.RUNNING, Life.PAUSED)]
        for _ in range(self.trouble.processes - len(here)):
            self._launch()
        self.world.at(self.world.now + 3.0, self._look_after)

    def _end(self, process: Process, why: str) -> None:
        self.note(f"{process.name} {why}")
        process.die()
        process.bury()

    # -- events ----------------------------------------------------------------------------------------------
    def _kill(self) -> None:
        living = [p for p in self._launches if p.life in (Life.RUNNING, Life.PAUSED)]
        if living:
            self.deaths += 1
            self._end(self._random.choice(living), "dies")

    def _pause(self) -> None:
        living = self._living()
        if not living:
            return
        process = self._random.choice(living)
        seconds = self._random.random() * self.trouble.longest_pause
        suspended = seconds if self._random.random() < 0.5 else 0.0
        self.pauses += 1
        self.note(f"{process.name} {'is suspended' if suspended else 'stops'} for {seconds:.3f} s")
        process.pause()
        self.world.at(min(self.world.now + seconds, self.calm_from), lambda: self._go_on(process, bool(suspended)))
        process.paused_at = self.world.now

    def _go_on(self, process: Process, suspended: bool) -> None:
        if process.paused:
            self.note(f"{process.name} goes on")
            process.go_on(self.world.now - process.paused_at if suspended else 0.0)

    def _restart(self) -> None:
        serving = [process for process in self._living() if self._serves(process)]
        if not serving:
            return
        process = self._random.choice(serving)
        self.restarts += 1
        self.note(f"{process.name} is asked to stop")
        stopping = process.spawn(process.engine._shutdown(self._random.choice([0.1, 5.0])))
        stopping.add_done_callback(lambda task: self._stopped(process, task))

    def _stopped(self, process: Process, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            process.complaints.append(f"stopping failed: {error!r}")
        self.world.at(self.world.now, lambda: self._end(process, "has stopped"))

    def _jump(self) -> None:
        seconds = (self._random.random() * 2 - 1) * self._random.choice([10.0, self.trouble.longest_jump])
        self.clock_jumps += 1
        self.note(f"the database's clock jumps by {seconds:.1f} s")
        self.world.database_ahead += seconds
        self._most_ahead = max(self._most_ahead, self.world.database_ahead)

    def _mend_clock(self) -> None:
        """Forward, or what sleeps until an instant of the wrong time would sleep on for hours."""
        self.world.database_ahead = self._most_ahead
