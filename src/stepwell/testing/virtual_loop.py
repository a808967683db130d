"""An event loop that somebody else drives, and whose time somebody else tells.

One loop is one simulated process: it runs only when it is given a turn, so it can be stopped for a while, or
for ever in the middle of anything, as a process can.
"""

import asyncio
import heapq
import math
import selectors
from collections.abc import Callable


class VirtualLoop(asyncio.SelectorEventLoop):
    """`clock` is the loop's `time()`, seconds. Nothing moves between two calls of `turn`.

    Sockets work, and are looked at once a turn; whether to wait for them is the driver's decision.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        super().__init__(selectors.DefaultSelector())
        # A timer is due when the time is greater than its own: with any tolerance a loop that waits for the rest of
        # a rounding error would spin, as time does not pass by itself.
        self._clock_resolution = 0.0

    def time(self) -> float:
        """The virtual time."""
        return self._clock()

    def turn(self) -> None:
        """Look at the sockets, then run what is ready and due now; what that makes ready waits for the next turn."""
        self.stop()  # before `run_forever`: exactly one round, without waiting
        self.run_forever()

    @property
    def has_work(self) -> bool:
        """Whether a turn would run something (sockets not looked at)."""
        if self._ready:  # type: ignore[attr-defined]
            return True
        due = self.next_timer()
        return due is not None and due < self.time()

    def next_timer(self) -> float | None:
        """When the earliest timer is due, in this loop's time."""
        timers = self._scheduled  # type: ignore[attr-defined]
        while timers and timers[0].cancelled():
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
            heapq.heappop(timers)._scheduled = False
        return float(timers[0].when()) if timers else None

    def moment_of(self, due: float, offset: float) -> float:
        """The first moment `m` at which a clock of `m - offset` is past `due`."""
        moment = due + offset
        while moment - offset <= due:
            moment = math.nextafter(moment, math.inf)
        return moment

    def selector_fd(self) -> int:
        """What becomes readable when one of the loop's sockets has something to say."""
        return int(self._selector.fileno())  # type: ignore[attr-defined]

    def stop_dead(self) -> None:
        """From within a turn: nothing of what waits behind the running callback runs any more."""
        for handle in self._ready:  # type: ignore[attr-defined]
            handle.cancel()

    def run_last(self, call: Callable[[], None]) -> None:
        """Forget everything that waits for a turn, and run this alone."""
        self._ready.clear()  # type: ignore[attr-defined]
        self._scheduled.clear()  # type: ignore[attr-defined]
        self.call_soon(call)
        self.turn()
