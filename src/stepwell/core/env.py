"""The seam to the machine: clocks, randomness, ids. Timers are the event loop's own.

A real engine gets `stepwell.system.SystemEnv`; a simulation hands in virtual clocks and seeded randomness
together with a loop whose time is virtual.
"""

from typing import Protocol
from uuid import UUID


class Env(Protocol):
    """What the core may know of the machine."""

    def monotonic(self) -> float:
        """Seconds that never jump; the clock of the event loop's timers."""
        ...

    def alive(self) -> float:
        """Seconds for the self-fence: never behind real time, also across a suspend of the machine."""
        ...

    def random(self) -> float:
        """Uniform in [0, 1): jitter, and the user's recorded `random()`."""
        ...

    def uuid4(self) -> UUID:
        """A random UUID."""
        ...

    def uuid7(self) -> UUID:
        """A time-ordered UUID, ascending within this process: run ids and incarnations."""
        ...
