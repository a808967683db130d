"""A wall clock that is wrong in one process: what Python says the time is, while durations stay true."""

import ctypes
import gc
import time
from datetime import UTC, datetime, tzinfo
from typing import Any


def shift(seconds: float) -> None:
    """From now on this process's wall clock is that far ahead; negative: behind. The monotonic clock is right."""
    real, real_ns, real_gettime = time.time, time.time_ns, time.clock_gettime
    nanoseconds = int(seconds * 1e9)

    def gettime(clock: int) -> float:
        return real_gettime(clock) + (seconds if clock == time.CLOCK_REALTIME else 0.0)

    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + nanoseconds
    time.clock_gettime = gettime

    def now(cls: type[datetime], tz: tzinfo | None = None) -> datetime:
        return cls.fromtimestamp(time.time(), tz)

    # A subclass in its place would not be the type that values are checked against, and the type refuses to be
    # changed but by this way.
    names: dict[str, Any] = gc.get_referents(datetime.__dict__)[0]
    names["now"] = classmethod(now)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime))
    assert abs(datetime.now(UTC).timestamp() - real() - seconds) < 1.0, "this Python's clock cannot be moved so"
