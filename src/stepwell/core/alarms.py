"""Calls at instants of the database's clock.

They are kept in one heap behind one timer of the loop. When the database's clock is seen to have jumped (a
failover to another server, a machine that was suspended) the timer is set anew: a wait ends when the database says so.
"""

import asyncio
import contextvars
import heapq
from collections.abc import Callable
from typing import Any

from stepwell.core.clock import DatabaseClock

#: The timer is looked at again after so long, whatever the heap says: it also bounds what a timer may be.
_LONGEST_SECONDS = 3600.0
#: An instant is reached a little early, so that rounding does not make the timer run twice.
_EARLY_SECONDS = 1e-6
#: The heap is rebuilt when so many alarms, and more than half of all, were cancelled.
_MOST_CANCELLED = 100


class Alarm:
    """One call that waits for its time."""

    __slots__ = ("_alarms", "_args", "_call")

    def __init__(self, alarms: "Alarms", call: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._alarms: Alarms | None = alarms
        self._call = call
        self._args = args

    @property
    def cancelled(self) -> bool:
        """It will not ring (any more)."""
        return self._alarms is None

    def cancel(self) -> None:
        """Do not call. Too late or twice is nothing."""
        alarms, self._alarms = self._alarms, None
        if alarms is not None:
            self._args = ()
            alarms._cancelled()

    def _ring(self) -> None:
        if self._alarms is not None:
            self._alarms = None
            self._call(*self._args)


class Alarms:
    """All of an engine's. On its loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: DatabaseClock, context: contextvars.Context) -> None:
        self._loop = loop
        self._clock = clock
        self._context = context
        self._heap: list[tuple[float, int, Alarm]] = []
        self._number = 0
        self._dead = 0
        self._timer: asyncio.TimerHandle | None = None
        clock.on_jump = self._set

    def at(self, instant: float, call: Callable[..., object], *args: Any) -> Alarm:
        """Call at that instant (unix seconds of the database's clock), or soon if it is over."""
        alarm = Alarm(self, call, args)
        self._number += 1
        heapq.heappush(self._heap, (instant, self._number, alarm))
        if self._heap[0][2] is alarm:
            self._set()
        return alarm

    def close(self) -> None:
        """Nothing rings any more."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            seconds = min(max(0.0, self._clock.seconds_until(self._heap[0][0])), _LONGEST_SECONDS)
            self._timer = self._loop.call_later(seconds, self._ring, context=self._context)

    def _ring(self) -> None:
        self._timer = None
        now = self._clock.now() + _EARLY_SECONDS
        try:
            while self._heap and self._heap[0][0] <= now:
                _, _, alarm = heapq.heappop(self._heap)
                if alarm.cancelled:
                    self._dead -= 1
                alarm._ring()
        finally:
            self._set()  # one that raises must not silence the others

    def _cancelled(self) -> None:
        self._dead += 1
        if self._dead > _MOST_CANCELLED and self._dead > len(self._heap) // 2:
            self._heap = [entry for entry in self._heap if not entry[2].cancelled]
            heapq.heapify(self._heap)
            self._dead = 0
            self._set()
