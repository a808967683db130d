"""The parent's side of a measurement: the server, fresh databases, and children that use them up."""

import tempfile
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.protocol import Answer, Job, run_child
from bench.server import MeasuredServer
from bench.sizes import Sizes


class Lab:
    """A context manager around everything that a row needs."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.server = MeasuredServer()
        self._numbers = count(1)
        self._directory = tempfile.TemporaryDirectory(prefix="stepwell-bench-")
        self._kept: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)
        self._directory.cleanup()

    def fresh_database(self, system: str) -> str:
        """The URL of a new, empty database on the server."""
        return self.server.create_database(f"{system}_{next(self._numbers)}")

    def fresh_file(self, system: str) -> str:
        """The SQLite URL of a file that is not there yet."""
        return f"sqlite:///{Path(self._directory.name) / f'{system}_{next(self._numbers)}.db'}"

    def kept(self, key: str) -> str | None:
        """The URL that was kept under `key`, for rows that fill a database once and use it every round."""
        return self._kept.get(key)

    def keep(self, key: str, url: str) -> None:
        self._kept[key] = url

    def child(
        self,
        system: str,
        task: str,
        *,
        url: str | None = None,
        kill_after_answer: bool = False,
        **params: Any,
    ) -> Answer:
        """Have one measurement made; without `url` on a fresh database that is dropped afterwards."""
        database = url if url is not None else self.fresh_database(system)
        job = Job(system=system, task=task, url=database, params=params)
        try:
            return run_child(job, timeout=self.sizes.child_timeout, kill_after_answer=kill_after_answer)
        finally:
            if url is None:
                self.server.drop_database(database)
