"""A database with the schema in it, an engine that serves, and a role that may only call."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import conninfo

from stepwell import Settings, Stepwell
from stepwell.store.open import client_grants
from stepwell.testing import PostgresServer
from tests.engine.conftest import empty
from tests.engine.kit import QUICK, Lab
from tests.fixtures.postgres import connections_left


@pytest.fixture(scope="session")
def sql_database(postgres_server: PostgresServer) -> Iterator[str]:
    """One database of this worker's, with the schema."""
    name = f"stepwell_sql_{uuid.uuid4().hex[:12]}"
    url = postgres_server.create_database(name)
    with Stepwell(url, settings=Settings(**QUICK)):
        pass
    yield url
    postgres_server.drop_database(name)


@pytest.fixture
def database_url(postgres_server: PostgresServer, sql_database: str) -> Iterator[str]:
    """That database, with nothing in it."""
    yield sql_database
    left = connections_left(postgres_server, sql_database)
    empty(sql_database)
    if left:
        pytest.fail("the test left connections open: " + "; ".join(left), pytrace=False)


@pytest.fixture
def lab(database_url: str) -> Iterator[Lab]:
    """Makes engines."""
    lab = Lab(database_url)
    yield lab
    lab.close()


@pytest.fixture
def engine(lab: Lab) -> Stepwell:
    """One that runs."""
    return lab.launch()


@pytest.fixture
def sql(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection of the schema's owner."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def client(postgres_server: PostgresServer, database_url: str, sql: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A connection of a role that has what `stepwell db sql --client-role` grants, and no more."""
    role = f"client_{uuid.uuid4().hex[:12]}"
    login = conninfo.conninfo_to_dict(postgres_server.create_role(role))
    sql.execute(client_grants(database_url, "stepwell", role).encode())
    url = conninfo.make_conninfo(database_url, user=role, password=str(login["password"]))
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
    sql.execute(f"drop owned by {role}".encode())
    sql.execute(f"drop role {role}".encode())
