"""A Postgres store on a new database, and a bystander's connection to the same one."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from stepwell.store.api import StoreIdentity
from stepwell.store.postgres import PostgresStore

Bystander = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    """Migrated, open, on the server's real clock."""
    store = PostgresStore(postgres_url, StoreIdentity())
    await store.migrate()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def bystander(postgres_url: str) -> Iterator[Bystander]:
    """Somebody else's session on the same database, in autocommit."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection
