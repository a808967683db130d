"""What is dangerous about how this file is used, in words."""

import sqlite3

from stepwell.store.sqlite.connection import Session

#: What the statements need: STRICT tables and UPDATE ... FROM with RETURNING; tested with this one.
OLDEST_SQLITE = (3, 37, 0)


def warnings(db: Session, synchronous: str) -> list[str]:
    """Every danger as one sentence; empty is good."""
    found = []
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        found.append(f"SQLite {sqlite3.sqlite_version} is too old: at least 3.37 is needed")
    if synchronous == "OFF":
        found.append("synchronous=OFF: a crash of the machine may corrupt the file")
    elif synchronous == "NORMAL":
        found.append("synchronous=NORMAL: a crash of the machine may lose the last seconds of recorded steps")
    mode = db.connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != "wal":
        found.append(f"journal_mode={mode}, not wal: readers and writers block each other; run the migrations")
    return found
