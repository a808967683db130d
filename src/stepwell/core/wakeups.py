"""One timer for all parked runs of this process: it looks for due waits when the earliest is due."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from stepwell.core.alarms import Alarm
from stepwell.core.batcher import Batcher

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

_LIMIT = 500
_PAUSE_SECONDS = 0.01


class Wakeups:
    """The sweep would find due waits too, but only every few seconds."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._parked: Batcher[UUID, None] = Batcher(self._wake_parked, _LIMIT, runtime.pause)
        self._timer: tuple[float, Alarm] | None = None

    def at(self, instant: float) -> None:
        """Look at that instant of the database's clock, if nothing makes us look earlier. On the loop."""
        if self._timer is not None:
            if self._timer[0] <= instant:
                return
            self._timer[1].cancel()
        runtime = self._runtime
        self._timer = (instant, runtime.alarms.at(instant, self._due))

    async def parked(self, run_id: UUID) -> None:
        """This run has been parked: what it waits for may have come before its wait was there to be found."""
        await self._parked.add(run_id)

    async def _wake_parked(self, run_ids: Sequence[UUID]) -> list[None]:
        if await self._runtime.store.wake_parked(run_ids):
            self._runtime.work.set()
        return [None] * len(run_ids)

    async def _look(self) -> None:
        """Wake what is due now, and have it claimed."""
        runtime = self._runtime
        while await runtime.patient(runtime.store.wake_due, _LIMIT) == _LIMIT:
            runtime.work.set()
        runtime.work.set()

    async def close(self) -> None:
        """No more timers."""
        if self._timer is not None:
            self._timer[1].cancel()
        await self._parked.close()

    def _due(self) -> None:
        self._timer = None
        if not self._runtime.closed:
            self._runtime.spawn(self._look_and_rearm())

    async def _look_and_rearm(self) -> None:
        await self._look()
        runtime = self._runtime
        sent = runtime.env.monotonic()
        earliest, now = await runtime.patient(runtime.store.next_wake)
        runtime.clock.observe(now, sent, runtime.env.monotonic())
        if earliest is not None:
            # Our clock may be a little ahead of the database's: without a pause we would ask until it is not.
            self.at(max(earliest, now + _PAUSE_SECONDS))
