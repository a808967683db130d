"""From a URL to a store: the only module that names both."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from stepwell.errors import ConfigurationError
from stepwell.store.api import Store, StoreIdentity
from stepwell.store.transactions import Dialect

if TYPE_CHECKING:
    from stepwell.store.sqlite.forks import Forkable

_FORMS = "sqlite:///relative/path, sqlite:////absolute/path or postgresql://user@host/database"
_SYNCHRONOUS = ("FULL", "NORMAL", "EXTRA", "OFF")
# After "user:" up to the last @, since a password may hold one unescaped; or after "password=".
_SECRET = re.compile(r"((?:^|//)[^:/@\s]*:(?!//))\S*(?=@)|(password=)[^&\s]+", re.IGNORECASE)


def open_store(
    url: str,
    identity: StoreIdentity,
    *,
    call_deadline: float = 10.0,
    clock: Callable[[], float] | None = None,
    notify: bool = False,
) -> Store:
    """The store that a database URL names; it connects when it is opened.

    `sqlite:///stepwell.db` is relative, `sqlite:////var/lib/stepwell.db` absolute; `?synchronous=NORMAL` is
    understood. `call_deadline` is in seconds. `clock` (unix seconds) is the clock of a SQLite database, None
    the machine's; a Postgres server has its own, and `clock` is not asked. `notify`: tell other processes by hints
    what is done here (a SQLite file shows it by itself).

    Raises ConfigurationError, which never shows a password.
    """
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    if scheme == "sqlite":
        path, synchronous = _sqlite(url)
        from stepwell.store.sqlite import SQLiteStore

        return SQLiteStore(path, identity, synchronous=synchronous, call_deadline=call_deadline, clock=clock)
    if scheme in ("postgresql", "postgres"):
        from stepwell.store.postgres import PostgresStore

        return PostgresStore(url, identity, call_deadline=call_deadline, notify=notify)
    raise ConfigurationError(f"not a database URL: {masked(url)!r}; it has the form {_FORMS}")


def migration_scripts(url: str, schema: str) -> dict[int, str]:
    """The SQL of every migration by its number, for a person to run; asks no database.

    Raises ConfigurationError for a URL of no known kind.
    """
    if url.partition("://")[0].lower() == "sqlite":
        from stepwell.store.sqlite.script import scripts as sqlite_scripts

        return sqlite_scripts()
    if url.partition("://")[0].lower() in ("postgresql", "postgres"):
        from stepwell.store.postgres.script import scripts as postgres_scripts

        return postgres_scripts(schema)
    raise ConfigurationError(f"not a database URL: {masked(url)!r}; it has the form {_FORMS}")


def client_grants(url: str, schema: str, role: str) -> str:
    """The SQL that lets a Postgres role call the functions and read the views, and nothing else; asks no database.

    Raises ConfigurationError for another kind of database.
    """
    if url.partition("://")[0].lower() in ("postgresql", "postgres"):
        from stepwell.store.postgres.script import client_grants as postgres_grants

        return postgres_grants(schema, role)
    raise ConfigurationError(f"{masked(url)!r} has no roles: only Postgres does")


async def create_database(url: str) -> bool:
    """Create the Postgres database that the URL names, if it is missing; whether it was. SQLite needs none."""
    if url.startswith("sqlite"):
        return False
    from stepwell.store.postgres.database import ensure_database

    return await ensure_database(url)


def dialect_of(kind: str) -> Dialect:
    """What is said in users' transactions in other databases of this kind, "postgresql" or "sqlite".

    Raises ConfigurationError for any other.
    """
    if kind in ("postgresql", "postgres"):
        from stepwell.store.postgres.users import dialect_of as postgres_dialect

        return postgres_dialect(StoreIdentity())
    if kind == "sqlite":
        from stepwell.store.sqlite.transactions import SQLiteDialect

        return SQLiteDialect(StoreIdentity(), lambda: 0.0)
    raise ConfigurationError(f"transactions run in PostgreSQL and SQLite databases, and this is {kind!r}")


def postgres_conninfo(url: str) -> str:
    """What a driver is told of a Postgres URL. Raises ConfigurationError, with the password masked."""
    from stepwell.store.postgres.conninfo import conninfo_of

    return conninfo_of(url)


def sqlite_file(url: str) -> tuple[Path, str]:
    """The file of a SQLite URL, and how it is synchronised. Raises ConfigurationError."""
    return _sqlite(url)


def masked(url: str) -> str:
    """The URL with its passwords as ***: what a message may show."""
    return _SECRET.sub(lambda found: (found[1] or found[2]) + "***", url)


def _sqlite(url: str) -> tuple[Path, str]:
    """The file and the value of `synchronous`."""
    parts = urlsplit(url)
    path = unquote(parts.path.removeprefix("/"))
    if parts.netloc or not path:
        raise ConfigurationError(f"{masked(url)!r} names no file: sqlite:///relative/path or sqlite:////absolute/path")
    if path == ":memory:":
        raise ConfigurationError("an in-memory database is not durable: give a file, sqlite:///stepwell.db")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    synchronous = options.pop("synchronous", "FULL").upper()
    if synchronous not in _SYNCHRONOUS:
        raise ConfigurationError(f"synchronous is one of {', '.join(_SYNCHRONOUS)}, not {synchronous!r}")
    if options:
        raise ConfigurationError(f"not an option of a SQLite URL: {', '.join(options)}")
    return Path(path), synchronous


def mind_sqlite_forks(connection: "Forkable") -> None:
    """From now on this connection is closed before a fork: see `store.sqlite.forks`."""
    from stepwell.store.sqlite.forks import mind_forks

    mind_forks(connection)
