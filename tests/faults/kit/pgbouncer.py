"""PgBouncer before a server, in transaction mode: every transaction may get another server connection."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import psycopg

from stepwell.testing.postgres_process import ServerUser, free_port, make_directory, server_user
from tests.faults.kit.places import eventually


class PgBouncer:
    """`program` in front of the database of `url`, with fewer server connections than clients."""

    def __init__(self, program: str, url: str, *, pool_size: int) -> None:
        parts = urlsplit(url)
        self._program = program
        self._user: ServerUser = server_user()
        self._port = free_port()
        self.url = parts._replace(netloc=f"anybody@127.0.0.1:{self._port}").geturl()
        login = f"user={parts.username} password={unquote(parts.password or '')}"
        self._configuration = f"""
[databases]
{parts.path[1:]} = host={parts.hostname} port={parts.port or 5432} {login}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self._port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
server_check_delay = 0
"""
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._directory = make_directory(self._user)
        file = self._directory / "pgbouncer.ini"
        file.write_text(self._configuration)
        self._user.own(file)
        self._process = self._user.spawn(
            [self._program, str(file)], cwd=self._directory, stdin=subprocess.DEVNULL, output=subprocess.DEVNULL
        )
        eventually(self._answers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        if self._directory is not None:
            (self._directory / "pgbouncer.ini").unlink()
            self._directory.rmdir()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "pgbouncer has ended"
        try:
            psycopg.connect(self.url, autocommit=True).close()
        except psycopg.OperationalError:
            return False
        return True
