"""The one table from SQLite's result codes to the kinds of fault that `core` has rules for.

Only names that SQLite itself reports are listed; extended codes (SQLITE_IOERR_FSYNC) fall under the
longest listed name that they begin with. What is not listed is UNKNOWN: tried a few times, then BLOCKED.
"""

import sqlite3

from stepwell.store.faults import FaultKind, StoreFault

KINDS: dict[str, FaultKind] = {
    # Somebody else writes. Nothing was done; ask again.
    "SQLITE_BUSY": FaultKind.CONTENTION,
    "SQLITE_LOCKED": FaultKind.CONTENTION,
    "SQLITE_PROTOCOL": FaultKind.CONTENTION,
    "SQLITE_INTERRUPT": FaultKind.CONTENTION,
    # The machine must be mended first: pause, keep the runs, say so.
    "SQLITE_FULL": FaultKind.ENVIRONMENT,
    "SQLITE_IOERR": FaultKind.ENVIRONMENT,
    "SQLITE_READONLY": FaultKind.ENVIRONMENT,
    "SQLITE_CANTOPEN": FaultKind.ENVIRONMENT,
    "SQLITE_PERM": FaultKind.ENVIRONMENT,
    "SQLITE_AUTH": FaultKind.ENVIRONMENT,
    "SQLITE_SCHEMA": FaultKind.ENVIRONMENT,
    "SQLITE_NOMEM": FaultKind.CONNECTION,
    # A value that SQLite refuses, now and for ever.
    "SQLITE_TOOBIG": FaultKind.PAYLOAD,
    # The file is no longer a database: nothing that we do makes it better.
    "SQLITE_CORRUPT": FaultKind.UNKNOWN,
    "SQLITE_NOTADB": FaultKind.UNKNOWN,
}

#: After these the connection is thrown away: a new one sees a mended disk, a restored file.
BROKEN = frozenset({FaultKind.ENVIRONMENT, FaultKind.CONNECTION, FaultKind.UNKNOWN})

#: SQLite reports a missing table as a plain SQLITE_ERROR; only its text tells.
_MISSING_SCHEMA = ("no such table", "no such column", "no such view", "has no column named")

#: What Python's binding raises itself, before SQLite sees the value.
REFUSED_VALUES = (OverflowError, UnicodeEncodeError)


def fault_of(error: Exception, *, committing: bool = False) -> StoreFault:
    """The fault for one exception of the driver.

    `committing`: COMMIT itself failed, so the rows may have reached the disk all the same, unless
    SQLite says that it refused (busy, full).
    """
    code: str = getattr(error, "sqlite_errorname", "") or ""
    kind = _kind(error, code)
    refused = code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL"))
    return StoreFault(kind, _message(error, code), code=code, ambiguous=committing and not refused)


def _kind(error: Exception, code: str) -> FaultKind:
    if isinstance(error, REFUSED_VALUES):
        return FaultKind.PAYLOAD
    kind = kind_of_name(code)
    if kind is FaultKind.UNKNOWN and any(text in str(error) for text in _MISSING_SCHEMA):
        return FaultKind.ENVIRONMENT
    return kind


def kind_of_name(name: str) -> FaultKind:
    """The kind of one of SQLite's error names."""
    while name:
        if name in KINDS:
            return KINDS[name]
        name = name.rpartition("_")[0]
    return FaultKind.UNKNOWN


def _message(error: Exception, code: str) -> str:
    """SQLite's own words; never the text of a Python binding error, which may quote the value."""
    if isinstance(error, REFUSED_VALUES):
        return f"SQLite cannot hold a value of this batch ({type(error).__name__})"
    if isinstance(error, sqlite3.OperationalError) and "Could not decode" in str(error):
        return "a stored text is not UTF-8"
    return f"{error} ({code})" if code else str(error)
