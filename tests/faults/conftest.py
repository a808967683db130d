"""Faults are tried with real processes, signals and databases; what the tests need for it is in tests/faults/kit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwell import Client
from tests.faults.kit.child import quick
from tests.faults.kit.places import Place
from tests.faults.kit.processes import Crew


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database of each kind. "private": of a server that the test may restart; it asks for `private_postgres` too."""
    if request.param == "sqlite":
        return Place(f"sqlite:///{tmp_path / 'runs.db'}", tmp_path)
    if request.param == "private":
        return Place(request.getfixturevalue("private_postgres").create_database("runs"), tmp_path)
    return Place(request.getfixturevalue("postgres_url"), tmp_path)


@pytest.fixture
def crew(place: Place) -> Iterator[Crew]:
    """Spawns worker processes, which end with the test."""
    crew = Crew(place)
    yield crew
    crew.end()


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    """Starts runs and looks at them, and executes none."""
    with Client(place.url, settings=quick()) as client:
        yield client
