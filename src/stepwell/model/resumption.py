"""The plan by which a run in ERROR goes on."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(slots=True, frozen=True)
class Resumption:
    """How a run that has failed goes on, planned when its epoch was `epoch`. The operations (branch, seq) of `again`
    are tried again, where a child keeps its place and is resumed itself; those of `undone`, which the run did because
    of the failure, are forgotten with their children."""

    run_id: UUID
    epoch: int
    again: tuple[tuple[str, int], ...] = ()
    undone: tuple[tuple[str, int], ...] = ()
