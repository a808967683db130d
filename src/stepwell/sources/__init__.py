"""Where a `@transaction` runs: the engine's own database by default, or one of these.

from stepwell import Postgres, SQLAlchemy, Django, SQLite, transaction

@transaction(source=Postgres("postgresql://localhost/billing"))
def bill(conn: psycopg.Connection, order_id: str) -> int: ...
"""

from stepwell.sources.declared import Database, Django, Postgres, SQLAlchemy, SQLite

__all__ = ["Database", "Django", "Postgres", "SQLAlchemy", "SQLite"]
