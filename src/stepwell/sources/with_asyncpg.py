"""asyncpg: awaitable connections for the engine's loop."""

from typing import Any, NoReturn

import asyncpg
from psycopg.conninfo import conninfo_to_dict

from stepwell.model.transactions import Kind, Mode
from stepwell.sources.guard import refuse
from stepwell.sources.pool import Pool
from stepwell.store.transactions import Dialect, Query

#: Words of a Postgres URL that asyncpg takes under names of its own; what is not here is passed on as a server setting.
_NAMES = {
    "host": "host",
    "port": "port",
    "user": "user",
    "password": "password",
    "dbname": "database",
    "sslmode": "ssl",
}
_LIBPQ_ONLY = frozenset({"client_encoding", "connect_timeout", "target_session_attrs", "gssencmode", "channel_binding"})


class GuardedConnection(asyncpg.Connection):  # type: ignore[misc, type-arg, unused-ignore]
    """`conn.transaction()` in a body is a savepoint."""

    async def close(self, **_: Any) -> NoReturn:
        refuse("conn.close()")


class AsyncpgLender:
    """Connections to one database."""

    def __init__(self, conninfo: str, size: int) -> None:
        self._arguments = _arguments(conninfo)
        self._pool = Pool(size, self._connect, _dispose, is_async=True)

    async def hold(self, kind: Kind, cls: type | None) -> "AsyncpgHold":
        """See `Source.hold`."""
        return AsyncpgHold(self._pool, await self._pool.take())

    async def close(self) -> None:
        """End all connections."""
        self._pool.close()

    def abandon(self) -> None:
        """What the death of the process would do to them."""
        self._pool.abandon()

    async def _connect(self) -> Any:
        # Nothing is prepared by name, so it works through a transaction-mode pooler.
        return await asyncpg.connect(**self._arguments, connection_class=GuardedConnection, statement_cache_size=0)


class AsyncpgHold:
    """See `store.transactions.Hold`."""

    raw: Any = None

    def __init__(self, pool: Pool, connection: Any) -> None:
        self._pool = pool
        self.connection = connection
        self._transaction: Any = None

    @property
    def lost(self) -> bool:
        return bool(self.connection.is_closed())

    def cut(self) -> None:
        """Its calls are awaited, with a deadline: nothing to do."""

    async def begin(self, dialect: Dialect, mode: Mode) -> None:
        isolation = mode.isolation.replace(" ", "_")
        self._transaction = self.connection.transaction(isolation=isolation, readonly=mode.read_only)
        await self._transaction.start()
        await dialect.mark(self, mode)

    async def run(self, query: Query) -> list[tuple[Any, ...]]:
        return await run_async(self.connection, query)

    async def settle(self) -> None:
        """Nothing is kept back."""

    async def commit(self) -> None:
        await self._transaction.commit()

    async def commit_after(self, query: Query) -> None:
        await self.run(query)
        await self.commit()

    async def end(self, usable: bool) -> None:
        connection = self.connection
        if usable and not connection.is_closed() and connection.is_in_transaction():
            try:
                await connection.execute("ROLLBACK")
                connection._top_xact = None
            except Exception:
                usable = False
        usable = usable and not connection.is_closed() and not connection.is_in_transaction()
        self._pool.give(connection, usable and connection._top_xact is None)


async def run_async(connection: Any, query: Query) -> list[tuple[Any, ...]]:
    """A statement of ours on a user's connection."""
    records = await connection.fetch(query.text, *(() if query.document is None else (query.document,)))
    return [tuple(record) for record in records]


def _dispose(connection: Any) -> None:
    connection.terminate()


def _arguments(conninfo: str) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    settings: dict[str, str] = {}
    for name, value in conninfo_to_dict(conninfo).items():
        if name in _NAMES:
            arguments[_NAMES[name]] = value
        elif name not in _LIBPQ_ONLY:
            settings[name] = str(value)
    return arguments | ({"server_settings": settings} if settings else {})
