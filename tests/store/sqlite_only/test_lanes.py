"""Who may use which connection when: inline, on a thread, in several processes."""

import asyncio
import contextlib
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwell.model.looking import RunFilter
from stepwell.store.faults import StoreFault
from stepwell.store.sqlite import SQLiteStore
from stepwell.store.sqlite.connection import Session
from tests.store.sqlite_only.conftest import Opened
from tests.store.sqlite_only.rows import new_run, steps


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("stepwell-sqlite")]


async def test_small_batches_need_no_thread(opened: Opened) -> None:
    store = await opened(inline_rows=10)
    run = new_run()
    await store.start([run])
    await store.commit(steps(run.run_id, 10))
    await store.list_runs(RunFilter())
    assert threads() == []


async def test_large_batches_leave_the_loop_free(opened: Opened) -> None:
    store = await opened(inline_rows=10)
    run = new_run()
    await store.start([run])
    committed, other = await asyncio.gather(store.commit(steps(run.run_id, 500)), store.start([new_run()]))
    assert committed.all_written
    assert other[0].created
    assert len(threads()) == 1
    await store.close()
    assert threads() == []


async def test_a_simulation_can_forbid_threads(opened: Opened) -> None:
    store = await opened(inline_rows=None)
    run = new_run()
    await store.start([run])
    await store.commit(steps(run.run_id, 500))
    assert threads() == []


async def test_a_caller_that_goes_away_does_not_hurt_the_others(opened: Opened) -> None:
    """The thread goes on with the connection: nobody else may touch it before it is done."""
    store = await opened(inline_rows=10)
    run = new_run()
    await store.start([run])
    entered, may_go_on = threading.Event(), threading.Event()

    def slow(db: Session) -> None:
        db.now()
        entered.set()
        may_go_on.wait(10)

    assert store._writer is not None
    large = asyncio.create_task(store._writer.ask(11, slow))
    await asyncio.to_thread(entered.wait, 10)
    large.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await large
    next_one = asyncio.create_task(store.commit(steps(run.run_id, 1)))
    await asyncio.sleep(0)
    assert not next_one.done()
    may_go_on.set()
    assert (await next_one).all_written


async def test_who_waits_for_a_turn_waits_no_longer_than_the_deadline(
    opened: Opened, outsider: Callable[[], sqlite3.Connection]
) -> None:
    """Ten calls that meet the same lock give up together, not one deadline after the other."""
    store = await opened(call_deadline=0.3)
    outsider().execute("BEGIN IMMEDIATE")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    faults = await asyncio.gather(*(store.start([new_run()]) for _ in range(10)), return_exceptions=True)
    assert all(isinstance(fault, StoreFault) for fault in faults)
    assert loop.time() - begun < 10 * 0.3


async def test_a_verb_that_raises_leaves_no_transaction(opened: Opened) -> None:
    store = await opened()

    def broken(db: Session) -> None:
        db.run("executors/drain", (b"\0" * 16,))
        raise KeyError("a bug")

    assert store._writer is not None
    with pytest.raises(KeyError):
        await store._writer.ask(1, broken)
    assert (await store.start([new_run()]))[0].created


async def test_several_processes_share_one_file(opened: Opened, path: Path) -> None:
    """Each writes runs and steps of its own; nothing is lost, nothing is refused."""
    store = await opened(call_deadline=30.0)
    program = Path(__file__).with_name("writer_process.py")
    root = Path(__file__).parents[3]
    writers = [
        await asyncio.create_subprocess_exec(
            sys.executable, str(program), str(path), env={"PYTHONPATH": f"{root / 'src'}:{root}"}
        )
        for _ in range(2)
    ]
    mine = new_run()
    await store.start([mine])
    for seq in range(50):
        assert (await store.commit(steps(mine.run_id, 1, first=seq))).all_written
        await asyncio.sleep(0)
    assert [await writer.wait() for writer in writers] == [0, 0]
    rows = await store.list_runs(RunFilter())
    assert len(rows) == 3
    assert [len(await store.list_steps(row.run_id)) for row in rows] == [50, 50, 50]


async def test_nothing_is_durable_without_saying_so(opened: Opened) -> None:
    assert await (await opened()).warnings() == []
    (warning,) = await (await opened(synchronous="NORMAL")).warnings()
    assert "NORMAL" in warning


async def test_the_file_is_in_wal_mode_and_synchronous_as_asked(opened: Opened) -> None:
    def pragmas(db: Session) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [db.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    for synchronous, number in (("FULL", 2), ("NORMAL", 1)):
        store: SQLiteStore = await opened(synchronous=synchronous)
        assert store._writer is not None
        assert await store._writer.ask(1, pragmas) == ["wal", number, 1]


def test_a_synchronous_that_there_is_not() -> None:
    from stepwell.store.api import StoreIdentity

    with pytest.raises(ValueError, match="FULL"):
        SQLiteStore("x.db", StoreIdentity(), synchronous="SOMETIMES")
