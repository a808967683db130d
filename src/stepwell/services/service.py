"""What every service has in common: a loop that survives its own errors and can be stopped."""

import asyncio
import contextlib
from typing import TYPE_CHECKING

from stepwell.store.faults import StoreFault

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


class Service:
    """Repeats `once` until stopped; `pause` says how many seconds until the next time."""

    def __init__(self, runtime: "Runtime") -> None:
        self.runtime = runtime
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the core's loop."""
        self._task = self.runtime.spawn(self._run())

    async def stop(self) -> None:
        """End; a round that is under way is interrupted."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self.once()
            except StoreFault as fault:
                self.runtime.health.failed(fault)
            except Exception:
                self.runtime.log.exception("%s failed; it repeats", type(self).__name__)
            await self.pause()

    async def once(self) -> None:
        """One round."""
        raise NotImplementedError

    async def pause(self) -> None:
        """Wait until the next round is due."""
        raise NotImplementedError
