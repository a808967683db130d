"""Our words on a connection that the caller has opened: see `options(conn=...)`."""

from typing import Any

from stepwell.model.transactions import Kind
from stepwell.store.transactions import Query, Speaker


def speaker_on(connection: Any, kind: Kind) -> Speaker:
    """Says statements in whatever transaction is open on this connection."""
    return _Caller(connection, kind)


class _Caller:
    """The caller's connection. It is only borrowed: nothing here begins, commits, rolls back or closes."""

    def __init__(self, connection: Any, kind: Kind) -> None:
        self._connection = connection
        self._kind = kind

    @property
    def raw(self) -> Any:
        connection = self._connection
        if self._kind is Kind.SQLALCHEMY_SESSION:
            connection = connection.connection()
        if self._kind in (Kind.SQLALCHEMY, Kind.SQLALCHEMY_SESSION):
            return connection.connection.dbapi_connection
        if self._kind is Kind.DJANGO:
            connection.ensure_connection()
            return connection.connection
        return connection

    async def run(self, query: Query) -> list[tuple[Any, ...]]:
        """The rows of a statement, for Postgres."""
        connection, kind = self._connection, self._kind
        if kind is Kind.PSYCOPG:
            from stepwell.sources.with_psycopg import run as run_psycopg

            return run_psycopg(connection, query)
        if kind is Kind.PSYCOPG_ASYNC:
            from stepwell.sources.with_psycopg import run_async as run_psycopg_async

            return await run_psycopg_async(connection, query)
        if kind is Kind.ASYNCPG:
            from stepwell.sources.with_asyncpg import run_async as run_asyncpg

            return await run_asyncpg(connection, query)
        if kind is Kind.DJANGO:
            from stepwell.sources.with_django import run as run_django

            return run_django(connection, query)
        if kind in (Kind.SQLALCHEMY, Kind.SQLALCHEMY_SESSION):
            from stepwell.sources.with_sqlalchemy import run as run_sqlalchemy

            return run_sqlalchemy(connection, query)
        from stepwell.sources.with_sqlalchemy import run_async as run_sqlalchemy_async

        return await run_sqlalchemy_async(connection, query)
