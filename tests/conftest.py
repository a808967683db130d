"""What every test may ask for, and what is asked of every test.

- `postgres_url`: a new, empty database. `postgres_database`: one database of this worker, for suites that
  clean up after themselves. `postgres_server`: the server that both are on. `private_postgres`: a server
  that one test may restart and crash. See tests/fixtures/postgres.py.
- A test that leaves threads, tasks or connections behind fails. See tests/fixtures/leaks.py.
"""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.fixtures.leaks import no_leaked_tasks, no_leaked_tasks_on_loop, no_leaked_threads
from tests.fixtures.postgres import postgres_database, postgres_server, postgres_url, private_postgres
from tests.fixtures.scheduling import FilesTogether

__all__ = [
    "no_leaked_tasks",
    "no_leaked_tasks_on_loop",
    "no_leaked_threads",
    "postgres_database",
    "postgres_server",
    "postgres_url",
    "private_postgres",
]

# A shell that runs the tests in the background has them ignore SIGINT, and so would every process that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A loaded machine is not a failing test: no deadline per example. On CI the examples are the same each time.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FilesTogether:
    """How tests are handed to workers, whatever --dist says."""
    return FilesTogether(config, log)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Names without addresses: the workers of pytest-xdist must collect the same ones."""
    return f"{argname}-{type(val).__name__}" if " at 0x" in repr(val) else None
