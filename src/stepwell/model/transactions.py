"""Transactions in users' databases: kinds of connections, isolation levels, and what is known of one of them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, get_args

from stepwell.errors import InvalidArgument
from stepwell.model.rows import Recorded

Isolation = Literal["read committed", "repeatable read", "serializable"]

#: What is used unless something else is asked for: never what the database has as its default.
DEFAULT_ISOLATION: Isolation = "read committed"


class Kind(StrEnum):
    """What a transaction's body is given. The value is how its class is written."""

    PSYCOPG = "psycopg.Connection"
    PSYCOPG_ASYNC = "psycopg.AsyncConnection"
    ASYNCPG = "asyncpg.Connection"
    SQLALCHEMY = "sqlalchemy.Connection"
    SQLALCHEMY_SESSION = "sqlalchemy.orm.Session"
    SQLALCHEMY_ASYNC = "sqlalchemy.ext.asyncio.AsyncConnection"
    SQLALCHEMY_ASYNC_SESSION = "sqlalchemy.ext.asyncio.AsyncSession"
    SQLITE = "sqlite3.Connection"
    DJANGO = "django"  # nothing: its ORM finds the connection by itself

    @property
    def is_async(self) -> bool:
        """Whether the connection is awaited."""
        return self in _ASYNC


_ASYNC = {Kind.PSYCOPG_ASYNC, Kind.ASYNCPG, Kind.SQLALCHEMY_ASYNC, Kind.SQLALCHEMY_ASYNC_SESSION}

# By (package, name of the class): no driver is imported to recognise its connections.
_BY_CLASS = {
    ("psycopg", "Connection"): Kind.PSYCOPG,
    ("psycopg", "AsyncConnection"): Kind.PSYCOPG_ASYNC,
    ("asyncpg", "Connection"): Kind.ASYNCPG,
    ("asyncpg", "PoolConnectionProxy"): Kind.ASYNCPG,
    ("sqlalchemy", "Connection"): Kind.SQLALCHEMY,
    ("sqlalchemy", "Session"): Kind.SQLALCHEMY_SESSION,
    ("sqlalchemy", "AsyncConnection"): Kind.SQLALCHEMY_ASYNC,
    ("sqlalchemy", "AsyncSession"): Kind.SQLALCHEMY_ASYNC_SESSION,
    ("sqlite3", "Connection"): Kind.SQLITE,
    ("_sqlite3", "Connection"): Kind.SQLITE,
    ("django", "BaseDatabaseWrapper"): Kind.DJANGO,
    ("django", "ConnectionProxy"): Kind.DJANGO,
}


def kind_of_class(cls: Any) -> Kind | None:
    """The kind of a connection's class, or of one derived from it (SQLModel's Session); None for anything else."""
    for each in getattr(cls, "__mro__", ()):
        found = _BY_CLASS.get((each.__module__.partition(".")[0], each.__name__))
        if found is not None:
            return found
    return None


def check_isolation(value: object) -> Isolation | None:
    """An isolation level in lower case, or None. Raises InvalidArgument."""
    if value is None:
        return None
    level = value.lower().replace("_", " ") if isinstance(value, str) else value
    for known in get_args(Isolation):
        if level == known:
            return known  # type: ignore[no-any-return]
    raise InvalidArgument(f"isolation must be one of {', '.join(get_args(Isolation))}, and is {value!r}")


@dataclass(frozen=True, slots=True)
class Mode:
    """How one transaction is begun. `idle`: the server ends it when nothing is said for so long, seconds. `token`
    marks it."""

    isolation: Isolation
    read_only: bool
    idle: float
    token: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How an operation and its run stand in the engine's database.

    `recorded`: its outcome, if there is one. `owned`: this execution still owns the run. `rewound`: the highest epoch
    in which outcomes of this run were taken back (rewind, resume), -1 if none ever were.
    """

    recorded: Recorded | None
    owned: bool
    rewound: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An outcome row in another database than the engine's."""

    name: str
    epoch: int
    fingerprint: int
    output: str | None
    codec_id: str | None
