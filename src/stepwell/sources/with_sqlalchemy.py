"""SQLAlchemy 2: connections and sessions of an Engine, and of an AsyncEngine on the engine's loop."""

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import sqlalchemy
from sqlalchemy import event

from stepwell.model.transactions import Kind, Mode
from stepwell.sources.guard import refuse
from stepwell.sources.pool import Pool
from stepwell.store.transactions import Dialect, Query

_SESSIONS = frozenset({Kind.SQLALCHEMY_SESSION, Kind.SQLALCHEMY_ASYNC_SESSION})


class SQLAlchemyLender:
    """Connections of one Engine; `owned`: it was made here, and ends with us."""

    def __init__(self, engine: Any, size: int, *, is_async: bool, owned: bool) -> None:
        self._engine = engine
        self._owned = owned
        self._is_async = is_async
        self._pool = Pool(size, self._connect, _nothing, is_async=is_async)

    async def hold(self, kind: Kind, cls: type | None) -> "SQLAlchemyHold | SQLAlchemyAsyncHold":
        """See `Source.hold`."""
        connection = await self._pool.take()
        make = (cls or _session_class(self._is_async)) if kind in _SESSIONS else None
        return (SQLAlchemyAsyncHold if self._is_async else SQLAlchemyHold)(self._pool, connection, make)

    async def close(self) -> None:
        """End what was made here; an Engine of the user's stays as it is."""
        self._pool.close()
        if self._owned and self._is_async:
            await self._engine.dispose()
        elif self._owned:
            self._engine.dispose()

    def abandon(self) -> None:
        """Its library keeps the connections."""

    async def _connect(self) -> Any:
        return await self._engine.connect() if self._is_async else self._engine.connect()


class _Common:
    """What both colours share. SQLAlchemy's own pool keeps the connections: ours only counts them."""

    _connection: Any

    def __init__(self, pool: Pool, connection: Any, make: Callable[..., Any] | None) -> None:
        self._pool = pool
        self._connection = connection
        self._session = None if make is None else make(bind=connection)
        self._transaction: Any = None
        self._ours = False
        self._half_committed = False
        plain = getattr(connection, "sync_connection", connection)
        event.listen(plain, "commit", self._committing)

    @property
    def connection(self) -> Any:
        return self._connection if self._session is None else self._session

    @property
    def raw(self) -> Any:
        return self._connection.connection.dbapi_connection

    @property
    def lost(self) -> bool:
        return bool(self._connection.invalidated)

    def cut(self) -> None:
        """Its drivers offer no common way."""

    def _committing(self, _: Any) -> None:
        if not self._ours:
            # To its library the transaction is over now, and to the database it is not: nobody would roll it back.
            self._half_committed = True
            refuse("commit()")

    def _options(self, mode: Mode) -> dict[str, Any]:
        if self._connection.dialect.name != "postgresql":
            return {}
        return {"isolation_level": mode.isolation.upper(), "postgresql_readonly": mode.read_only}

    def _guard_session(self, session: Any) -> None:
        event.listen(session, "before_commit", _refuse_commit)


class SQLAlchemyHold(_Common):
    """See `store.transactions.Hold`."""

    async def begin(self, dialect: Dialect, mode: Mode) -> None:
        self._connection.execution_options(**self._options(mode))
        self._transaction = self._connection.begin()
        await dialect.mark(self, mode)
        if self._session is not None:
            self._guard_session(self._session)

    async def run(self, query: Query) -> list[tuple[Any, ...]]:
        return run(self._connection, query)

    async def settle(self) -> None:
        if self._session is not None:
            self._session.flush()

    async def commit(self) -> None:
        self._ours = True
        self._transaction.commit()

    async def commit_after(self, query: Query) -> None:
        await self.run(query)
        await self.commit()

    async def end(self, usable: bool) -> None:
        self._ours = True
        for last in (
            None if self._session is None else self._session.close,
            None if usable and not self._half_committed else self._connection.invalidate,
            self._connection.close,
        ):
            with contextlib.suppress(Exception):  # what is broken already cannot be ended in good order
                if last is not None:
                    last()
        self._pool.give(self._connection, usable=False)


class SQLAlchemyAsyncHold(_Common):
    """See `store.transactions.Hold`."""

    async def begin(self, dialect: Dialect, mode: Mode) -> None:
        await self._connection.execution_options(**self._options(mode))
        self._transaction = await self._connection.begin()
        await dialect.mark(self, mode)
        if self._session is not None:
            self._guard_session(self._session.sync_session)

    async def run(self, query: Query) -> list[tuple[Any, ...]]:
        return await run_async(self._connection, query)

    async def settle(self) -> None:
        if self._session is not None:
            await self._session.flush()

    async def commit(self) -> None:
        self._ours = True
        await self._transaction.commit()

    async def commit_after(self, query: Query) -> None:
        await self.run(query)
        await self.commit()

    async def end(self, usable: bool) -> None:
        self._ours = True
        try:
            for last in (
                None if self._session is None else self._session.close,
                None if usable and not self._half_committed else self._connection.invalidate,
                self._connection.close,
            ):
                with contextlib.suppress(Exception):  # what is broken already cannot be ended in good order
                    if last is not None:
                        await last()
        finally:
            self._pool.give(self._connection, usable=False)


def run(connection: Any, query: Query) -> list[tuple[Any, ...]]:
    """A statement of ours on a user's connection."""
    result = connection.execute(_text(query.text), {"document": query.document} if query.document is not None else {})
    return [tuple(row) for row in result.fetchall()] if result.returns_rows else []


async def run_async(connection: Any, query: Query) -> list[tuple[Any, ...]]:
    """The same, awaited."""
    parameters = {"document": query.document} if query.document is not None else {}
    result = await connection.execute(_text(query.text), parameters)
    return [tuple(row) for row in result.fetchall()] if result.returns_rows else []


def engine_for(conninfo: str, size: int, *, is_async: bool) -> Any:
    """An Engine of our own, through psycopg 3."""
    import psycopg

    options: dict[str, Any] = {"pool_size": size, "max_overflow": 0, "pool_pre_ping": False}
    if not is_async:
        return sqlalchemy.create_engine(
            "postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo, prepare_threshold=None), **options
        )
    from sqlalchemy.ext.asyncio import create_async_engine

    async def connect(*_: Any, **__: Any) -> Any:
        return await psycopg.AsyncConnection.connect(conninfo, prepare_threshold=None)

    return create_async_engine("postgresql+psycopg://", async_creator=connect, **options)


def file_engine_for(path: Any, size: int) -> Any:
    """An Engine of our own on a SQLite file."""
    return sqlalchemy.create_engine(f"sqlite:///{path}", pool_size=size, max_overflow=0)


@functools.cache
def _text(text: str) -> Any:
    return sqlalchemy.text(text.replace("$1::text", "cast(:document as text)"))


def _session_class(is_async: bool) -> Any:
    if is_async:
        from sqlalchemy.ext.asyncio import AsyncSession

        return AsyncSession
    from sqlalchemy.orm import Session

    return Session


def _refuse_commit(session: Any) -> None:
    if not session.in_nested_transaction():
        refuse("session.commit()")


def _nothing(connection: Any) -> None:
    """It has been given back to SQLAlchemy's pool already."""
