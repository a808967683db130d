"""What is said of simulations: what happened, and which promise was broken."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class SimulationReport:
    """What happened, all seeds together."""

    seeds: int = 0
    runs: int = 0
    bodies: int = 0
    repeated: int = 0
    store_calls: int = 0
    faults: int = 0
    deaths: int = 0
    pauses: int = 0
    restarts: int = 0
    clock_jumps: int = 0
    cancels: int = 0
    takeovers: int = 0
    virtual_seconds: float = 0.0
    #: The bodies in their order, by seed: the same seed gives the same.
    traces: dict[int, list[str]] = field(default_factory=dict)


class SimulationFailure(AssertionError):
    """A promise was broken. `seed` is the one that shows it: `simulate(..., seeds=[seed])` shows it again."""

    def __init__(self, seed: int, wrong: Sequence[str], events: Sequence[str]) -> None:
        lines = "\n  ".join(dict.fromkeys(wrong))
        happened = "\n  ".join(events)
        super().__init__(f"seed {seed}:\n  {lines}\nwhat had happened:\n  {happened}")
        self.seed = seed
        self.wrong = list(wrong)
