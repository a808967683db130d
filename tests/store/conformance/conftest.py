"""A fresh, migrated database of each kind for each test, with a clock that the test moves."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from stepwell.store.api import Store, StoreIdentity
from stepwell.testing import PostgresServer
from tests.store.conformance.databases import Database, PostgresDatabase, SQLiteDatabase
from tests.store.conformance.kit import World


@pytest.fixture(scope="session")
def conformance_database(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """One Postgres database of this worker, for this suite alone: it has a clock of its own."""
    name = f"stepwell_conformance_{uuid.uuid4().hex[:12]}"
    database = PostgresDatabase(postgres_server.create_database(name))
    yield database
    database.close()
    postgres_server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database of one kind; what it holds is settled by `world` or `empty`."""
    if request.param == "sqlite":
        return SQLiteDatabase(tmp_path / "stepwell.db")
    found: Database = request.getfixturevalue("conformance_database")
    return found


@pytest.fixture
def empty(database: Database) -> Database:
    """The same without any table of ours."""
    database.wipe()
    return database


@pytest.fixture
async def store_factory(database: Database) -> AsyncIterator[Callable[[StoreIdentity], Awaitable[Store]]]:
    """Opens stores on the test's database, and closes them with the test."""
    async with AsyncExitStack() as stack:

        async def opened(identity: StoreIdentity) -> Store:
            store = database.store(identity)
            stack.push_async_callback(store.close)
            await store.open()
            return store

        yield opened


@pytest.fixture
async def world(database: Database, store_factory: Callable[[StoreIdentity], Awaitable[Store]]) -> World:
    """One process on a migrated database in which nothing has happened yet."""
    await database.prepare()
    return World(await store_factory(StoreIdentity()), database.clock, store_factory)
