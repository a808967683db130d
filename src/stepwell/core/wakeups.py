"""One timer for all parked runs of this process: it looks for due waits when the earliest is due."""

from typing import TYPE_CHECKING

from stepwell.core.alarms import Alarm

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

_LIMIT = 500
_PAUSE_SECONDS = 0.01


class Wakeups:
    """The sweep would find due waits too, but only every few seconds."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._timer: tuple[float, Alarm] | None = None

    def at(self, instant: float) -> None:
        """Look at that instant of the database's clock, if nothing makes us look earlier. On the loop."""
        if self._timer is not None:
            if self._timer[0] <= instant:
                return
            self._timer[1].cancel()
        runtime = self._runtime
        self._timer = (instant, runtime.alarms.at(instant, self._due))

    async def look(self) -> None:
        """Wake what is due or satisfied now, and have it claimed."""
        runtime = self._runtime
        while await runtime.patient(runtime.store.wake, _LIMIT) == _LIMIT:
            runtime.work.set()
        runtime.work.set()

    def close(self) -> None:
        """No more timers."""
        if self._timer is not None:
            self._timer[1].cancel()

    def _due(self) -> None:
        self._timer = None
        if not self._runtime.closed:
            self._runtime.spawn(self._look_and_rearm())

    async def _look_and_rearm(self) -> None:
        await self.look()
        runtime = self._runtime
        sent = runtime.env.monotonic()
        earliest, now = await runtime.patient(runtime.store.next_wake)
        runtime.clock.observe(now, sent, runtime.env.monotonic())
        if earliest is not None:
            # Our clock may be a little ahead of the database's: without a pause we would ask until it is not.
            self.at(max(earliest, now + _PAUSE_SECONDS))
