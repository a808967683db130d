"""What `@transaction` makes of a function, and what it refuses with the fix."""

import asyncio
import inspect
import sqlite3
from typing import TYPE_CHECKING, Annotated, Any

import psycopg
import pytest
import sqlalchemy
from sqlalchemy.orm import Session

from stepwell import (
    AsyncTransaction,
    ConfigurationError,
    Django,
    InvalidArgument,
    Postgres,
    SQLAlchemy,
    SQLite,
    Transaction,
    step,
    transaction,
)
from stepwell.model.transactions import Kind

if TYPE_CHECKING:
    from asyncpg import Connection as Hidden


@transaction
def plain(conn: psycopg.Connection[Any], sku: str, count: int = 1) -> bool:
    """Doc."""
    return True


@transaction(name="stored", isolation="serializable", read_only=True, retry=2)
async def awaited(conn: psycopg.AsyncConnection[Any], sku: str) -> bool:
    return True


class Own(Session):
    """A session class of the user's."""


class Shop:
    @transaction
    def book(self, session: "Annotated[Own, 'mine']", sku: str) -> None: ...


def test_definitions() -> None:
    assert isinstance(plain, Transaction)
    assert isinstance(awaited, AsyncTransaction)
    assert (plain.definition.kind, plain.definition.name, plain.__doc__) == (Kind.PSYCOPG, "plain", "Doc.")
    made = awaited.definition
    assert (made.kind, made.name) == (Kind.PSYCOPG_ASYNC, "stored")
    assert (made.isolation, made.read_only) == ("serializable", True)
    assert made.retry is not None
    assert made.retry.retries == 2
    assert (Shop.book.definition.kind, Shop.book.definition.connection_class) == (Kind.SQLALCHEMY_SESSION, Own)
    assert asyncio.iscoroutinefunction(awaited)
    assert repr(plain) == "<TransactionFunction of the transaction plain>"


def test_the_signature_is_the_callers() -> None:
    assert str(inspect.signature(plain)) == "(sku: str, count: int = 1) -> bool"
    assert list(inspect.signature(Shop().book).parameters) == ["sku"]
    assert list(inspect.signature(Shop.book).parameters) == ["self", "sku"]


def test_options() -> None:
    assert plain.options(name="other", retry=3).bound_options.name == "other"
    with pytest.raises(InvalidArgument, match="isolation must be one of read committed"):
        transaction(isolation="snapshot")(plain.definition.fn)  # type: ignore[call-overload]
    with pytest.raises(InvalidArgument, match="retry must be"):
        plain.options(retry=-1)


def unannotated(conn, sku: str) -> None: ...  # type: ignore[no-untyped-def]
def hidden(conn: "Hidden", sku: str) -> None: ...
def wrong(sku: str) -> None: ...
def nothing() -> None: ...
def keyword(*, conn: sqlite3.Connection) -> None: ...
def blocking(conn: psycopg.AsyncConnection[Any]) -> None: ...
async def awaiting(conn: psycopg.Connection[Any]) -> None: ...
async def awaiting_file(conn: sqlite3.Connection) -> None: ...
async def awaiting_session(session: Session) -> None: ...


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (unannotated, "annotate 'conn' with the class of the connection"),
        (hidden, "cannot be resolved at run time: import its class where the module runs, not under `if TYPE"),
        (wrong, "'sku' must be the connection, which the caller leaves out"),
        (nothing, "its first parameter must be the connection"),
        (keyword, "its first parameter must be the connection"),
        (blocking, "is a `def`, and a psycopg.AsyncConnection is awaited: make it `async def`"),
        (awaiting, "is async, and a psycopg.Connection would block its event loop"),
        (awaiting_file, "holds the file's only write lock"),
        (awaiting_session, "is async, and a sqlalchemy.orm.Session would block"),
        (step(wrong), "is decorated already"),
    ],
)
def test_refused(function: Any, why: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        transaction(function)
    assert why in str(refused.value)


def orm(sku: str) -> None: ...
async def orm_async(sku: str) -> None: ...
def with_file(conn: sqlite3.Connection) -> None: ...
def with_session(session: Session) -> None: ...
def with_psycopg(conn: psycopg.Connection[Any]) -> None: ...


@pytest.mark.parametrize(
    ("source", "function", "kind"),
    [
        (Django(), orm, Kind.DJANGO),
        (SQLite("a.db"), with_file, Kind.SQLITE),
        (SQLite("a.db"), with_session, Kind.SQLALCHEMY_SESSION),
        (Postgres("postgresql://h/d"), with_psycopg, Kind.PSYCOPG),
        (SQLAlchemy(sqlalchemy.create_engine("sqlite://")), with_session, Kind.SQLALCHEMY_SESSION),
    ],
)
def test_sources(source: Any, function: Any, kind: Kind) -> None:
    assert transaction(source=source)(function).definition.kind is kind


@pytest.mark.parametrize(
    ("source", "function", "why"),
    [
        (Django(), orm_async, "Django's transactions are synchronous"),
        (SQLite("a.db"), with_psycopg, "its source has no psycopg.Connection"),
        (Postgres("postgresql://h/d"), with_file, "its source has no sqlite3.Connection"),
        ("postgresql://h/d", with_psycopg, "source= takes Postgres(url)"),
    ],
)
def test_sources_refused(source: Any, function: Any, why: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        transaction(source=source)(function)
    assert why in str(refused.value)


def test_what_is_no_source() -> None:
    with pytest.raises(ConfigurationError, match="path of a file"):
        SQLite(":memory:")
    with pytest.raises(ConfigurationError, match="on PostgreSQL or SQLite, not 'str'"):
        SQLAlchemy("postgresql://h/d")
    with pytest.raises(ConfigurationError) as refused:
        Postgres("postgresql://u:secret@h/d?unknown=1")
    assert "secret" not in str(refused.value)


def test_no_driver_is_imported_for_its_kind() -> None:
    import subprocess
    import sys

    code = "import sys, stepwell; print([m for m in ('asyncpg', 'sqlalchemy', 'django') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
