"""The Postgres that is measured on: its default durability, and statement counts where it has them."""

import os
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from stepwell.testing import PostgresServer, PostgresStartError, TemporaryPostgres

#: Use this server instead of a private one (a superuser's URL); databases are created on it and dropped.
URL_VARIABLE = "STEPWELL_BENCH_POSTGRES_URL"
SETTINGS: dict[str, str | int | bool] = {"max_connections": 300}
COUNTING: dict[str, str | int | bool] = {
    "shared_preload_libraries": "pg_stat_statements",
    # Counting is switched on per database, by the one row that counts.
    "pg_stat_statements.track": "none",
}


class MeasuredServer:
    """A private server, or the one of STEPWELL_BENCH_POSTGRES_URL; refuses one that is not durable."""

    def __init__(self) -> None:
        self._server: PostgresServer = PostgresServer(os.environ.get(URL_VARIABLE, ""))
        self._private: TemporaryPostgres | None = None
        self.counts_statements = False

    def __enter__(self) -> Self:
        if not self._server.url:
            self._server = self._private = _start()
        self._refuse_unless_durable()
        libraries = str(self._server.execute("show shared_preload_libraries")[0][0])
        self.counts_statements = "pg_stat_statements" in libraries
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._private is not None:
            self._private.stop()

    @property
    def version(self) -> str:
        return str(self._server.execute("show server_version")[0][0])

    def create_database(self, name: str) -> str:
        return self._server.create_database(name)

    def drop_database(self, url: str) -> None:
        self._server.drop_database(_name_of(url))

    def count_statements(self, url: str) -> None:
        """Switch pg_stat_statements on for connections to this database that are opened from now on."""
        if self.counts_statements:
            name = _name_of(url)
            self._server.execute("create extension if not exists pg_stat_statements", database=name)
            self._server.execute(f"alter database \"{name}\" set pg_stat_statements.track = 'top'")

    def _refuse_unless_durable(self) -> None:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            value = self._server.execute(f"show {setting}")[0][0]
            if value != "on":
                raise RuntimeError(f"{setting} is {value} on this server: a benchmark without durability is none")


def _start() -> TemporaryPostgres:
    try:
        return TemporaryPostgres(settings={**SETTINGS, **COUNTING}).start()
    except PostgresStartError:  # a server without the contrib module
        return TemporaryPostgres(settings=SETTINGS).start()


def _name_of(url: str) -> str:
    return urlsplit(url).path.lstrip("/")
