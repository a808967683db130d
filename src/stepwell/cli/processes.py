"""N worker processes under one: started, watched, started again when they die, stopped together."""

import logging
import os
import signal
import subprocess
import threading
import time
from queue import SimpleQueue

log = logging.getLogger("stepwell.worker")

#: A process that ends sooner than this after its start has a problem that a new one will have too.
SHORTEST_LIFE_SECONDS = 5.0
#: How long to wait before starting one again: doubled for each early end in a row, up to the last.
RESTART_PAUSE_SECONDS = (1.0, 60.0)

#: The option by which a process is told to stop when its standard input ends: when its parent is gone.
STOP_OPTION = "--stop-with-parent"


class Supervisor:
    """Runs `command` in `count` processes until SIGTERM or SIGINT; then passes SIGTERM on and waits for all.

    A second signal kills them.
    """

    def __init__(self, command: list[str], count: int) -> None:
        self._command = [*command, STOP_OPTION]
        self._count = count
        self._events: SimpleQueue[_Child | None] = SimpleQueue()  # None: stop

    def run(self) -> int:
        """The exit code: 0, or that of a process that could not even begin."""
        previous = {
            number: signal.signal(number, lambda *_: self._events.put(None))
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        children = {_Child(self._command, self._events, early_ends=0) for _ in range(self._count)}
        code = 0
        try:
            while (ended := self._events.get()) is not None:
                children.discard(ended)
                if ended.refused:
                    # The command line or the module is wrong: the same for every process, and now.
                    code = ended.code
                    break
                log.warning("process %d ended with %s; another takes its place", ended.pid, _told(ended.code))
                children.add(_Child(self._command, self._events, ended.early_ends + 1 if ended.was_early else 0))
        finally:
            for child in children:
                child.stop()
            self._wait_for(children)
            for number, handler in previous.items():
                signal.signal(number, handler)
        return code

    def _wait_for(self, children: "set[_Child]") -> None:
        """Until all have ended; a second signal kills what the first one asked to stop."""
        while children:
            ended = self._events.get()
            if ended is not None:
                children.discard(ended)
                continue
            for child in children:
                child.kill()


class _Child:
    def __init__(self, command: list[str], events: "SimpleQueue[_Child | None]", early_ends: int) -> None:
        self.early_ends = early_ends
        self.code = 0
        self.pid = 0
        self.was_early = False
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, args=(command, events), daemon=True)
        self._thread.start()

    @property
    def refused(self) -> bool:
        """Whether it ended by itself, at once, with a message of its own."""
        return self.was_early and self.early_ends == 0 and 0 < self.code < 128

    def stop(self) -> None:
        """Ask it to drain and end."""
        self._stop.set()
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()

    def kill(self) -> None:
        """End it at once; its runs are taken over."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()

    def _watch(self, command: list[str], events: "SimpleQueue[_Child | None]") -> None:
        try:
            self._run(command)
        finally:
            events.put(self)

    def _run(self, command: list[str]) -> None:
        first, longest = RESTART_PAUSE_SECONDS
        if self.early_ends and self._stop.wait(min(longest, first * 2.0 ** (self.early_ends - 1))):
            return
        begun = time.monotonic()
        with self._lock:
            if self._stop.is_set():
                return
            self._process = process = subprocess.Popen(command, stdin=subprocess.PIPE)
        self.pid = process.pid
        self.code = process.wait()
        assert process.stdin is not None
        process.stdin.close()
        self.was_early = time.monotonic() - begun < SHORTEST_LIFE_SECONDS


def stop_with_parent() -> None:
    """Send SIGTERM to this process when its standard input ends: a parent that was killed cannot say so itself."""

    def wait() -> None:
        # Not through sys.stdin: its lock, held by this thread at exit, would abort the interpreter.
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="stepwell-parent", daemon=True).start()


def _told(code: int) -> str:
    return f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit code {code}"
