"""Engines on each kind of database, and worlds whose time the test moves."""

from collections.abc import Iterator

import pytest

from stepwell.testing.simulated_database import SimulatedDatabase, simulated_database
from stepwell.testing.world import World
from tests.engine.conftest import database_url, engine, engine_database, lab
from tests.schedules.kit import SETTINGS

__all__ = ["database_url", "engine", "engine_database", "lab"]


@pytest.fixture(params=["sqlite", "postgres"])
def simulated(request: pytest.FixtureRequest) -> Iterator[SimulatedDatabase]:
    """A database whose clock is the world's."""
    url = None if request.param == "sqlite" else request.getfixturevalue("engine_database")
    database = simulated_database(url)
    yield database
    database.close()


@pytest.fixture
def world(simulated: SimulatedDatabase) -> Iterator[World]:
    """Processes on it, in virtual time."""
    with World(simulated, seed=1, settings=SETTINGS) as world:
        yield world
