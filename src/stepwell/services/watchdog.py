"""Finds replays that stand still: new steps wait for recorded ones that the code does not ask for."""

import asyncio
from typing import TYPE_CHECKING

from stepwell.core.execution import Execution
from stepwell.services.service import Service

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

_PAUSE_SECONDS = 5.0


class Watchdog(Service):
    """A replay that has not moved for `replay_patience` becomes BLOCKED: the code is not what was recorded."""

    def __init__(self, runtime: "Runtime") -> None:
        super().__init__(runtime)
        self._still: dict[Execution, tuple[int, float]] = {}  # -> (its activity, when that was first seen)

    async def once(self) -> None:
        """Look at every replay once."""
        now = self.runtime.env.monotonic()
        still = {}
        for execution in list(self.runtime.executions.values()):
            history = execution.history
            if history is None or execution.deliveries is None or not execution.deliveries.stalled:
                continue
            activity, since = self._still.get(execution, (-1, now))
            if activity != execution.activity:
                activity, since = execution.activity, now
            still[execution] = (activity, since)
            row = history.next()
            if row is not None and now - since > self.runtime.settings.replay_patience:
                execution.mismatch(
                    (row.branch, row.seq), f"the code does not call {row.name!r}, which is recorded there"
                )
        self._still = still

    async def pause(self) -> None:
        """A few seconds."""
        await asyncio.sleep(_PAUSE_SECONDS)
