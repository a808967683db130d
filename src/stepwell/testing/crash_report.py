"""What is said of crashes: where, how many, and what went wrong."""

from dataclasses import dataclass, field
from typing import Literal

#: A process dies before a call reaches the database, or after its commit and before its answer.
When = Literal["before", "after"]


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
