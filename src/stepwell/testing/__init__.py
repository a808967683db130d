"""What tests of durable workflows need: a real Postgres server of their own, and more as it comes.

    from stepwell.testing import TemporaryPostgres

    with TemporaryPostgres(fsync=False) as postgres:
        engine = Stepwell(postgres.create_database("shop"))
"""

from stepwell.testing.postgres import TemporaryPostgres
from stepwell.testing.postgres_binaries import PostgresNotFound
from stepwell.testing.postgres_process import PostgresStartError
from stepwell.testing.postgres_server import PostgresServer

__all__ = ["PostgresNotFound", "PostgresServer", "PostgresStartError", "TemporaryPostgres"]
