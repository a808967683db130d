"""The error table, each row of it provoked for real."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwell.model.looking import RunFilter
from stepwell.model.rows import Batch
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.sqlite.errors import fault_of
from tests.store.sqlite_only.conftest import Opened
from tests.store.sqlite_only.rows import ME, checkpoint, new_run, steps

Outsider = Callable[[], sqlite3.Connection]


def spoil(path: Path) -> None:
    """Noise instead of everything but the first page."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def write_something_else(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def files_beside(path: Path) -> list[Path]:
    return list(path.parent.iterdir())


async def test_a_lock_that_is_not_given_back_is_contention(opened: Opened, outsider: Outsider) -> None:
    store = await opened()
    outsider().execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreFault) as caught:
        await store.start([new_run()])
    assert (caught.value.kind, caught.value.code) == (FaultKind.CONTENTION, "SQLITE_BUSY")
    assert not caught.value.ambiguous


async def test_a_lock_of_another_process(opened: Opened, path: Path) -> None:
    store = await opened()
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True);"
        "sys.stdin.read(); c.execute('ROLLBACK'); c.close()"
    )
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"locked\n"
    with pytest.raises(StoreFault, match="locked"):
        await store.start([new_run()])
    holder.stdin.close()
    await holder.wait()
    assert (await store.start([new_run()]))[0].created


async def test_a_lock_that_is_given_back_in_time_is_waited_for(opened: Opened, outsider: Outsider) -> None:
    store = await opened(call_deadline=30.0)
    holder = outsider()
    holder.execute("BEGIN IMMEDIATE")
    start = asyncio.create_task(store.start([new_run()]))
    while not start.done() and holder.in_transaction:
        await asyncio.sleep(0.03)  # the loop goes on while the store waits
        holder.execute("ROLLBACK")
    assert (await start)[0].created


async def test_readers_do_not_wait_for_a_writer(opened: Opened, outsider: Outsider) -> None:
    store = await opened()
    outsider().execute("BEGIN IMMEDIATE")
    assert await store.list_runs(RunFilter()) == []


async def test_a_heartbeat_that_meets_a_lock_is_contention(opened: Opened, outsider: Outsider) -> None:
    store = await opened()
    outsider().execute("BEGIN IMMEDIATE")
    port = store.heartbeat_port()
    with pytest.raises(StoreFault) as caught:
        port.beat(ME, 15.0)
    port.close()
    assert caught.value.kind is FaultKind.CONTENTION


async def test_a_file_that_cannot_be_written_is_the_environment(opened: Opened, path: Path) -> None:
    store = await opened()
    await store.start([new_run()])
    # Root may write everything: query_only is what a read-only file is to SQLite's writers.
    if os.geteuid() == 0:
        assert store._writer is not None
        assert store._writer._session is not None
        store._writer._session.connection.execute("PRAGMA query_only = ON")
    else:
        os.chmod(path, 0o400)
        await store.close()
        await store.open()
    with pytest.raises(StoreFault) as caught:
        await store.start([new_run()])
    os.chmod(path, 0o600)
    assert caught.value.kind is FaultKind.ENVIRONMENT
    assert caught.value.code.startswith("SQLITE_READONLY")
    assert (await store.start([new_run()]))[0].created, "a new connection sees that it was mended"


async def test_a_full_disk_is_the_environment_and_leaves_nothing_behind(opened: Opened) -> None:
    store = await opened()
    run = new_run()
    await store.start([run])
    assert store._writer is not None
    assert store._writer._session is not None
    pages = store._writer._session.connection.execute("PRAGMA page_count").fetchone()[0]
    store._writer._session.connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(StoreFault) as caught:
        await store.commit(steps(run.run_id, 40, output="x" * 4000))
    assert (caught.value.kind, caught.value.code) == (FaultKind.ENVIRONMENT, "SQLITE_FULL")
    assert not caught.value.ambiguous
    assert await store.list_steps(run.run_id) == []
    assert (await store.commit(steps(run.run_id, 40, output="x" * 4000))).all_written


