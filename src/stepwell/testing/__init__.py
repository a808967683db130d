"""What tests of durable workflows need: a real Postgres server of their own, crashes at every point, and storms.

::

    from stepwell.testing import TemporaryPostgres, crash_everywhere, simulate

    with TemporaryPostgres(fsync=False) as postgres:
        engine = Stepwell(postgres.create_database("shop"))

    crash_everywhere(checkout.bind("o-1"))                             # die at each call to the database
    simulate([checkout.bind(f"o-{n}") for n in range(20)], seeds=range(50))   # several processes, much trouble
"""

from stepwell.testing.crash import Crash, CrashFailure, CrashReport, crash_everywhere
from stepwell.testing.postgres import TemporaryPostgres
from stepwell.testing.postgres_binaries import PostgresNotFound
from stepwell.testing.postgres_process import PostgresStartError
from stepwell.testing.postgres_server import PostgresServer
from stepwell.testing.simulation import SimulationFailure, SimulationReport, simulate
from stepwell.testing.trouble import Trouble

__all__ = [
    "Crash",
    "CrashFailure",
    "CrashReport",
    "PostgresNotFound",
    "PostgresServer",
    "PostgresStartError",
    "SimulationFailure",
    "SimulationReport",
    "TemporaryPostgres",
    "Trouble",
    "crash_everywhere",
    "simulate",
]
