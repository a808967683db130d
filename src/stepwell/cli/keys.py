"""Keys of a terminal as they are pressed; the terminal is as it was again when the block ends, however it does."""

import os
import sys
import time
from typing import Self

if sys.platform != "win32":
    import select
    import signal
    import termios
    import tty


class Keys:
    """Where there is no terminal, or none that can be asked (Windows), no key is ever pressed: Ctrl-C ends it.

    Ctrl-Z does nothing meanwhile: it would leave the terminal in our mode. SIGTERM ends the block like an exit.
    """

    def __init__(self) -> None:
        self._fd: int | None = None

    def __enter__(self) -> Self:
        if sys.platform != "win32" and sys.stdin.isatty():
            self._fd = sys.stdin.fileno()
            self._mode = termios.tcgetattr(self._fd)
            self._handlers = {
                signal.SIGTSTP: signal.signal(signal.SIGTSTP, signal.SIG_IGN),
                signal.SIGTERM: signal.signal(signal.SIGTERM, _leave),
            }
            tty.setcbreak(self._fd)
        return self

    def __exit__(self, *_: object) -> None:
        if sys.platform != "win32" and self._fd is not None:
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._mode)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def wait(self, seconds: float) -> str | None:
        """The next key, at most so many seconds from now; "" when the terminal is gone."""
        if sys.platform == "win32" or self._fd is None:
            time.sleep(seconds)
            return None
        ready, _, _ = select.select([self._fd], [], [], max(0.0, seconds))
        if not ready:
            return None
        try:
            return os.read(self._fd, 1).decode("latin-1")
        except OSError:
            return ""


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)