async def test_a_corrupt_file_is_unknown(opened: Opened, path: Path) -> None:
    store = await opened()
    await store.start([new_run() for _ in range(50)])
    await store.close()
    spoil(path)
    await store.open()
    with pytest.raises(StoreFault) as caught:
        await store.start([new_run() for _ in range(50)])
    assert caught.value.kind is FaultKind.UNKNOWN
    assert caught.value.code.startswith("SQLITE_CORRUPT")


async def test_a_file_of_another_kind_is_unknown(opened: Opened, path: Path) -> None:
    write_something_else(path)
    store = await opened(migrated=False)
    for verb in (store.migrate, store.executors):
        with pytest.raises(StoreFault) as caught:
            await verb()
        assert (caught.value.kind, caught.value.code) == (FaultKind.UNKNOWN, "SQLITE_NOTADB")


async def test_a_file_that_is_not_there_is_the_environment_and_is_not_made(opened: Opened, path: Path) -> None:
    store = await opened(migrated=False)
    for verb in (lambda: store.start([new_run()]), store.executors):
        with pytest.raises(StoreFault) as caught:
            await verb()
        assert (caught.value.kind, caught.value.code) == (FaultKind.ENVIRONMENT, "SQLITE_CANTOPEN")
    assert all(state.applied_at is None for state in await store.migrations())
    assert files_beside(path) == []


async def test_a_value_that_is_too_big_is_a_payload_fault(opened: Opened) -> None:
    store = await opened()
    run = new_run()
    await store.start([run])
    assert store._writer is not None
    assert store._writer._session is not None
    store._writer._session.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1000)
    with pytest.raises(StoreFault) as caught:
        await store.commit(Batch(checkpoints=[checkpoint(run.run_id, 0), checkpoint(run.run_id, 1, "x" * 2000)]))
    assert (caught.value.kind, caught.value.code) == (FaultKind.PAYLOAD, "SQLITE_TOOBIG")
    assert await store.list_steps(run.run_id) == []


async def test_a_number_over_64_bits_is_a_payload_fault(opened: Opened) -> None:
    store = await opened()
    run = new_run()
    await store.start([run])
    poisoned = checkpoint(run.run_id, 0)
    poisoned.fingerprint = 2**63
    with pytest.raises(StoreFault) as caught:
        await store.commit(Batch(checkpoints=[poisoned]))
    assert caught.value.kind is FaultKind.PAYLOAD


async def test_a_status_that_there_is_not_is_unknown(opened: Opened) -> None:
    store = await opened()
    with pytest.raises(StoreFault) as caught:
        await store.start([new_run(status="SLEEPING", owner=None)])
    assert (caught.value.kind, caught.value.code) == (FaultKind.UNKNOWN, "SQLITE_CONSTRAINT_CHECK")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("SQLITE_BUSY_SNAPSHOT", FaultKind.CONTENTION),
        ("SQLITE_LOCKED_SHAREDCACHE", FaultKind.CONTENTION),
        ("SQLITE_IOERR_FSYNC", FaultKind.ENVIRONMENT),
        ("SQLITE_READONLY_DBMOVED", FaultKind.ENVIRONMENT),
        ("SQLITE_NOMEM", FaultKind.CONNECTION),
        ("SQLITE_CORRUPT_INDEX", FaultKind.UNKNOWN),
        ("SQLITE_MISUSE", FaultKind.UNKNOWN),
        ("", FaultKind.UNKNOWN),
    ],
)
def test_extended_codes_fall_under_their_own(code: str, kind: FaultKind) -> None:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorname = code
    assert fault_of(error).kind is kind


@pytest.mark.parametrize(
    ("code", "ambiguous"), [("SQLITE_IOERR_FSYNC", True), ("SQLITE_BUSY", False), ("SQLITE_FULL", False)]
)
def test_a_commit_that_failed_may_have_been_written(code: str, ambiguous: bool) -> None:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorname = code
    assert fault_of(error, committing=True).ambiguous is ambiguous
    assert not fault_of(error).ambiguous


async def test_a_closed_store_is_a_connection_fault(opened: Opened) -> None:
    store = await opened()
    await store.close()
    with pytest.raises(StoreFault) as caught:
        await store.executors()
    assert caught.value.kind is FaultKind.CONNECTION
