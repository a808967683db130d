"""The command line in two forms: in this process for what it prints, as a program for what it does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwell import Client, Settings, Stepwell
from tests.cli.kit import Cli, Program


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of one kind."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """The URL of a SQLite file that is not there yet."""
    return sqlite_url(tmp_path)


@pytest.fixture
def cli(database: str) -> Cli:
    """Commands in this process, on `database`."""
    return Cli(database)


@pytest.fixture
def engine(database: str) -> Iterator[Stepwell]:
    """A running engine on `database`."""
    with Stepwell(database, settings=Settings(poll_interval=0.05)) as engine:
        yield engine


@pytest.fixture
def client(database: str) -> Iterator[Client]:
    """A client of `database`: what it starts stays ENQUEUED."""
    with Client(database) as client:
        yield client


@pytest.fixture
def program(sqlite: str, tmp_path: Path) -> Iterator[Program]:
    """`stepwell` as a program on a SQLite file, in the directory of `app/`."""
    program = Program(sqlite)
    yield program
    program.close()


def sqlite_url(directory: Path) -> str:
    # OFF: no test here turns the power off.
    return f"sqlite:///{directory / 'stepwell.db'}?synchronous=OFF"
