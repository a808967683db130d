"""`current()`: what running code may know about its run and step."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from stepwell.core.context import Branch, StepScope, frame
from stepwell.core.execution import Execution
from stepwell.errors import InvalidArgument, NotInWorkflow
from stepwell.model.schedules import SCHEDULE, SCHEDULED_AT


class Current:
    """A view of the running workflow, and of the step if one is running. Reading `id` or `run_id` has the
    start committed: before it returns in a def workflow, right after in an async one."""

    __slots__ = ("_execution", "_frame")

    def __init__(self, here: Branch | StepScope) -> None:
        self._frame = here
        self._execution: Execution = here.execution

    @property
    def id(self) -> str:
        """The workflow's id."""
        self._seen()
        return self._execution.workflow_id

    @property
    def run_id(self) -> UUID:
        """The run's own id, never reused."""
        self._seen()
        return self._execution.run_id

    @property
    def name(self) -> str:
        """The registered name of the workflow."""
        return self._execution.definition.name

    @property
    def step(self) -> str | None:
        """The name of the running step; None in the workflow's own code."""
        return self._frame.name if isinstance(self._frame, StepScope) else None

    @property
    def attempt(self) -> int:
        """The number of this attempt of the step, from 1."""
        return self._frame.attempt if isinstance(self._frame, StepScope) else 1

    @property
    def fence(self) -> int:
        """The epoch of this execution: it only rises. Give it to outside systems that can refuse a lower one."""
        return self._execution.epoch

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this step in every process: for the outside APIs that it calls.

        Raises NotInWorkflow outside a step.
        """
        scope = self._frame
        if not isinstance(scope, StepScope):
            raise NotInWorkflow("current().idempotency_key is a step's: read it within the step's body")
        self._seen()
        return str(uuid5(self._execution.run_id, f"{scope.branch.path}:{scope.seq}"))

    @property
    def deadline(self) -> datetime | None:
        """When the run is cancelled, by the database's clock."""
        deadline = self._execution.deadline
        return None if deadline is None else datetime.fromtimestamp(deadline, UTC)

    @property
    def cancelled(self) -> bool:
        """Whether a cancellation is requested: a long `def` step may look, and return early."""
        return self._execution.cancel_reason is not None

    @property
    def scheduled_at(self) -> datetime | None:
        """The tick that started this run, in UTC; None for runs that no schedule started."""
        attributes = self.attributes
        try:
            return datetime.fromisoformat(attributes[SCHEDULED_AT]) if SCHEDULE in attributes else None
        except (KeyError, TypeError, ValueError):  # somebody else's attributes
            return None

    @property
    def attributes(self) -> dict[str, Any]:
        """The searchable attributes, as this execution knows them."""
        text = self._execution.attributes
        return {} if text is None else json.loads(text)

    def update_attributes(self, **changes: Any) -> None:
        """Merge into the searchable attributes; None removes one. Written soon, not recorded as a step."""
        execution = self._execution
        try:
            text = json.dumps(changes, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InvalidArgument(f"attributes must be JSON values: {error}") from None
        merged = {key: value for key, value in {**self.attributes, **changes}.items() if value is not None}
        execution.attributes = json.dumps(merged)
        runtime = execution.runtime

        async def write() -> None:
            await execution.settled()
            await runtime.patient(runtime.store.update_attributes, execution.run_id, text)

        self._seen()
        runtime.on_loop(lambda: runtime.spawn(write()))

    @property
    def logger(self) -> "logging.LoggerAdapter[logging.Logger]":
        """Logs with the workflow's id, run_id and step in `extra`."""
        extra: Mapping[str, object] = {
            "workflow_id": self._execution.workflow_id,
            "run_id": str(self._execution.run_id),
            "step": self.step,
        }
        return logging.LoggerAdapter(logging.getLogger(f"stepwell.workflow.{self.name}"), extra)

    def _seen(self) -> None:
        """User code knows the id now: the start may not wait for the first checkpoint any more."""
        execution = self._execution
        if execution.unsent_start is not None:
            execution.runtime.journal.send_start(execution)
            if not execution.is_async:
                execution.durable_in_thread()


def current() -> Current:
    """The running workflow, and step. Raises NotInWorkflow outside one."""
    found = current_or_none()
    if found is None:
        raise NotInWorkflow("stepwell.current() needs a running workflow around it")
    return found


def current_or_none() -> Current | None:
    """The running workflow, and step, or None."""
    here = frame.get()
    return None if here is None else Current(here)
