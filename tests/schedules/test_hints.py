"""A change of a schedule is told to other processes; that one was fired is not, but that there is work."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from stepwell.model.schedules import Firing
from stepwell.store.api import Store, StoreIdentity
from stepwell.store.hints import Hint
from stepwell.store.open import open_store
from tests.store.conformance.test_schedules import schedule
from tests.store.hints_kit import RememberingEar, listening
from tests.store.postgres_only.kit import new_run

Opener = Callable[..., Awaitable[Store]]


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[Opener]:
    """Opens stores that tell, on one database."""
    async with AsyncExitStack() as stack:

        async def another(**identity: str) -> Store:
            store = open_store(database_url, StoreIdentity(**identity), call_deadline=10.0, notify=True)
            stack.push_async_callback(store.close)
            await store.open()
            await store.migrate()
            return store

        yield another


async def heard(ear: RememberingEar, hint: Hint) -> None:
    await ear.hears(hint)
    ear.forget()


async def test_what_is_told(opened: Opener) -> None:
    mine, other, app = await opened(), await opened(), await opened(app="elsewhere")
    async with listening(mine) as ear:
        await ear.hears(Hint.SCHEDULES | Hint.ENDED)  # what was told before
        ear.forget()
        assert await app.add_schedule(replace(schedule(), app="elsewhere"))
        await heard(ear, Hint.SCHEDULES)
        row = await other.schedule("nightly")
        assert row is not None
        assert await other.change_schedule(replace(row, paused=True))
        await heard(ear, Hint.SCHEDULES)
        assert await other.add_schedule(schedule("mine"))
        await heard(ear, Hint.SCHEDULES)
        run = new_run(owner=None)
        assert await other.fire([Firing("mine", 1, None, [run], fired=1.0)]) != [None]
        await heard(ear, Hint.WORK)
