"""A database of each kind for each test, and engines on it that are closed with the test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from stepwell import Stepwell
from stepwell.testing import PostgresServer
from tests.engine.kit import Lab
from tests.fixtures.postgres import connections_left


@pytest.fixture(scope="session")
def engine_database(postgres_server: PostgresServer) -> Iterator[str]:
    """One database of this worker: emptying it is much faster than a new one for each test."""
    name = f"stepwell_engine_{uuid.uuid4().hex[:12]}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of one kind; a test that leaves a connection open fails."""
    if request.param == "sqlite":
        # OFF: no test here turns the power off.
        yield f"sqlite:///{tmp_path}/stepwell.db?synchronous=OFF"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url: str = request.getfixturevalue("engine_database")
    yield url
    left = connections_left(server, url)
    empty(url)
    if left:
        pytest.fail("the test left connections open: " + "; ".join(left), pytrace=False)


def empty(url: str) -> None:
    """Delete everything but the schema."""
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'stepwell' AND tablename <> 'migrations'"
        )
        for (table,) in tables.fetchall():
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier("stepwell", table)))


@pytest.fixture
def lab(database_url: str) -> Iterator[Lab]:
    """Makes engines."""
    lab = Lab(database_url)
    yield lab
    lab.close()


@pytest.fixture
def engine(lab: Lab) -> Stepwell:
    """One that runs, on a loop of its own."""
    return lab.launch()
