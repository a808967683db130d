"""A private, real PostgreSQL server for tests.

    with TemporaryPostgres(fsync=False) as server:
        url = server.create_database("shop")

The server listens on a free TCP port of 127.0.0.1, lives in a temporary directory, and is gone with it when
the block is left or when this process dies, however it dies. It shares nothing but the programs with a server
that the system may run.
"""

import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from stepwell.testing.postgres_binaries import find_binaries
from stepwell.testing.postgres_process import (
    SOCKET_PATH_LIMIT_BYTES,
    PostgresStartError,
    Reaper,
    ServerUser,
    free_port,
    make_directory,
    runnable_by,
    server_user,
)
from stepwell.testing.postgres_server import PostgresServer

STOP_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
START_ATTEMPTS = 5


class TemporaryPostgres(PostgresServer):
    """A server of this process's own; start it with `with` or `start()`.

    - `fsync=False` makes it fast, and unsafe against a crash of the machine (not of the server). The default
      is PostgreSQL's own durability.
    - `settings` go into postgresql.conf and win over everything set here.
    - `bindir` names the programs' directory; without it they are looked for (see `find_binaries`).

    Raises PostgresNotFound if there are no server programs, PostgresStartError if they fail. Not thread-safe.
    """

    def __init__(
        self,
        *,
        fsync: bool = True,
        settings: Mapping[str, str | int | bool] | None = None,
        bindir: str | Path | None = None,
    ) -> None:
        super().__init__("")
        self._settings: dict[str, str | int | bool] = {
            "fsync": fsync,
            "full_page_writes": fsync,
            "synchronous_commit": True,
            "max_connections": 200,
            **(settings or {}),
        }
        self._bindir = bindir
        self._password = secrets.token_hex(16)
        self._directory: Path | None = None
        self._reaper: Reaper | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._user = ServerUser()
        self._postgres = Path()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The maintenance database's URL, as superuser; the same before and after a restart."""
        self._started_directory()
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/postgres"

    @property
    def port(self) -> int:
        self._started_directory()
        return self._port

    @property
    def pid(self) -> int | None:
        """The server's main process, or None while it is down."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def directory(self) -> Path:
        """The temporary directory: `data/` in it is the cluster."""
        return self._started_directory()

    def log(self) -> str:
        """What the server has logged since the first start."""
        return (self._started_directory() / "server.log").read_text(errors="replace")

    def start(self) -> Self:
        """Create the cluster if there is none yet, run the server, and return when it takes connections."""
        if self.pid is not None:
            return self
        try:
            if self._directory is None:
                self._create_cluster()
                self._run_on_a_free_port()
            else:
                self._run_server(self._directory)
        except BaseException:
            self.stop("immediate")
            raise
        return self

    def stop(self, mode: str = "fast") -> None:
        """End the server and remove its directory. Does nothing if that is done already.

        "fast" aborts the open transactions; "immediate" is like a crash. A later `start()` begins with a
        new, empty cluster.
        """
        self.shut_down(mode)
        if self._reaper is not None:
            self._reaper.finish()
        self._reaper = self._directory = None

    def restart(self, mode: str = "fast") -> None:
        """End the server as `mode` says and start it again on the same data and port.

        "immediate" is a crash: the server recovers from its log when it starts.
        """
        self.shut_down(mode)
        self.start()

    def shut_down(self, mode: str = "fast") -> None:
        """End the server but keep its data for `start()`: an outage."""
        if mode not in STOP_SIGNALS:
            raise ValueError(f"mode is one of {', '.join(STOP_SIGNALS)}, not {mode!r}")
        process, self._process = self._process, None
        if process is None:
            return
        for last_word in (STOP_SIGNALS[mode], signal.SIGQUIT, signal.SIGKILL):
            process.send_signal(last_word)
            try:
                process.wait(timeout=30)
                break
            except subprocess.TimeoutExpired:
                continue
        # A killed server leaves its pid file behind, and the pid may soon be somebody else's.
        (self._started_directory() / "data" / "postmaster.pid").unlink(missing_ok=True)

    def _started_directory(self) -> Path:
        if self._directory is None:
            raise RuntimeError("this server is not started: use it as `with TemporaryPostgres() as server:`")
        return self._directory

    def _create_cluster(self) -> None:
        binaries = find_binaries(self._bindir)
        self._user = server_user()
        self._directory = directory = make_directory(self._user)
        self._reaper = Reaper(self._user, directory)
        binaries = runnable_by(self._user, binaries, directory)
        self._postgres = binaries.postgres
        password_file = directory / "password"
        password_file.write_text(self._password)
        self._user.own(password_file)
        command = [str(binaries.initdb), "--pgdata", str(directory / "data"), "--encoding", "UTF8"]
        command += ["--username", "postgres", "--pwfile", str(password_file), "--auth", "scram-sha-256"]
        # A new cluster has nothing to lose yet: it is the server's own fsync that tests are about.
        command += ["--locale", "C", "--no-sync"]
        self._user.run(command, cwd=directory)
        password_file.unlink()

    def _run_on_a_free_port(self) -> None:
        """Another process may take the port between the look and the start: then another port."""
        directory = self._started_directory()
        for attempt in range(START_ATTEMPTS):
            self._port = free_port()
            self._write_settings(directory)
            try:
                self._run_server(directory)
            except PostgresStartError as error:
                if "Address already in use" not in str(error) or attempt == START_ATTEMPTS - 1:
                    raise
            else:
                return

    def _write_settings(self, directory: Path) -> None:
        fits = len(str(directory).encode()) <= SOCKET_PATH_LIMIT_BYTES - len("/.s.PGSQL.12345")
        settings: dict[str, str | int | bool] = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": str(directory) if fits else "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "logging_collector": False,
            **self._settings,
        }
        lines = [f"{name} = {_setting(value)}\n" for name, value in settings.items()]
        # The cluster's own file is left as it is; of two settings of one name the last one holds.
        (directory / "stepwell.conf").write_text("".join(lines))
        with (directory / "data" / "postgresql.conf").open("a") as file:
            file.write(f"include = '{directory / 'stepwell.conf'}'\n")
        self._user.own(directory / "stepwell.conf")

    def _run_server(self, directory: Path) -> None:
        command = [str(self._postgres), "-D", str(directory / "data")]
        with (directory / "server.log").open("ab") as log:
            printed_before = log.tell()
            try:
                self._process = self._user.spawn(command, cwd=directory, stdin=subprocess.DEVNULL, output=log)
            except OSError as error:
                raise PostgresStartError(f"{command[0]} could not be run: {error}") from error
        self._wait_until_ready(self._process, directory, printed_before)

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]", directory: Path, printed_before: int) -> None:
        """The server writes its state as the last line of its pid file: no connection is needed to see it."""
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            try:
                lines = (directory / "data" / "postmaster.pid").read_text().splitlines()
            except FileNotFoundError:
                lines = []
            if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return
            time.sleep(0.005)
        printed = (directory / "server.log").read_bytes()[printed_before:].decode(errors="replace")
        status = process.poll()
        outcome = "is not ready after 60 s" if status is None else f"ended with status {status}"
        raise PostgresStartError(f"the server {outcome}; it printed:\n{printed[-4000:]}")


def _setting(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
