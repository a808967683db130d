"""What a row is: some metrics, and how one system's sample of all of them is taken once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bench.lab import Lab
from bench.protocol import Answer


@dataclass(frozen=True, slots=True)
class Metric:
    """One line of the table.

    `ratio`: Stepwell must be at least this many times better than DBOS. `limit`: Stepwell's own value
    must not be above this. Either, both or none.
    """

    key: str
    title: str
    unit: str
    better: Literal["lower", "higher"] = "lower"
    ratio: float | None = None
    limit: float | None = None


@dataclass(slots=True)
class Sample:
    """One round of one system. `scaled` says for a metric how its value was extrapolated."""

    values: dict[str, float] = field(default_factory=dict)
    failures: int = 0
    troubles: list[str] = field(default_factory=list)
    scaled: dict[str, str] = field(default_factory=dict)

    def take(self, answer: Answer) -> None:
        """Add what a child measured."""
        self.values.update(answer.values)
        self.failures += answer.failures
        if answer.trouble:
            self.troubles.append(answer.trouble)

    def scale(self, metric: str, by: float, how: str) -> None:
        """Multiply a value that was measured on a smaller number, and remember it."""
        if metric in self.values and by != 1.0:
            self.values[metric] *= by
            self.scaled[metric] = how


@dataclass(frozen=True, slots=True)
class Row:
    """`sample(lab, system)` takes one round; it runs in the parent and measures in children.

    `instead`: the system that is measured in the place of DBOS.
    """

    key: str
    title: str
    metrics: tuple[Metric, ...]
    sample: Callable[[Lab, str], Sample]
    instead: str | None = None
