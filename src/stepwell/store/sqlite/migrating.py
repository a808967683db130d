"""Migrations: numbered files, applied in order and in one transaction."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from stepwell.store.api import MigrationState
from stepwell.store.sqlite.connection import PACKAGE, Session


@dataclass(slots=True, frozen=True)
class Migration:
    """One file `NNNN_name.sql`, opened by `-- kind: pre|post`."""

    number: int
    name: str
    kind: str
    text: str


def known() -> list[Migration]:
    """All migrations of this release, in order."""
    return [_parse(file.stem, file.read_text("utf-8")) for file in sorted(PACKAGE.glob("migrations/*.sql"))]


def _parse(name: str, text: str) -> Migration:
    kind = text.splitlines()[0].removeprefix("-- kind: ")
    if kind not in ("pre", "post"):
        raise ValueError(f"migration {name} does not begin with '-- kind: pre' or '-- kind: post'")
    return Migration(int(name.split("_")[0]), name, kind, text)


def migrate(db: Session) -> list[str]:
    """Apply what is missing; the write lock keeps others out. Returns the names applied."""
    db.run("migrations/create")
    applied = _applied(db)
    missing = [migration for migration in known() if migration.number not in applied]
    for migration in missing:
        for statement in _statements(migration.text):
            db.connection.execute(statement)
        db.run("migrations/record", (migration.number, migration.name, migration.kind))
    return [migration.name for migration in missing]


def states(db: Session) -> list[MigrationState]:
    """All known migrations, applied or not; works on an empty file."""
    applied = _applied(db) if db.one("migrations/exists") else {}
    return [MigrationState(m.number, m.name, m.kind, applied.get(m.number)) for m in known()]


def _applied(db: Session) -> dict[int, float]:
    return dict(db.rows("migrations/applied"))


def _statements(text: str) -> Iterator[str]:
    """One statement after the other: `executescript` would commit the transaction that we are in."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
