"""Looking at runs, steps and outcomes: nothing is changed or locked."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from stepwell.model.looking import Outcome, RunFilter, RunRow, StepRow


class LookingVerbs(Protocol):
    """See `store.api.Store`."""

    async def outcomes(self, run_ids: Sequence[UUID]) -> list[Outcome]:
        """Those of these runs that have ended."""
        ...

    async def find_run(self, workflow_id: str) -> RunRow | None:
        """The current run of this id, with payloads."""
        ...

    async def get_run(self, run_id: UUID) -> RunRow | None: ...

    async def list_runs(self, where: RunFilter, payloads: bool = False) -> list[RunRow]: ...

    async def count_runs(self, where: RunFilter) -> int: ...

    async def list_steps(
        self, run_id: UUID, payloads: bool = True, limit: int = 1000, after_pos: int = -1
    ) -> list[StepRow]:
        """Outcomes by pos, then intents."""
        ...
