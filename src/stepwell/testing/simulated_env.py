"""`core.env.Env` without a machine: clocks that are told, randomness and ids from a seed."""

import random
from collections.abc import Callable
from uuid import UUID

from stepwell.model.ids import uuid7


class ProcessDied(BaseException):
    """Raised in code of a simulated process after its death, where nothing may happen any more."""


class SimulatedEnv:
    """One simulated process's view of its machine.

    `time` is the simulation's, seconds; `seed` decides all randomness and all ids. `suspended` is how long the
    machine was suspended in all: `monotonic` does not count that, `alive` does.
    """

    def __init__(self, time: Callable[[], float], seed: str, wall: float) -> None:
        self._time = time
        self._random = random.Random(seed)
        self._wall = wall
        self._ids = 0
        self.suspended = 0.0
        self.dead = False

    def monotonic(self) -> float:
        """The clock of the loop's timers."""
        return self._time() - self.suspended

    def alive(self) -> float:
        """Also counts while the machine is suspended. A dead process asks for nothing more: ProcessDied."""
        if self.dead:
            raise ProcessDied
        return self._time()

    def random(self) -> float:
        """Uniform in [0, 1)."""
        return self._random.random()

    def uuid4(self) -> UUID:
        """From the seed."""
        return UUID(int=self._random.getrandbits(128), version=4)

    def uuid7(self) -> UUID:
        """By the virtual wall clock, ascending, and from the seed."""
        self._ids += 1
        milliseconds = int((self._wall + self._time()) * 1000)
        return uuid7(milliseconds, ((self._ids & 0xFFF) << 62) | self._random.getrandbits(62))
