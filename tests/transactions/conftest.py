"""A database of each kind with a table of the user's, and engines on it that are closed with the test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwell.testing import PostgresServer
from tests.engine.conftest import empty
from tests.engine.kit import Lab
from tests.fixtures.postgres import connections_left
from tests.transactions import bodies
from tests.transactions.kit import Home


@pytest.fixture(autouse=True)
def forget_bodies() -> Iterator[None]:
    """What a test has said of its bodies ends with it."""
    bodies.forget()
    yield
    bodies.forget()


@pytest.fixture(scope="session")
def ledger_database(postgres_server: PostgresServer) -> Iterator[str]:
    """One database of this worker, with the user's table."""
    name = f"stepwell_ledger_{uuid.uuid4().hex[:12]}"
    url = postgres_server.create_database(name)
    Home(url).create_ledger()
    yield url
    postgres_server.drop_database(name)


@pytest.fixture
def postgres_home(postgres_server: PostgresServer, ledger_database: str) -> Iterator[Home]:
    """A Postgres database with an empty ledger; a test that leaves a connection open fails."""
    home = Home(ledger_database)
    lab = home.lab = Lab(ledger_database)
    yield home
    lab.close()
    left = connections_left(postgres_server, ledger_database)
    empty_or_not(home)
    if left:
        pytest.fail("the test left connections open: " + "; ".join(left), pytrace=False)


def empty_or_not(home: Home) -> None:
    """Everything but the tables."""
    home.execute("TRUNCATE ledger")
    if home.execute("SELECT to_regclass('stepwell.migrations') IS NOT NULL")[0][0]:
        empty(home.url)


@pytest.fixture
def sqlite_home(tmp_path: Path) -> Iterator[Home]:
    """A SQLite file with an empty ledger."""
    home = Home(f"sqlite:///{tmp_path}/home.db?synchronous=OFF")
    home.create_ledger()
    home.lab = Lab(home.url)
    yield home
    home.lab.close()


@pytest.fixture(params=["sqlite", "postgres"])
def home(request: pytest.FixtureRequest) -> Home:
    """Either."""
    found: Home = request.getfixturevalue(f"{request.param}_home")
    return found
