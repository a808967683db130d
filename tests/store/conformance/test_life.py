"""The life of a store: migrations, opening, closing, its clock."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from stepwell.store.api import Store, StoreIdentity
from stepwell.store.faults import FaultKind, StoreFault
from tests.store.conformance.databases import Database
from tests.store.conformance.kit import START, World

Factory = Callable[[StoreIdentity], Awaitable[Store]]


async def test_migrate_applies_everything_once(database: Database, store_factory: Factory) -> None:
    await database.prepare()
    store = await store_factory(StoreIdentity())
    assert await store.migrate() == []
    states = await store.migrations()
    assert [state.number for state in states] == list(range(1, len(states) + 1))
    assert all(state.applied_at is not None and state.kind in ("pre", "post") for state in states)


async def test_an_empty_database_has_all_migrations_before_it(empty: Database, store_factory: Factory) -> None:
    store = await store_factory(StoreIdentity())
    states = await store.migrations()
    assert states
    assert all(state.applied_at is None for state in states)
    assert await store.migrate() == [state.name for state in states]
    assert all(state.applied_at is not None for state in await store.migrations())


async def test_two_processes_that_migrate_at_once(empty: Database, store_factory: Factory) -> None:
    first, second = await store_factory(StoreIdentity()), await store_factory(StoreIdentity())
    applied = await asyncio.gather(first.migrate(), second.migrate())
    assert sorted(applied[0] + applied[1]) == sorted(state.name for state in await first.migrations())


async def test_without_migrations_every_verb_says_that_the_environment_is_wrong(
    empty: Database, store_factory: Factory
) -> None:
    store = await store_factory(StoreIdentity())
    for verb in (store.executors, store.next_wake, lambda: store.wake(1)):
        with pytest.raises(StoreFault) as caught:
            await verb()
        assert caught.value.kind is FaultKind.ENVIRONMENT


async def test_time_is_the_databases(world: World) -> None:
    assert await world.store.now() == START
    await world.clock.advance(12.5)
    assert await world.store.now() == START + 12.5
    assert await (await world.another()).now() == START + 12.5


async def test_what_one_store_commits_the_other_sees(world: World) -> None:
    other = await world.another()
    run = await world.begin(workflow_id="o-1")
    found = await other.find_run("o-1")
    assert found is not None
    assert found.run_id == run.run_id


async def test_closing_twice_is_safe(world: World) -> None:
    store = await world.another()
    await store.now()
    await store.close()
    await store.close()


async def test_warnings_are_words(world: World) -> None:
    for warning in await world.store.warnings():
        assert " " in warning
