"""Django: the connection of an alias in the thread that runs the body; the ORM finds it by itself."""

import contextlib
from typing import Any

from django.db import connections, transaction

from stepwell.model.transactions import Kind, Mode
from stepwell.sources.pool import Pool
from stepwell.store.transactions import Dialect, Query


class DjangoLender:
    """Django keeps one connection per thread and alias; ours only counts them."""

    def __init__(self, alias: str, size: int) -> None:
        self._alias = alias
        self._pool = Pool(size, self._connect, _nothing, is_async=False)

    @property
    def vendor(self) -> str:
        """ "postgresql" or "sqlite", or what we do not know."""
        return str(connections[self._alias].vendor)

    async def hold(self, kind: Kind, cls: type | None) -> "DjangoHold":
        """See `Source.hold`."""
        return DjangoHold(self._pool, await self._pool.take(), self._alias)

    async def close(self) -> None:
        """Django ends its connections with their threads."""
        self._pool.close()

    def abandon(self) -> None:
        """Its library keeps the connections."""

    async def _connect(self) -> Any:
        return object()


class DjangoHold:
    """See `store.transactions.Hold`."""

    connection = None

    def __init__(self, pool: Pool, permit: Any, alias: str) -> None:
        self._pool = pool
        self._permit = permit
        self._alias = alias
        self._wrapper: Any = connections[alias]
        self._atomic: Any = None

    @property
    def raw(self) -> Any:
        return self._wrapper.connection

    @property
    def lost(self) -> bool:
        driver = self._wrapper.connection
        return driver is None or bool(self._wrapper.closed_in_transaction) or bool(getattr(driver, "closed", False))

    def cut(self) -> None:
        """Its drivers offer no common way."""

    async def begin(self, dialect: Dialect, mode: Mode) -> None:
        if not self._wrapper.in_atomic_block:
            self._wrapper.close_if_unusable_or_obsolete()
        atomic = transaction.atomic(using=self._alias, durable=True)
        atomic.__enter__()
        self._atomic = atomic
        level = dialect.isolation(mode)
        if level is not None:
            with self._wrapper.cursor() as cursor:
                cursor.execute(level)
        await dialect.mark(self, mode)

    async def run(self, query: Query) -> list[tuple[Any, ...]]:
        return run(self._wrapper, query)

    async def settle(self) -> None:
        self._wrapper.validate_no_broken_transaction()

    async def commit(self) -> None:
        atomic, self._atomic = self._atomic, None
        atomic.__exit__(None, None, None)

    async def commit_after(self, query: Query) -> None:
        await self.run(query)
        await self.commit()

    async def end(self, usable: bool) -> None:
        if self._atomic is not None:
            atomic, self._atomic = self._atomic, None
            with contextlib.suppress(Exception):
                atomic.__exit__(Exception, Exception(), None)
        with contextlib.suppress(Exception):
            if not usable:
                self._wrapper.close()
            else:
                self._wrapper.close_if_unusable_or_obsolete()
        self._pool.give(self._permit, usable=False)


def run(wrapper: Any, query: Query) -> list[tuple[Any, ...]]:
    """A statement of ours on a connection of Django's."""
    with wrapper.cursor() as cursor:
        if query.document is None:
            cursor.execute(query.text)
        else:
            cursor.execute(query.text.replace("$1", "%s"), [query.document])
        return [tuple(row) for row in cursor.fetchall()] if cursor.description is not None else []


def _nothing(permit: Any) -> None:
    """A permit has nothing to end."""
