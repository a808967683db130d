"""Where one test happens: a database of either kind, and a file of effects that no database rolls back."""

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg


@dataclass(frozen=True, slots=True)
class Recorded:
    """One row of the database's memory, as a test compares it with what was done."""

    workflow: str
    name: str
    place: str
    epoch: int
    pos: int
    ended: str


class Place:
    """A database's URL, a directory, and what was done there."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory
        self.effects_file = directory / "effects"

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    def effects(self) -> list[list[Any]]:
        """All traces, [pid, *words], in the order in which they were left."""
        if not self.effects_file.exists():
            return []
        return [json.loads(line) for line in self.effects_file.read_text().splitlines()]

    def count_effects(self) -> Counter[tuple[Any, ...]]:
        """How often each thing was done, whoever did it."""
        return Counter(tuple(words) for _, *words in self.effects())

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """One statement in autocommit. Tables are named without their schema."""
        if self.is_sqlite:
            file = urlsplit(self.url).path.removeprefix("/")
            connection = sqlite3.connect(file, isolation_level=None, timeout=30)
            try:
                return connection.execute(statement).fetchall()
            finally:
                connection.close()
        with psycopg.connect(self.url, autocommit=True, options="-c search_path=stepwell") as session:
            cursor = session.execute(statement.encode())
            return cursor.fetchall() if cursor.description is not None else []

    def recorded(self) -> list[Recorded]:
        """Every recorded operation of every run, in the order of delivery."""
        rows = self.sql(
            "select w.workflow_id, o.name, o.branch, o.seq, o.epoch, o.pos, o.ended from operation_outputs o"
            " join workflow_status w on w.run_id = o.run_id order by w.workflow_id, o.pos"
        )
        return [
            Recorded(workflow, name, f"{branch}:{seq}", epoch, pos, ended)
            for workflow, name, branch, seq, epoch, pos, ended in rows
        ]

    def statuses(self) -> Counter[str]:
        """How many runs stand where."""
        return Counter(status for (status,) in self.sql("select status from workflow_status"))

    def run(self, workflow_id: str) -> "Run":
        """How this run stands now."""
        (row,) = self.sql(
            "select status, epoch, attempts, recoveries, reason from workflow_status"
            f" where workflow_id = '{workflow_id}'"
        )
        return Run(*row)

    def forged(self, workflow_id: str) -> None:
        """Somebody has written into the row of this run what nobody can read."""
        self.sql(f"update workflow_status set input = '[[1' where workflow_id = '{workflow_id}'")


@dataclass(frozen=True, slots=True)
class Run:
    """How a run stands."""

    status: str
    epoch: int
    attempts: int
    recoveries: int
    reason: str | None


def eventually(condition: Callable[[], object], timeout: float = 30.0, every: float = 0.05) -> None:
    """Return when the condition holds. Only for what no worker can say: what other processes left in the database."""
    ends = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > ends:
            raise AssertionError(f"not within {timeout:g} s")
        time.sleep(every)
