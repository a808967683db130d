"""The store that lives in one SQLite file."""

from stepwell.store.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
