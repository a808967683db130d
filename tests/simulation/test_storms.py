"""Several processes, and everything that goes wrong: the promises hold for every seed.

A seed that fails fails again: `simulate(calls(...), seeds=[seed])`.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from stepwell import Settings
from stepwell.testing import PostgresServer, Trouble, simulate
from tests.simulation.workload import calls, def_calls

#: More of everything, until nothing is quiet for ten seconds.
STORM = Trouble(
    deaths_every=9,
    pauses_every=12,
    restarts_every=25,
    clock_jumps_every=40,
    cancels_every=20,
    lost_before=0.03,
    lost_after=0.03,
    late=0.03,
    contention=0.05,
    slow=0.06,
)


@pytest.mark.parametrize("tens", range(10))
def test_trouble(tens: int) -> None:
    report = simulate(calls(18), seeds=range(tens * 10, tens * 10 + 10))
    assert report.seeds == 10
    assert report.faults > 50 < report.takeovers + report.restarts + report.pauses + report.faults


@pytest.mark.parametrize("tens", range(3))
def test_storm(tens: int) -> None:
    report = simulate(calls(26), seeds=range(tens * 10, tens * 10 + 10), trouble=STORM)
    assert report.takeovers > 20
    assert report.repeated > 10


def test_parked_runs() -> None:
    """With little room, async runs park too, and are replayed."""
    settings = Settings(migrate=False, max_async=6)
    simulate(calls(26), seeds=range(5), trouble=STORM, settings=settings)


def test_threads() -> None:
    report = simulate(def_calls(12), seeds=range(4))
    assert report.bodies > 100


def test_postgres(postgres_server: PostgresServer) -> None:
    database = postgres_server.create_database("stepwell_storms")
    try:
        simulate(calls(13), seeds=range(2), database=database)
    finally:
        postgres_server.drop_database("stepwell_storms")


def test_a_seed_is_the_same_run_again() -> None:
    """In this process, and in one with another order of hashes."""
    trace = simulate(calls(13), seeds=[7], trouble=STORM).traces[7]
    assert simulate(calls(13), seeds=[7], trouble=STORM).traces[7] == trace
    program = (
        "import logging; logging.disable(logging.CRITICAL)\n"
        "from tests.simulation.test_storms import *\n"
        "print(*simulate(calls(13), seeds=[7], trouble=STORM).traces[7], sep='\\n')"
    )
    root = Path(__file__).parents[2]
    environment = {"PYTHONPATH": f"{root / 'src'}:{root}", "PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.splitlines() == trace


# -- longer ones --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("hundreds", range(1, 11))
def test_long_storm(hundreds: int) -> None:
    simulate(calls(40), seeds=range(hundreds * 100, hundreds * 100 + 40), trouble=STORM)


@pytest.mark.slow
@pytest.mark.parametrize("tens", range(1, 5))
def test_long_trouble_with_threads(tens: int) -> None:
    simulate(def_calls(16), seeds=range(tens * 10, tens * 10 + 10), trouble=STORM)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 16))
def test_long_trouble_on_postgres(seed: int, postgres_server: PostgresServer) -> None:
    database = postgres_server.create_database(f"stepwell_storms_{seed}")
    try:
        simulate(calls(26), seeds=[seed], trouble=STORM, database=database)
    finally:
        postgres_server.drop_database(f"stepwell_storms_{seed}")
