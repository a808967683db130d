"""A reference to one run, and waiting for its outcome, from outside and from within workflows."""

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepwell.core import sealing
from stepwell.core.definition import WorkflowDefinition
from stepwell.core.inbox import Slot
from stepwell.core.outcome import unpack
from stepwell.errors import WaitTimeout, WorkflowNotFound
from stepwell.model.ids import check_known_id
from stepwell.model.looking import Outcome, RunRow
from stepwell.serde.coder import Coder

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


class RunRef:
    """Binds a run_id: a later run under the same id is another run."""

    __slots__ = ("definition", "run_id", "runtime", "workflow_id")

    def __init__(
        self, runtime: "Runtime", workflow_id: str, run_id: UUID | None, definition: WorkflowDefinition | None
    ) -> None:
        self.runtime = runtime
        self.workflow_id = workflow_id
        self.run_id = run_id
        self.definition = definition

    @property
    def coder(self) -> Coder:
        """How this run's result is read."""
        serializer = self.runtime.serializer
        return serializer.value(Any) if self.definition is None else serializer.result(self.definition.fn)

    # Everything below runs on the core's loop.

    async def bound(self, outside: bool = True) -> UUID:
        """The run's run_id, looked up once. Raises WorkflowNotFound, and from outside a workflow StoreUnavailable."""
        if self.run_id is None:
            check_known_id(self.workflow_id)
            row = await self.runtime.patient(self.runtime.store.find_run, self.workflow_id, outside=outside)
            if row is None:
                raise self.not_found()
            self.run_id = row.run_id
            if self.definition is None:
                self.definition = self.runtime.registry.find(row.name)
        return self.run_id

    async def row(self) -> RunRow:
        """The run as it is now, with payloads. Raises WorkflowNotFound."""
        run_id = await self.bound()
        row = await self.runtime.patient(self.runtime.store.get_run, run_id, outside=True)
        if row is None:
            raise self.not_found()
        return row

    async def outcome(self, timeout: float | None = None) -> Outcome:
        """The recorded outcome. Raises WaitTimeout, WorkflowNotFound."""
        run_id = await self.bound()
        try:
            async with asyncio.timeout(timeout):
                return await self.runtime.watch.outcome(run_id)
        except TimeoutError:
            raise self.timed_out(timeout) from None

    async def result(self, timeout: float | None = None) -> Any:
        """The value of a SUCCESS; raises for the other outcomes."""
        outcome = await self.outcome(timeout)
        return await sealing.patiently(self.runtime, self.unpack, outcome)

    def unpack(self, outcome: Outcome) -> Any:
        """Return or raise what is recorded."""
        return unpack(outcome, self.workflow_id, self.coder, self.runtime.serializer)

    def timed_out(self, timeout: float | None) -> WaitTimeout:
        """The error of a wait that was too short."""
        return WaitTimeout(
            f"workflow {self.workflow_id!r} has not ended within {timeout:g} s; it goes on. "
            f"`stepwell workflow show {self.workflow_id}` says where it stands"
        )

    def not_found(self) -> WorkflowNotFound:
        """The error of an id that nobody has."""
        return WorkflowNotFound(f"there is no workflow with the id {self.workflow_id!r} in this database and namespace")

    def subscribe(self, slot: Slot) -> None:
        """Resolve the slot with the Outcome when the run has ended. On the loop."""

        async def wait() -> None:
            try:
                slot.resolve(await self.runtime.watch.outcome(await self.bound()))
            except Exception as error:
                slot.fail(error)

        self.runtime.spawn(wait())
