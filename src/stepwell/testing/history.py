"""All that a database has recorded, at one moment, and the rules that it must obey at every moment."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from stepwell.model.looking import RunFilter, RunRow, StepRow
from stepwell.model.status import TERMINAL, Status
from stepwell.store.api import Store
from stepwell.testing.witness import Place

_PAGE = 500
_MOST_STEPS = 100_000


@dataclass(frozen=True)
class History:
    """`runs` by run_id; `outcomes` and `begun` (outcomes not yet recorded: intents) by place."""

    runs: dict[UUID, RunRow]
    outcomes: dict[Place, StepRow]
    begun: dict[Place, StepRow]

    @property
    def unfinished(self) -> list[RunRow]:
        """Runs without an outcome."""
        return [run for run in self.runs.values() if Status(run.status) not in TERMINAL]

    def shape(self) -> set[tuple[str, str, int, str, str, str | None]]:
        """Which operations are recorded where: the same for every execution of a deterministic workflow.

        Runs are named by their way from their root, so that ids need not be the same.
        """
        ways = {run.run_id: self._way(run) for run in self.runs.values()}
        roots = [run.workflow_id for run in self.runs.values() if run.parent_run is None]
        found = set()
        for step in self.outcomes.values():
            name = step.name
            for root in roots:  # a wait for a run is named by its id
                name = name.replace(root, "...")
            found.add((ways[step.run_id], step.branch, step.seq, name, step.kind, step.ended))
        return found

    def _way(self, run: RunRow) -> str:
        parent = None if run.parent_run is None else self.runs.get(run.parent_run)
        if parent is None:
            return run.name
        return f"{self._way(parent)} > {run.workflow_id.rpartition('/')[2]} {run.name}"


async def read_history(store: Store) -> History:
    """Everything of the store's namespace."""
    runs: dict[UUID, RunRow] = {}
    after: UUID | None = None
    while page := await store.list_runs(RunFilter(limit=_PAGE, after=after), payloads=True):
        runs.update((run.run_id, run) for run in page)
        after = page[-1].run_id
        if len(page) < _PAGE:
            break
    outcomes: dict[Place, StepRow] = {}
    begun: dict[Place, StepRow] = {}
    for run_id in runs:
        for step in await store.list_steps(run_id, limit=_MOST_STEPS):
            (begun if step.ended is None else outcomes)[(run_id, step.branch, step.seq)] = step
    return History(runs, outcomes, begun)


def broken_rules(history: History) -> Iterator[str]:
    """What must hold at any moment, whatever has crashed."""
    by_run: dict[UUID, list[StepRow]] = defaultdict(list)
    for step in history.outcomes.values():
        by_run[step.run_id].append(step)
    for run_id, steps in by_run.items():
        run = history.runs[run_id]
        steps.sort(key=lambda step: step.pos or 0)
        positions = [step.pos for step in steps]
        if len(set(positions)) < len(positions):
            yield f"{run.workflow_id}: two outcomes have the same place in the order of delivery: {positions}"
        epochs = [step.epoch or 0 for step in steps]
        if epochs != sorted(epochs):
            yield f"{run.workflow_id}: an older execution recorded after a newer one: epochs {epochs}"
        if epochs and epochs[-1] > run.epoch:
            yield f"{run.workflow_id}: recorded in epoch {epochs[-1]}, but the run is in epoch {run.epoch}"
    for run in history.runs.values():
        if (Status(run.status) is Status.PENDING) != (run.owner is not None):
            yield f"{run.workflow_id}: {run.status} with owner {run.owner}"
    yield from _ended(history)


def _ended(history: History) -> Iterator[str]:
    for run in history.runs.values():
        if (Status(run.status) in TERMINAL) != (run.completed_at is not None):
            yield f"{run.workflow_id}: {run.status}, completed at {run.completed_at}"
    for place, step in history.begun.items():
        run = history.runs[place[0]]
        if place in history.outcomes:
            yield f"{run.workflow_id}: {step.name} ({step.branch}:{step.seq}) is recorded, and begun as well"
        if Status(run.status) in (Status.SUCCESS, Status.ERROR):
            yield f"{run.workflow_id}: ended, but {step.name} ({step.branch}:{step.seq}) is still begun"


def lost_since(before: History, after: History) -> Iterator[str]:
    """What was recorded and is not, or not as it was."""
    for place, step in before.outcomes.items():
        found = after.outcomes.get(place)
        name = before.runs[place[0]].workflow_id
        if found is None:
            yield f"{name}: the outcome of {step.name} ({step.branch}:{step.seq}) was recorded and is gone"
        elif _facts(found) != _facts(step):
            yield f"{name}: the outcome of {step.name} ({step.branch}:{step.seq}) was overwritten"
    for run_id, run in before.runs.items():
        if Status(run.status) not in TERMINAL:
            continue
        kept = after.runs.get(run_id)
        if kept is None or _outcome(kept) != _outcome(run):
            yield f"{run.workflow_id}: it had ended with {run.status}, and has another outcome now"


def _facts(step: StepRow) -> tuple[object, ...]:
    return step.name, step.kind, step.ended, step.output, step.error, step.pos, step.epoch, step.child_run


def _outcome(run: RunRow) -> tuple[object, ...]:
    return run.status, run.output, run.error, run.completed_at
