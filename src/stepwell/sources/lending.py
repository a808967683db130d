"""Which module lends which kind of connection; each is imported when it is first needed, and so is its driver."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from stepwell.errors import ConfigurationError
from stepwell.model.transactions import Kind
from stepwell.store.open import dialect_of, postgres_conninfo, sqlite_file
from stepwell.store.transactions import Dialect, Hold


class Lender(Protocol):
    """Connections of some kinds to one database."""

    async def hold(self, kind: Kind, cls: type | None) -> Hold: ...

    async def close(self) -> None: ...

    def abandon(self) -> None: ...


class Lending:
    """One database's connections for one engine: see `store.transactions.Source`."""

    def __init__(
        self, database: str | Callable[[], str], makers: Mapping[Kind, Callable[[], Lender]], what: str
    ) -> None:
        self._database = database
        self._makers = makers
        self._what = what
        self._lenders: dict[Callable[[], Lender], Lender] = {}
        self._dialect: Dialect | None = None
        self._lock = threading.Lock()

    @property
    def dialect(self) -> Dialect:
        """What is said there."""
        if self._dialect is None:
            self._dialect = dialect_of(self._database if isinstance(self._database, str) else self._database())
        return self._dialect

    async def hold(self, kind: Kind, cls: type | None) -> Hold:
        """See `Source.hold`. Raises ConfigurationError for a kind that this database does not have."""
        make = self._makers.get(kind)
        if make is None:
            known = ", ".join(each.value for each in self._makers)
            raise ConfigurationError(
                f"{self._what} has no {kind.value}: annotate the first parameter with one of {known}, or give source="
            )
        with self._lock:
            lender = self._lenders.get(make)
            if lender is None:
                lender = self._lenders[make] = make()
        return await lender.hold(kind, cls)

    def abandon(self) -> None:
        """What the death of the process would do to the connections. For simulations."""
        for lender in self._lenders.values():
            lender.abandon()

    async def close(self) -> None:
        """End all connections."""
        for lender in self._lenders.values():
            await lender.close()


def home_lending(url: str, size: int) -> Lending:
    """The engine's own database."""
    if url.partition("://")[0].lower() == "sqlite":
        path, synchronous = sqlite_file(url)
        return file_lending(path, size, synchronous, "the engine's own database")
    return postgres_lending(postgres_conninfo(url), size, "the engine's own database")


def postgres_lending(conninfo: str, size: int, what: str = "this Postgres database") -> Lending:
    """A PostgreSQL database, over any driver."""

    def psycopg() -> Lender:
        from stepwell.sources.with_psycopg import PsycopgLender

        return PsycopgLender(conninfo, size, is_async=False)

    def psycopg_async() -> Lender:
        from stepwell.sources.with_psycopg import PsycopgLender

        return PsycopgLender(conninfo, size, is_async=True)

    def asyncpg() -> Lender:
        from stepwell.sources.with_asyncpg import AsyncpgLender

        return AsyncpgLender(conninfo, size)

    def sqlalchemy() -> Lender:
        from stepwell.sources.with_sqlalchemy import SQLAlchemyLender, engine_for

        return SQLAlchemyLender(engine_for(conninfo, size, is_async=False), size, is_async=False, owned=True)

    def sqlalchemy_async() -> Lender:
        from stepwell.sources.with_sqlalchemy import SQLAlchemyLender, engine_for

        return SQLAlchemyLender(engine_for(conninfo, size, is_async=True), size, is_async=True, owned=True)

    makers = {
        Kind.PSYCOPG: psycopg,
        Kind.PSYCOPG_ASYNC: psycopg_async,
        Kind.ASYNCPG: asyncpg,
        Kind.SQLALCHEMY: sqlalchemy,
        Kind.SQLALCHEMY_SESSION: sqlalchemy,
        Kind.SQLALCHEMY_ASYNC: sqlalchemy_async,
        Kind.SQLALCHEMY_ASYNC_SESSION: sqlalchemy_async,
    }
    return Lending("postgresql", makers, what)


def file_lending(path: Path, size: int, synchronous: str = "FULL", what: str = "this SQLite file") -> Lending:
    """A SQLite file."""

    def sqlite3() -> Lender:
        from stepwell.sources.with_sqlite3 import SQLiteLender

        return SQLiteLender(path, size, synchronous)

    def sqlalchemy() -> Lender:
        from stepwell.sources.with_sqlalchemy import SQLAlchemyLender, file_engine_for

        return SQLAlchemyLender(file_engine_for(path, size), size, is_async=False, owned=True)

    makers = {Kind.SQLITE: sqlite3, Kind.SQLALCHEMY: sqlalchemy, Kind.SQLALCHEMY_SESSION: sqlalchemy}
    return Lending("sqlite", makers, what)


def sqlalchemy_lending(engine: Any, name: str, size: int, *, is_async: bool) -> Lending:
    """An Engine of the user's."""

    def lender() -> Lender:
        from stepwell.sources.with_sqlalchemy import SQLAlchemyLender

        return SQLAlchemyLender(engine, size, is_async=is_async, owned=False)

    kinds = (
        (Kind.SQLALCHEMY_ASYNC, Kind.SQLALCHEMY_ASYNC_SESSION)
        if is_async
        else (Kind.SQLALCHEMY, Kind.SQLALCHEMY_SESSION)
    )
    return Lending(name, dict.fromkeys(kinds, lender), "this SQLAlchemy engine")


def django_lending(alias: str, size: int) -> Lending:
    """A database of Django's settings."""

    def lender() -> Lender:
        from stepwell.sources.with_django import DjangoLender

        return DjangoLender(alias, size)

    def vendor() -> str:
        from stepwell.sources.with_django import DjangoLender

        return DjangoLender(alias, 1).vendor

    return Lending(vendor, {Kind.DJANGO: lender}, f"Django's database {alias!r}")
