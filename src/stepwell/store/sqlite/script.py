"""A migration as a script for the sqlite3 shell: for those whose engines may not run DDL (`stepwell db sql`)."""

from stepwell.store.sqlite.connection import SQL
from stepwell.store.sqlite.migrating import known

#: Unix seconds without a function of ours, which the shell does not have.
_NOW = "(julianday('now') - 2440587.5) * 86400.0"


def scripts() -> dict[int, str]:
    """By number: what `migrate` would run, with the note that it was run."""
    found: dict[int, str] = {}
    for migration in known():
        values = f"{migration.number}, '{migration.name}', '{migration.kind}', {_NOW}"
        note = f"INSERT INTO migrations (number, name, kind, applied_at) VALUES ({values});"
        begin = "BEGIN IMMEDIATE;\n"
        if migration.number == 1:
            begin = f"PRAGMA journal_mode = WAL;\n{begin}\n{SQL['migrations/create'].strip()};\n"
        found[migration.number] = f"{begin}\n{migration.text.strip()}\n\n{note}\n\nCOMMIT;\n"
    return found
