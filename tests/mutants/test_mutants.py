"""Every rule of the protocol, broken, is noticed; unbroken, nothing is.

`python -m tests.mutants` prints which scenario catches which mutant.
"""

import uuid
from collections.abc import Iterator

import pytest

from stepwell.testing import PostgresServer
from stepwell.testing.logs import errors_logged
from tests.mutants import scenarios
from tests.mutants.mutants import MUTANTS, Mutant, Scenario

# A minute and a half: `make soak` runs them, and `python -m tests.mutants` prints who catches what.
pytestmark = pytest.mark.slow

SCENARIOS = sorted({mutant.caught_by for mutant in MUTANTS}, key=lambda scenario: scenario.__name__)


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


@pytest.mark.parametrize("mutant", [each for each in MUTANTS if each.store == "sqlite"], ids=str)
def test_it_is_noticed(mutant: Mutant) -> None:
    with mutant.broken(), pytest.raises(AssertionError):
        mutant.caught_by(None)


@pytest.mark.parametrize("mutant", [each for each in MUTANTS if each.store == "postgres"], ids=str)
def test_it_is_noticed_on_postgres(mutant: Mutant, database: str) -> None:
    with mutant.broken(), pytest.raises(AssertionError):
        mutant.caught_by(database)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_nothing_is_wrong_without_a_mutant(scenario: Scenario) -> None:
    scenario(None)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_nothing_is_wrong_on_postgres_either(scenario: Scenario, database: str) -> None:
    scenario(database)


def test_the_storm_passes_too() -> None:
    scenarios.storm()
