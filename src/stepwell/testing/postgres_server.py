"""The few things that tests ask of any PostgreSQL server, wherever it runs."""

import secrets
from collections.abc import Sequence
from typing import Any, LiteralString
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql


class PostgresServer:
    """A running server, by the URL of a superuser (or of a role that may create databases and roles)."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def url(self) -> str:
        """The URL of the maintenance database, as superuser."""
        return self._url

    def url_of(self, database: str) -> str:
        """The superuser's URL of another database of this server."""
        return urlunsplit(urlsplit(self.url)._replace(path="/" + quote(database, safe="")))

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create a database and return its URL. Fails if `name` exists, or if `template` has connections."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._run(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists; its connections are cut."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def create_role(self, name: str, *, password: str | None = None, options: LiteralString = "LOGIN") -> str:
        """Create a role and return the maintenance database's URL for it.

        `options` are the words of CREATE ROLE, for example "LOGIN CONNECTION LIMIT 5". Without a password
        the role gets a random one.
        """
        password = secrets.token_hex(16) if password is None else password
        statement = sql.SQL("CREATE ROLE {} {} PASSWORD {}")
        self._run(statement.format(sql.Identifier(name), sql.SQL(options), sql.Literal(password)))
        address = urlsplit(self.url)
        login = f"{quote(name, safe='')}:{quote(password, safe='')}@{address.netloc.rpartition('@')[2]}"
        return urlunsplit(address._replace(netloc=login))

    def execute(
        self, query: str, parameters: Sequence[object] | None = None, *, database: str | None = None
    ) -> list[tuple[Any, ...]]:
        """Run SQL in autocommit on a connection of its own, and return the rows if it has any."""
        return self._run(query.encode(), parameters, database)

    def _run(
        self,
        query: bytes | sql.Composed,
        parameters: Sequence[object] | None = None,
        database: str | None = None,
    ) -> list[tuple[Any, ...]]:
        url = self.url if database is None else self.url_of(database)
        with psycopg.connect(url, autocommit=True, application_name="stepwell.testing") as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description is not None else []
