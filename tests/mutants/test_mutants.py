"""Every rule of the protocol, broken, is noticed; unbroken, nothing is.

`python -m tests.mutants` prints which scenario catches which mutant.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from stepwell.testing import PostgresServer
from stepwell.testing.logs import errors_logged
from tests.mutants import scenarios
from tests.mutants.fact_mutants import FACT_MUTANTS
from tests.mutants.mutants import MUTANTS, Mutant, Scenario
from tests.mutants.queue_mutants import QUEUE_MUTANTS

#: A minute and a half on Postgres: `make soak` runs those. On SQLite most are part of every test run.
on_postgres = pytest.mark.slow

EVERY = [*MUTANTS, *FACT_MUTANTS, *QUEUE_MUTANTS]
SCENARIOS = sorted({mutant.caught_by for mutant in EVERY}, key=lambda scenario: scenario.__name__)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The log of a broken engine is no news."""
    with errors_logged():
        yield


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    name = f"stepwell_mutants_{uuid.uuid4().hex[:12]}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


#: They crash at every call and see nothing before the last.
LONG = ("crashes", "crashes_in_threads", "at_most_once", "talk", "announcing", "cancelling")


def seldom(scenario: Scenario) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow] if scenario.__name__ in LONG else []


def among(store: str) -> list[Any]:
    """Those of a store; one that takes longer than three seconds is for `make soak`."""
    found = [each for each in EVERY if each.store == store]
    return [pytest.param(each, marks=[pytest.mark.slow] if each.seldom else [], id=str(each)) for each in found]


@pytest.mark.parametrize("mutant", among("sqlite"))
def test_it_is_noticed(mutant: Mutant) -> None:
    with mutant.broken(), pytest.raises(AssertionError):
        mutant.caught_by(None)


@on_postgres
@pytest.mark.parametrize("mutant", among("postgres"))
def test_it_is_noticed_on_postgres(mutant: Mutant, database: str) -> None:
    with mutant.broken(), pytest.raises(AssertionError):
        mutant.caught_by(database)


@pytest.mark.parametrize("scenario", [pytest.param(each, marks=seldom(each), id=each.__name__) for each in SCENARIOS])
def test_nothing_is_wrong_without_a_mutant(scenario: Scenario) -> None:
    scenario(None)


@on_postgres
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_nothing_is_wrong_on_postgres_either(scenario: Scenario, database: str) -> None:
    scenario(database)


@pytest.mark.slow
def test_the_storm_passes_too() -> None:
    scenarios.storm()
