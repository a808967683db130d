"""The real machine behind `core.env.Env`: the only place that reads its clocks and randomness."""

import random
import secrets
import sys
import threading
import time
import uuid

from stepwell.model.ids import uuid7


class SystemEnv:
    """Clocks and randomness of this machine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = 0
        self._counter = 0

    def monotonic(self) -> float:
        """The clock of the event loop's timers."""
        return time.monotonic()

    def alive(self) -> float:
        """CLOCK_BOOTTIME where there is one: it goes on while the machine is suspended."""
        return _boottime()

    def random(self) -> float:
        """Uniform in [0, 1)."""
        return random.random()

    def uuid4(self) -> uuid.UUID:
        """From the operating system's randomness."""
        return uuid.UUID(bytes=secrets.token_bytes(16), version=4)

    def uuid7(self) -> uuid.UUID:
        """Milliseconds, a counter that makes ids ascend within this process, and 62 random bits."""
        now = time.time_ns() // 1_000_000
        with self._lock:
            if now > self._last_ms:
                self._last_ms, self._counter = now, random.getrandbits(10)
            else:
                self._counter += 1
                if self._counter > 0xFFF:
                    self._last_ms += 1
                    self._counter = 0
            ms, counter = self._last_ms, self._counter
        return uuid7(ms, (counter << 62) | secrets.randbits(62))


if sys.platform == "linux":

    def _boottime() -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

else:
    _boottime = time.monotonic
