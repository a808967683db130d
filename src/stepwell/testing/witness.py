"""Who has begun which step's body, when, and whether that was allowed: noted at the moment it happens."""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from stepwell.model.status import Status
from stepwell.telemetry.bus import Event
from stepwell.testing.process import Process

#: (run, branch, seq) of an operation.
Place = tuple[UUID, str, int]


@dataclass(frozen=True, slots=True)
class Body:
    """One body that began. `at` is the world's time, seconds."""

    process: str
    run_id: UUID
    workflow_id: str
    branch: str
    seq: int
    name: str
    attempt: int
    epoch: int
    at: float

    @property
    def place(self) -> Place:
        """The operation."""
        return self.run_id, self.branch, self.seq


class Witness:
    """Sees every body of the processes that it watches, and collects what must not have happened."""

    def __init__(self) -> None:
        self.bodies: list[Body] = []
        self.violations: list[str] = []
        self._branched: set[UUID] = set()
        self._executions: set[tuple[UUID, int]] = set()

    def watch(self, process: Process) -> None:
        """From now on; before its launch."""
        process.engine.bus.subscribe(lambda event: self._noted(process, event))

    def times_begun(self) -> Counter[tuple[Place, int]]:
        """How often each attempt of each step has begun."""
        return Counter((body.place, body.attempt) for body in self.bodies)

    def _noted(self, process: Process, event: Event) -> None:
        if process.env.dead:
            return
        fields: dict[str, Any] = event.fields
        if event.name == "workflow.started":
            self._begun(process, fields)
        if event.name != "step.started":
            return
        branch, seq = fields["place"]
        body = Body(
            process.name,
            fields["run_id"],
            fields["workflow_id"],
            branch,
            seq,
            fields["name"],
            fields["attempt"],
            fields["epoch"],
            process.world.now,
        )
        self.bodies.append(body)
        self._judge(process, body)

    def _begun(self, process: Process, fields: dict[str, Any]) -> None:
        execution = fields["run_id"], fields["epoch"]
        if execution in self._executions:
            what = f"{fields['workflow_id']!r} in epoch {fields['epoch']}"
            self.violations.append(f"{process.name} executes {what}, as another execution did")
        self._executions.add(execution)

    def _judge(self, process: Process, body: Body) -> None:
        runtime = process.engine.runtime
        what = f"{process.name} began step {body.name!r} of {body.workflow_id!r} ({body.branch}:{body.seq})"
        standing = process.world.database.standing(body.run_id, body.branch, body.seq)
        if standing is not None and standing.recorded:
            self.violations.append(f"{what} although its outcome is recorded")
        if standing is not None and standing.epoch != body.epoch and standing.status != Status.CANCELLED:
            self.violations.append(f"{what} in epoch {body.epoch}, when the run was in epoch {standing.epoch}")
        late = process.env.alive() - runtime.fence_until
        if late > 0:
            self.violations.append(f"{what} {late:.3f} s after its lease was certain")
        execution = runtime.executions.get(body.run_id)
        if execution is None:
            return
        if execution.tasks or execution.submitted or execution.timeouts:
            self._branched.add(body.run_id)
        # In a run of several branches something may have been recorded since this step was called. Before the first
        # step of a direct call only its start may be under way: it may also come with the first checkpoint.
        only_the_start = body.seq == 0 and execution.flushed == 0 and execution.appended == 1
        if body.run_id not in self._branched and execution.flushed < execution.appended and not only_the_start:
            self.violations.append(f"{what} before what the run had recorded was durable (output commit)")
