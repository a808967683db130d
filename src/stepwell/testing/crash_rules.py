"""What a run with crashes must have in common with one without."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from stepwell.testing.history import History, read_history
from stepwell.testing.witness import Witness
from stepwell.testing.world import World


@dataclass(slots=True)
class Ran:
    """What one scenario left."""

    final: History
    at_deaths: list[History]
    witness: Witness
    verbs: list[list[str]]  # by process
    seconds: float


def outcomes(history: History) -> list[tuple[object, ...]]:
    """Of the runs that have no parent: children are the steps' business."""
    return sorted(
        ((run.name, run.status, run.output, run.error) for run in history.runs.values() if run.parent_run is None),
        key=repr,
    )


def wrong_bodies(ran: Ran, crashes: int) -> Iterator[str]:
    begun: Counter[object] = Counter()
    for body in ran.witness.bodies:
        begun[(body.place, body.attempt)] += 1
    named = {(body.place, body.attempt): body for body in ran.witness.bodies}
    for key, count in begun.items():
        body = named[key]  # type: ignore[index]
        if count > 1 + crashes:
            yield f"{body.workflow_id}: attempt {body.attempt} of {body.name} began {count} times, {crashes} crashes"
    for number, at_death in enumerate(ran.at_deaths, 1):
        survivors = {f"process {other}" for other in range(number + 1, len(ran.at_deaths) + 2)}
        for body in ran.witness.bodies:
            if body.process not in survivors:
                continue
            what = f"{body.workflow_id}: {body.name} ({body.branch}:{body.seq})"
            if body.place in at_death.outcomes:
                yield f"{what} ran again in {body.process}, although its outcome was recorded before death {number}"
            attempt = at_death.begun.get(body.place)
            if attempt is not None and attempt.kind == "attempt" and body.attempt <= attempt.attempts:
                yield f"{what}: attempt {body.attempt} ran again in {body.process}, although its failure was recorded"


def unfinished(world: World) -> Iterator[str]:
    history = world.ask(read_history)
    for run in history.unfinished:
        done = sum(place[0] == run.run_id for place in history.outcomes)
        yield f"{run.workflow_id} is {run.status} (epoch {run.epoch}, {run.reason}), {done} operations recorded"
