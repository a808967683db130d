"""Starts server processes, and again when they die. It knows nothing of orders.

The supervisor opens the socket and hands it on: while a server is being restarted, customers wait instead of being
refused.
"""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: A server that ends sooner than this after its start has not come up; so often in a row, and we give up.
STARTED_SECONDS = 5.0
FAILURES = 3


class Supervisor:
    """`servers` processes on one socket, all on the database of `url`."""

    def __init__(self, listener: socket.socket, url: str, servers: int) -> None:
        self._listener = listener
        self._environment = {**os.environ, "STEPWELL_DATABASE_URL": url}
        self._wanted = servers
        self._running: dict[int, tuple[subprocess.Popen[bytes], float]] = {}
        self._crashes = 0
        self._failures = 0

    def run(self) -> int:
        """Until SIGINT or SIGTERM; the exit code. Servers then end their requests and give back their orders."""
        woken, wakes = socket.socketpair()
        wakes.setblocking(False)
        asked: list[int] = []
        signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: asked.append(number))
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to be woken
        with selectors.DefaultSelector() as selector, woken, wakes:
            selector.register(woken, selectors.EVENT_READ)
            for _ in range(self._wanted):
                self._start()
            while not asked and self._failures < FAILURES:
                selector.select()
                woken.recv(100)
                self._restart_dead()
            signal.set_wakeup_fd(-1)
        self._stop()
        return 0 if asked else 1

    def _start(self) -> None:
        fd = self._listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", __package__, "serve", "--fd", str(fd)],
            cwd=ROOT,
            env={**self._environment, "STORE_CRASHES": str(self._crashes)},
            stdin=subprocess.PIPE,  # never written to: a server ends when it closes, should we be killed
            pass_fds=[fd],
        )
        self._running[process.pid] = (process, time.monotonic())
        print(f"Server process {process.pid} is started.", flush=True)

    def _restart_dead(self) -> None:
        for pid, (process, started) in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            del self._running[pid]
            crashed = code < 0
            self._crashes += crashed
            quick = time.monotonic() - started < STARTED_SECONDS
            self._failures = self._failures + 1 if quick and not crashed else 0
            how = f"was killed ({signal.Signals(-code).name})" if crashed else f"ended with code {code}"
            print(f"Server process {pid} {how}.", flush=True)
            self._start()

    def _stop(self) -> None:
        for process, _ in self._running.values():
            process.terminate()
        for process, _ in self._running.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
