"""The operating system's side of a private PostgreSQL server: who runs it, where, and what outlives whom.

PostgreSQL refuses to run as root, so root's server runs as an unprivileged user. And a server must not
outlive the tests that started it, however they end: a `Reaper`, a shell that waits on a pipe, ends the server
and removes its directory when the pipe closes, which the kernel does even after SIGKILL.
"""

import contextlib
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from stepwell.testing.postgres_binaries import PostgresBinaries

UNPRIVILEGED_USERS = ("postgres", "nobody")
FALLBACK_UID = 65534
SOCKET_PATH_LIMIT_BYTES = 100
# Below the range from which the kernel takes ports for outgoing connections, so that a stopped
# server finds its port free when it starts again.
PORTS = range(20_000, 32_000)
PORT_TRIES = 200
USABLE = 'cd "$1" && : > probe && rm probe'


class PostgresStartError(RuntimeError):
    """The server's programs were found but did not do their work; the message ends with what they printed."""


@dataclass(frozen=True, slots=True)
class ServerUser:
    """Who owns the server's files and process; None: the user of this process."""

    uid: int | None = None
    gid: int | None = None

    def run(self, command: list[str], *, cwd: Path) -> str:
        """Run to the end and return what it printed; PostgresStartError if it failed."""
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=cwd,
                env=clean_environment(), user=self.uid, group=self.gid, extra_groups=self._extra_groups(),
            )  # fmt: skip
        except OSError as error:
            raise PostgresStartError(self._could_not_run(command[0], error)) from error
        if done.returncode != 0:
            raise PostgresStartError(f"{command[0]} failed with status {done.returncode}:\n{done.stdout}")
        return done.stdout

    def spawn(self, command: list[str], *, cwd: Path, stdin: int, output: IO[bytes] | int) -> "subprocess.Popen[bytes]":
        """Start in a session of its own: a Ctrl-C at the terminal is for the tests, not for the server."""
        return subprocess.Popen(
            command, stdin=stdin, stdout=output, stderr=output, cwd=cwd, env=clean_environment(),
            user=self.uid, group=self.gid, extra_groups=self._extra_groups(), start_new_session=True,
        )  # fmt: skip

    def own(self, path: Path) -> None:
        if self.uid is not None:
            os.chown(path, self.uid, self.gid if self.gid is not None else -1, follow_symlinks=False)

    def can_run(self, program: Path) -> bool:
        """Whether this user may execute `program`: root's own site-packages are often closed to others."""
        try:
            self.run([str(program), "--version"], cwd=Path("/"))
        except PostgresStartError:
            return False
        return True

    def _extra_groups(self) -> list[int] | None:
        return None if self.uid is None else []

    def _could_not_run(self, program: str, error: OSError) -> str:
        if self.uid is None:
            return f"{program} could not be run: {error}"
        return (
            f"{program} could not be run as user id {self.uid}: {error}. PostgreSQL does not run as root;"
            " where no other user can be taken, run the tests as an ordinary user,"
            " or use a server that runs elsewhere."
        )


def server_user() -> ServerUser:
    """This process's user, or an unprivileged one if that is root."""
    if os.geteuid() != 0:
        return ServerUser()
    for name in UNPRIVILEGED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid)
    return ServerUser(FALLBACK_UID, FALLBACK_UID)


def make_directory(user: ServerUser) -> Path:
    """A new private directory of `user`, in the first temporary place that this user can reach."""
    refused = []
    for parent in dict.fromkeys([tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"]):
        try:
            directory = Path(tempfile.mkdtemp(prefix="stepwell-pg-", dir=parent))
        except OSError as error:
            refused.append(f"{parent}: {error}")
            continue
        user.own(directory)
        try:
            user.run(["/bin/sh", "-c", USABLE, "sh", str(directory)], cwd=Path("/"))
        except PostgresStartError as error:
            refused.append(str(error))
            shutil.rmtree(directory, ignore_errors=True)
            continue
        return directory
    raise PostgresStartError("no temporary directory is usable: " + "; ".join(refused))


def runnable_by(user: ServerUser, binaries: PostgresBinaries, directory: Path) -> PostgresBinaries:
    """`binaries`, or their copy in `directory` where `user` may not execute the originals."""
    if binaries.package is None or user.can_run(binaries.postgres):
        return binaries
    copy = binaries.copied_to(directory / "install")
    # The reaper, which removes it, is that user too.
    for path in [directory / "install", *(directory / "install").rglob("*")]:
        user.own(path)
    return copy


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on now."""
    for port in random.sample(PORTS, PORT_TRIES):
        with socket.socket() as probe:
            # As PostgreSQL does it: connections of an earlier server in TIME_WAIT do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise PostgresStartError(f"no free TCP port on 127.0.0.1 in {PORTS}")


def clean_environment() -> dict[str, str]:
    """A server's environment: nothing of the caller's PG* variables or locale."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


class Reaper:
    """A shell process that ends a server and removes its directory once this process is gone, or says so."""

    # $1: the directory. `read` returns at the newline that `finish` sends, or at the pipe's end.
    SCRIPT = """
    read -r _
    pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && [ -n "$pid" ] && kill -QUIT "$pid" 2>/dev/null
    tries=0
    while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 50 ]; do
        tries=$((tries + 1)); sleep 0.1
    done
    [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null
    rm -rf "$1"
    """

    def __init__(self, user: ServerUser, directory: Path) -> None:
        read_end, self._write_end = os.pipe()
        try:
            self._process = user.spawn(
                ["/bin/sh", "-c", self.SCRIPT, "stepwell-postgres-reaper", str(directory)],
                cwd=Path("/"), stdin=read_end, output=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError:
            os.close(self._write_end)
            raise
        finally:
            os.close(read_end)

    def finish(self) -> None:
        """Have it done now, and wait for it (at most about 5 s)."""
        # Closing alone is not enough: children that this process forked hold the pipe's end too.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._write_end, b"\n")
        os.close(self._write_end)
        self._process.wait()
