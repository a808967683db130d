"""The write-ahead log does not grow for ever, whoever reads the file."""

import sqlite3
from pathlib import Path

import pytest

from stepwell.model.rows import NewRun
from stepwell.store.api import StoreIdentity
from stepwell.store.sqlite import SQLiteStore, connection, store
from tests.store.conformance.kit import draw

LIMIT = 256 * 1024


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints by SQLite itself every 32 pages, and a log of 256 KiB counts as large."""
    monkeypatch.setattr(connection, "CHECKPOINT_PAGES", 32)
    monkeypatch.setattr(connection, "WAL_LIMIT", LIMIT)
    monkeypatch.setattr(store, "WAL_LIMIT", LIMIT)
    monkeypatch.setattr(store, "WAL_PATIENCE", 0.02)


async def write(target: SQLiteStore) -> None:
    """About a megabyte, in a hundred commits."""
    for _ in range(100):
        run_id = draw()
        await target.start([NewRun(run_id, str(run_id), "w", "w||", "ENQUEUED", None, "x" * 10_000, "d")])


async def test_it_is_cut_back_once_the_readers_have_gone(tmp_path: Path) -> None:
    path = tmp_path / "stepwell.db"
    log = tmp_path / "stepwell.db-wal"
    target = SQLiteStore(path, StoreIdentity())
    await target.migrate()
    await target.open()
    await write(target)
    assert log.stat().st_size < LIMIT, "without a reader SQLite begins it anew by itself"
    assert await target.tidy() is None
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM workflow_status").fetchall()
    await write(target)
    grown = log.stat().st_size
    assert grown > 4 * LIMIT
    told = await target.tidy()
    assert told is not None
    assert "stepwell.db-wal has grown" in told
    reader.execute("COMMIT")
    assert log.stat().st_size == grown, "nobody cuts it back by itself"
    assert await target.tidy() is None
    assert log.stat().st_size == 0
    await write(target)
    reader.close()
    await target.close()
