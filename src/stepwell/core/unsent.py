"""Starts that ride with their first checkpoint: they wait for it, but not for long."""

from collections import deque
from typing import TYPE_CHECKING

from stepwell.core.execution import Execution

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: Longer than this no start waits for its first checkpoint.
FUSED_START_SECONDS = 0.05


class UnsentStarts:
    """One timer for all of them: a timer for each would wake the loop at every call from a thread."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._waiting: deque[tuple[float, Execution]] = deque()
        self._armed = False

    def add(self, execution: Execution) -> None:
        """Send this start soon, if its first checkpoint does not take it along earlier. From any thread."""
        self._waiting.append((self._runtime.env.monotonic() + FUSED_START_SECONDS, execution))
        if not self._armed:
            self._armed = True
            self._runtime.on_loop(self._arm, FUSED_START_SECONDS)

    def _arm(self, seconds: float) -> None:
        self._runtime.loop.call_later(seconds, self._send, context=self._runtime.context)

    def _send(self) -> None:
        now = self._runtime.env.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            self._runtime.journal.send_start(self._waiting.popleft()[1])
        if self._waiting:
            self._arm(max(0.001, self._waiting[0][0] - now))
            return
        self._armed = False
        if self._waiting:  # a thread has added one between the two lines above, and saw us armed
            self._armed = True
            self._arm(FUSED_START_SECONDS)
