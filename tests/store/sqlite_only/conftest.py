"""SQLite stores on files of the test's own."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from stepwell.store.api import StoreIdentity
from stepwell.store.sqlite import SQLiteStore


class Opened(Protocol):
    async def __call__(self, **how: Any) -> SQLiteStore: ...


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stepwell.db"


@pytest.fixture
async def opened(path: Path) -> AsyncIterator[Opened]:
    """Opens stores on the test's file, migrated unless told otherwise; closes them with the test."""
    async with AsyncExitStack() as stack:

        async def open_one(*, migrated: bool = True, **how: Any) -> SQLiteStore:
            store = SQLiteStore(path, StoreIdentity(), **{"call_deadline": 0.1, **how})
            stack.push_async_callback(store.close)
            await store.open()
            if migrated:
                await store.migrate()
            return store

        yield open_one


@pytest.fixture
def outsider(path: Path) -> Iterator[Callable[[], sqlite3.Connection]]:
    """Plain connections to the same file, as another program has them."""
    connections: list[sqlite3.Connection] = []

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None)
        connections.append(connection)
        return connection

    yield connect
    for connection in connections:
        connection.close()
