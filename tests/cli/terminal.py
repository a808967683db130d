"""A real pseudo-terminal: a program in it, its keys, and what it has drawn."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Sequence
from typing import Any

from tests.cli.kit import LONGEST_SECONDS, ROOT, eventually

_CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_HOME = "\x1b[H"


class Terminal:
    """`stepwell WORDS` as the only program of a terminal of this size."""

    def __init__(self, words: Sequence[str], columns: int = 120, lines: int = 40, **environment: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._slave = slave
        self.mode = termios.tcgetattr(slave)
        known = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stepwell.cli", *words],
            env={**known, "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm-256color", **environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self._received = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        """All that was written, with its codes."""
        return self._received.decode(errors="replace")

    def frames(self) -> list[str]:
        """What was drawn, each time from the upper left corner, without codes."""
        drawn = self.output.rpartition("\x1b[?1049l")[0] or self.output
        return [_CODES.sub("", each).replace("\r", "") for each in drawn.split(_HOME)[1:]]

    def shows(self, text: str) -> str:
        """The newest whole frame, as soon as it has this text."""
        return str(eventually(lambda: next((f for f in self.frames()[-3:-1] if text in f), None), f"{text!r} is shown"))

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def ended(self) -> int:
        """The exit code."""
        return self.process.wait(LONGEST_SECONDS)

    def mode_now(self) -> list[Any]:
        return termios.tcgetattr(self._slave)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._slave)
        self._reader.join(LONGEST_SECONDS)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                some = os.read(self._master, 65536)
            except OSError:  # nobody has the other end any more
                return
            self._received += some
