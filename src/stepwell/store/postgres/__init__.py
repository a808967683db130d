"""The Postgres store."""

from stepwell.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
