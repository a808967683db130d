"""What users write as `source=`: a database by its address. It opens nothing; every engine has its own connections to
it."""

from pathlib import Path
from typing import Any

from stepwell.errors import ConfigurationError
from stepwell.model.transactions import Kind
from stepwell.sources.lending import Lending, django_lending, file_lending, postgres_lending, sqlalchemy_lending
from stepwell.store.open import postgres_conninfo

_POSTGRES = frozenset(kind for kind in Kind if kind not in (Kind.SQLITE, Kind.DJANGO))
_FILE = frozenset({Kind.SQLITE, Kind.SQLALCHEMY, Kind.SQLALCHEMY_SESSION})


class Database:
    """A database in which transactions run."""

    #: The kinds of connections that it has.
    kinds: frozenset[Kind] = frozenset()

    def open(self, size: int) -> Lending:
        """The connections of one engine, at most `size` of a kind; nothing is connected yet."""
        raise NotImplementedError


class Postgres(Database):
    """A PostgreSQL database by its URL, for psycopg, asyncpg and SQLAlchemy connections.

    @transaction(source=Postgres("postgresql://localhost/billing"))
    """

    kinds = _POSTGRES

    def __init__(self, url: str) -> None:
        self._conninfo = postgres_conninfo(url)

    def open(self, size: int) -> Lending:
        """See `Database.open`."""
        return postgres_lending(self._conninfo, size)


class SQLite(Database):
    """A SQLite file, for sqlite3 and blocking SQLAlchemy connections.

    @transaction(source=SQLite("ledger.db"))
    """

    kinds = _FILE

    def __init__(self, path: str | Path) -> None:
        if str(path) in ("", ":memory:"):
            raise ConfigurationError("SQLite(...) takes the path of a file: one in memory is not durable")
        self._path = Path(path)

    def open(self, size: int) -> Lending:
        """See `Database.open`."""
        return file_lending(self._path, size)


class SQLAlchemy(Database):
    """A SQLAlchemy Engine or AsyncEngine on PostgreSQL, or an Engine on SQLite; its own pool keeps the connections.

    @transaction(source=SQLAlchemy(create_engine("postgresql+psycopg://localhost/billing")))
    """

    def __init__(self, engine: Any) -> None:
        is_async = hasattr(engine, "sync_engine")
        name = getattr(getattr(engine, "dialect", None), "name", None)
        if name not in ("postgresql", "sqlite"):
            what = name or type(engine).__name__
            raise ConfigurationError(
                f"SQLAlchemy(...) takes an Engine or AsyncEngine on PostgreSQL or SQLite, not {what!r}"
            )
        if is_async and name == "sqlite":
            raise ConfigurationError("SQLAlchemy(...): on SQLite use a blocking Engine, and .aio in async workflows")
        self.kinds = (
            frozenset({Kind.SQLALCHEMY_ASYNC, Kind.SQLALCHEMY_ASYNC_SESSION})
            if is_async
            else frozenset({Kind.SQLALCHEMY, Kind.SQLALCHEMY_SESSION})
        )
        self._engine = engine
        self._is_async = is_async
        self._name = str(name)

    def open(self, size: int) -> Lending:
        """See `Database.open`."""
        return sqlalchemy_lending(self._engine, self._name, size, is_async=self._is_async)


class Django(Database):
    """A database of Django's settings. The body gets no connection: the ORM finds it by itself.

    @transaction(source=Django("default"))
    def reserve(sku: str) -> bool:
        return Stock.objects.filter(sku=sku, left__gt=0).update(left=F("left") - 1) == 1
    """

    kinds = frozenset({Kind.DJANGO})

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias

    def open(self, size: int) -> Lending:
        """See `Database.open`."""
        return django_lending(self.alias, size)
