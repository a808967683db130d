"""What other processes do to the same file is noticed, and what one does oneself is not."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from stepwell.model.rows import Leave, Wait
from stepwell.store.api import StoreIdentity
from stepwell.store.hints import Hint
from stepwell.store.sqlite import SQLiteStore
from stepwell.store.sqlite.listening import LAST_PAUSE
from tests.store.conformance.kit import LEASE, ROUTE, draw
from tests.store.hints_kit import RememberingEar, listening
from tests.store.postgres_only.kit import new_run

WORK, ENDED, CANCEL, MESSAGE = Hint.WORK, Hint.ENDED, Hint.CANCEL, Hint.MESSAGE

Opener = Callable[..., Awaitable[SQLiteStore]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens stores on one file."""
    async with AsyncExitStack() as stack:

        async def another(**identity: str) -> SQLiteStore:
            store = SQLiteStore(tmp_path / "stepwell.db", StoreIdentity(**identity), synchronous="OFF")
            stack.push_async_callback(store.close)
            await store.open()
            await store.migrate()
            return store

        yield another


async def quiet(ear: RememberingEar) -> None:
    """Until what has happened is noticed, and some looks longer."""
    seen = -1
    while seen != len(ear.said):
        seen = len(ear.said)
        await asyncio.sleep(LAST_PAUSE * 3)
    ear.forget()


async def test_others_commits_are_noticed(opened: Opener) -> None:
    mine, other = await opened(), await opened()
    async with listening(mine) as ear:
        await quiet(ear)
        await other.start([new_run(owner=None)])
        await ear.hears(WORK | ENDED | CANCEL)
        assert ear.states == []


async def test_own_commits_and_reads_are_not(opened: Opener) -> None:
    mine, other = await opened(), await opened()
    async with listening(mine) as ear:
        await quiet(ear)
        await mine.start([new_run(owner=None)])
        await mine.register(draw(), "host:1", LEASE, [ROUTE], [])
        await other.executors()
        await asyncio.sleep(LAST_PAUSE * 3)
        assert ear.said == []


async def test_work_is_said_only_where_something_can_be_claimed(opened: Opener) -> None:
    mine, other_app, other = await opened(), await opened(app="other"), await opened()
    later = new_run(owner=None)
    later.delay = 3600.0
    async with listening(mine) as one, listening(other_app) as two:
        await quiet(one)
        await quiet(two)
        await other.start([later])
        await one.hears(ENDED)
        assert one.all & WORK == Hint(0)
        await other.start([new_run(owner=None)])
        await one.hears(WORK)
        await quiet(two)
        assert two.all & WORK == Hint(0)


async def test_a_run_that_parks_while_it_is_cancelled_can_be_claimed(opened: Opener) -> None:
    """The request came while it parked: it is put back, for its cleanup."""
    mine, other = await opened(), await opened()
    me = draw()
    run = new_run(owner=me)
    await other.start([run])
    await other.request_cancel([run.run_id], "enough", False, False)
    assert await mine.cancels(me) == {run.run_id: "enough"}
    async with listening(mine) as ear:
        await quiet(ear)
        await other.leave([Leave(run.run_id, 1, "WAITING", waits=(Wait("", 0, "timer", wake_at=9e9),))])
        await ear.hears(WORK)


async def test_nobody_looks_before_anybody_wants_to(opened: Opener) -> None:
    mine, other = await opened(), await opened()
    async with listening(mine) as ear:
        await quiet(ear)
        ear.is_wanted.clear()
        await asyncio.sleep(LAST_PAUSE * 2)
        await other.start([new_run(owner=None)])
        await asyncio.sleep(LAST_PAUSE * 3)
        assert ear.said == []
        ear.is_wanted.set()
        await ear.hears(WORK)


async def test_a_file_that_fails_is_asked_again(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = await opened(), await opened()
    monkeypatch.setattr("stepwell.store.sqlite.listening._ERROR_PAUSE", 0.01)
    broken = sqlite3.OperationalError("disk I/O error")
    broken.sqlite_errorcode = sqlite3.SQLITE_IOERR
    failures = [broken] * 3

    def opener() -> object:
        if failures:
            raise failures.pop()
        return real()

    writer = mine._write
    real = writer._opener
    async with listening(mine) as ear:
        await quiet(ear)
        writer.disconnect()
        monkeypatch.setattr(writer, "_opener", opener)
        await other.start([new_run(owner=None)])
        await ear.hears(WORK)
        assert failures == []
