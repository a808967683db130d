"""How the tests call `stepwell`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from stepwell.cli.main import cli as commands

ROOT = Path(__file__).parents[2]
APP = Path(__file__).parent / "app"
LONGEST_SECONDS = 30.0


class Cli:
    """Commands in this process."""

    def __init__(self, database: str) -> None:
        self.database = database

    def __call__(self, *words: str, code: int = 0) -> Result:
        """Run with --database; the exit code must be this one, and nobody may see a traceback."""
        return invoke(*words, "--database", self.database, code=code)

    def json(self, *words: str, code: int = 0) -> Any:
        """The document on stdout, which is all that is there."""
        return json.loads(self(*words, "--json", code=code).stdout)

    def lines(self, *words: str, code: int = 0) -> list[str]:
        """What is printed, without empty lines."""
        return [line for line in self(*words, code=code).stdout.splitlines() if line.strip()]


def invoke(*words: str, code: int = 0) -> Result:
    """`stepwell WORDS` in this process."""
    # As wide as nobody's terminal, so that no cell is folded.
    result = CliRunner(env={"COLUMNS": "250"}).invoke(commands, words)
    assert result.exit_code == code, f"exit code {result.exit_code}\n{result.stdout}\n{result.stderr}"
    assert "Traceback" not in result.stderr
    return result


class Program:
    """`stepwell` as a program of its own."""

    def __init__(self, database: str, directory: Path = APP) -> None:
        self.database = database
        self.directory = directory
        self.environment = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name}
        self.environment |= {
            "STEPWELL_DATABASE_URL": database,
            "PYTHONPATH": str(ROOT / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._running: list[subprocess.Popen[bytes]] = []

    def __call__(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        done = subprocess.run(
            [sys.executable, "-m", "stepwell.cli", *words],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=2 * LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def start(self, log: Path, *words: str) -> "subprocess.Popen[bytes]":
        """Run beside the test; what it prints goes to `log`."""
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "stepwell.cli", *words],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        self._running.append(process)
        return process

    def close(self) -> None:
        """End what still runs: with SIGTERM, so that supervised processes end too."""
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(LONGEST_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def eventually(look: Callable[[], Any], what: str) -> Any:
    """What `look` returns as soon as it is true."""
    limit = time.monotonic() + LONGEST_SECONDS
    while not (found := look()):
        assert time.monotonic() < limit, f"{what}: not within {LONGEST_SECONDS:g} s"
        time.sleep(0.05)
    return found
