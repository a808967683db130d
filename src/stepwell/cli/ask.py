"""From the options of a command to a client, or a bare store, that can be asked. Nothing here runs DDL."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from stepwell.cli.exits import Exit, Failure
from stepwell.cli.options import Target
from stepwell.client import Client
from stepwell.core import operate
from stepwell.core.outside import blocking
from stepwell.engine import Stepwell
from stepwell.model.info import WorkflowInfo
from stepwell.model.settings import Settings
from stepwell.store.api import MigrationState, Store
from stepwell.store.open import open_store

T = TypeVar("T")

#: Somebody sits and waits: a database that does not answer is reported, not waited for.
SETTINGS = Settings(migrate=False, call_patience=5.0, call_deadline=10.0)


@contextmanager
def client_of(target: Target) -> Iterator[Client]:
    """A client of a database that has its tables. Raises Failure, StoreFault, StoreUnavailable."""
    require_tables(target)
    with Client(target.url, schema=target.schema, namespace=target.namespace, settings=SETTINGS) as client:
        yield client


def client_like(engine: Stepwell) -> Client:
    """A client that is configured as the engine is: it starts what that one, elsewhere, executes."""
    require_tables(Target(engine.database, engine.schema, engine.namespace))
    return engine.client(replace(engine.settings, migrate=False, call_patience=SETTINGS.call_patience))


def with_store(target: Target, ask: Callable[[Store], Awaitable[T]]) -> T:
    """Ask a store that may be empty: for migrations and checks."""

    async def asked() -> T:
        store = open_store(target.url, target.identity, call_deadline=SETTINGS.call_deadline)
        await store.open()
        try:
            return await ask(store)
        finally:
            await store.close()

    return asyncio.run(asked())


def migrations(target: Target) -> list[MigrationState]:
    """All migrations of this release, applied or not."""
    return with_store(target, lambda store: store.migrations())


def require_tables(target: Target) -> None:
    """Raises Failure where nothing could be found, because there is nothing at all."""
    if not any(state.applied_at is not None for state in migrations(target)):
        where = f"schema {target.schema!r} of {target.shown}" if "sqlite" not in target.url[:6] else target.shown
        raise Failure(
            f"there are no tables of Stepwell in {where}",
            Exit.UNAVAILABLE,
            "Is it the right database (--database)? An engine makes them when it is launched;"
            " so does `stepwell db migrate`.",
        )


def wait_for(client: Client, id: str, timeout: float | None) -> WorkflowInfo:
    """The run when it has ended, however it did. Raises WaitTimeout, WorkflowNotFound."""
    return blocking(client.runtime, operate.ended(client.runtime, id, timeout))
