"""Worker processes as a test sees them: spawned, listened to, signalled, and gone when the test is over."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import stepwell
from tests.faults.kit.places import Place

ROOT = Path(__file__).parents[3]
SOURCES = Path(stepwell.__file__).parents[1]
#: A worker that says nothing for so long will say nothing more, seconds.
PATIENCE = 60.0


class Worker:
    """One process. It says messages ([word, ...]) on its stdout and hears ours on its stdin."""

    def __init__(self, command: list[str], environment: dict[str, str], cwd: Path, log: Path) -> None:
        self.log = log
        self._heard: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()
        self._aside: list[list[Any]] = []
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command, env=environment, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        self._listener = threading.Thread(target=self._listen, name=f"listens to {log.stem}", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                self._heard.put(json.loads(line))
            except ValueError:
                self._heard.put(["", line.decode(errors="replace")])
        self._heard.put(None)

    def expect(self, *words: Any, timeout: float = PATIENCE) -> list[Any]:
        """The first message that begins with these words, now or later; the rest of it. Others are kept."""
        for message in self._aside:
            if message[: len(words)] == list(words):
                self._aside.remove(message)
                return message[len(words) :]
        ends = time.monotonic() + timeout
        while True:
            try:
                message_or_end = self._heard.get(timeout=max(0.0, ends - time.monotonic()))
            except queue.Empty:
                raise AssertionError(
                    f"{self.log.stem} has not said {words} within {timeout:g} s.\n{self.story()}"
                ) from None
            if message_or_end is None:
                self._heard.put(None)
                raise AssertionError(f"{self.log.stem} ended without saying {words}.\n{self.story()}")
            if message_or_end[: len(words)] == list(words):
                return message_or_end[len(words) :]
            self._aside.append(message_or_end)

    def tell(self, *words: Any) -> None:
        """Send it one message."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")
        self._process.stdin.flush()

    def ask(self, verb: str, *arguments: Any, timeout: float = PATIENCE) -> Any:
        """Have `child.obey` do something, and wait for the answer."""
        self.tell(verb, *arguments)
        (answer,) = self.expect("did", verb, timeout=timeout)
        return answer

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait for its end; the exit status."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.log.stem} did not end within {timeout:g} s.\n{self.story()}") from None

    def leave(self, timeout: float = PATIENCE) -> None:
        """Hang up: `obey` then drains and ends. Fails if it does not end well."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        status = self.wait(timeout)
        assert status == 0, f"{self.log.stem} ended with {status}.\n{self.story()}"

    def story(self) -> str:
        """What it said and logged, for a failing test's message."""
        return f"It said: {self._aside[-20:]}\nIt logged:\n{self.log.read_text(errors='replace')[-6000:]}"

    def end(self) -> None:
        """Whatever it does, it is gone after this."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


class Crew:
    """Spawns the workers of one test on its database, and ends them all."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._workers: list[Worker] = []

    def run(self, app: str, *arguments: str, role: str = "", url: str = "", **settings: Any) -> Worker:
        """`python -m tests.faults.apps.<app>` with the settings; `url` if not the database's own."""
        return self._spawn(["-m", f"tests.faults.apps.{app}", *arguments], app, role, url, settings)

    def run_script(self, script: Path, *arguments: str, role: str = "", **settings: Any) -> Worker:
        """A script that the test has written."""
        return self._spawn([str(script), *arguments], script.stem, role, "", settings)

    def serving(self, app: str, *arguments: str, role: str = "", url: str = "", **settings: Any) -> Worker:
        """The same as `run`, and it is up."""
        worker = self.run(app, *arguments, role=role, url=url, **settings)
        worker.expect("up")
        return worker

    def _spawn(self, command: list[str], name: str, role: str, url: str, settings: dict[str, Any]) -> Worker:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(SOURCES), str(ROOT)]),
            "FAULTS_URL": url or self.place.url,
            "FAULTS_EFFECTS": str(self.place.effects_file),
            "FAULTS_SETTINGS": json.dumps(settings),
            "FAULTS_ROLE": role,
        }
        log = self.place.directory / f"{name}-{role}-{len(self._workers)}.log"
        worker = Worker([sys.executable, *command], environment, self.place.directory, log)
        self._workers.append(worker)
        return worker

    def end(self) -> None:
        """All of them."""
        for worker in self._workers:
            worker.end()
