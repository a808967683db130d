"""The write-ahead log stays bounded.

SQLite copies the log into the file by itself every `CHECKPOINT_PAGES`, and begins it anew when no reader needs what it
holds. Readers that overlap without a gap, or one that stays for hours, keep it from that, and the log grows with every
commit. Then somebody has to insist: a TRUNCATE checkpoint holds new writers back until the readers of now have gone.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from stepwell.store.sqlite.errors import fault_of


def cut_back(path: Path, limit: int, opener: Callable[[], sqlite3.Connection]) -> str | None:
    """Empty the log if it is larger than `limit` bytes; what keeps it from that, in words. Raises StoreFault.

    Waits for readers as long as the connection's busy timeout allows, with the writers waiting behind it.
    """
    log = path.with_name(path.name + "-wal")
    try:
        if log.stat().st_size <= limit:
            return None
    except FileNotFoundError:
        return None
    try:
        connection = opener()
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()
        size = log.stat().st_size
    except FileNotFoundError:
        return None  # ours was the last connection: closing it has removed the log
    except sqlite3.Error as error:
        raise fault_of(error) from error
    if size <= limit:
        return None
    return (
        f"{log.name} has grown to {size // 2**20} MB: some program reads the file without a pause, or keeps a "
        "transaction open on it"
    )
