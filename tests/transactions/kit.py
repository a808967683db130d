"""What the tests of transactions share: the user's database, seen from outside."""

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg

from stepwell import Handle, Stepwell
from tests.engine.kit import Lab


class Home:
    """A database with the user's table, and the engines on it."""

    lab: Lab

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    @property
    def path(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///").partition("?")[0])

    def launch(self, **options: Any) -> Stepwell:
        return self.lab.launch(**options)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """One statement in autocommit."""
        if self.is_sqlite:
            file = sqlite3.connect(self.path, isolation_level=None, timeout=30)
            try:
                return file.execute(statement).fetchall()
            finally:
                file.close()
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description is not None else []

    def create_ledger(self) -> None:
        self.execute("CREATE TABLE ledger (entry TEXT)")

    def ledger(self) -> Counter[str]:
        """How often each entry is there."""
        return Counter(entry for (entry,) in self.execute("SELECT entry FROM ledger"))

    def kept(self) -> int:
        """How many outcomes of other engines' transactions are here."""
        return int(self.execute("SELECT count(*) FROM stepwell_transactions")[0][0])


def outcomes(handle: Handle[Any]) -> list[tuple[str, str | None]]:
    """(kind, how it ended) of everything a run has recorded."""
    return [(step.kind, step.ended) for step in handle.steps()]


def the_run(engine: Stepwell) -> Handle[Any]:
    """The only run that there is."""
    (info,) = engine.find()
    return engine.handle(info.workflow_id)
