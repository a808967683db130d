"""The databases that a simulation runs on: real ones, whose clocks follow the simulation's time."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from stepwell.store.api import Store, StoreIdentity
from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.testclock import PostgresTestClock
from stepwell.store.sqlite import SQLiteStore


@dataclass(frozen=True, slots=True)
class Standing:
    """The run's epoch and status, and whether the operation's outcome is recorded."""

    epoch: int
    status: str
    recorded: bool


class SimulatedDatabase(Protocol):
    """One database for many simulations, one after the other."""

    @property
    def url(self) -> str:
        """Where users' transactions run."""
        ...

    def store(self, clock: Callable[[], float]) -> Store:
        """A store for one process, not open yet. `clock` tells the database's time, unix seconds."""
        ...

    def follow(self, instant: float) -> None:
        """The database's clock says this from now on."""
        ...

    def standing(self, run_id: UUID, branch: str, seq: int) -> Standing | None:
        """How a run and one of its operations stand now; None if there is no such run. At once, from anywhere."""
        ...

    def abandon(self, store: Store) -> None:
        """Do to a store's connections what the death of its process would."""
        ...

    def reset(self) -> None:
        """Empty all tables."""
        ...

    def close(self) -> None:
        """Remove what was made."""
        ...


def simulated_database(database: str | None) -> SimulatedDatabase:
    """`None` or "sqlite": a temporary file. A Postgres URL: a temporary schema in that database."""
    if database is None or database == "sqlite":
        return SimulatedSQLite()
    return SimulatedPostgres(database)


class SimulatedSQLite:
    """A file in a temporary directory, in memory where the machine has one there."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")
        where = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
        self._directory = tempfile.TemporaryDirectory(prefix="stepwell-simulation-", dir=where)
        # Nobody turns the power off here; in memory, FULL costs nothing and nobody warns of it.
        self._synchronous = "OFF" if where is None else "FULL"
        self._template = Path(self._directory.name) / "template.db"
        self._looking = threading.Lock()  # bodies of `def` steps begin on threads
        self._look: sqlite3.Connection | None = None
        self._number = 0
        self._path = self._template
        store = self.store(lambda: 0.0)
        _run(_migrate(store))
        self.reset()

    @property
    def url(self) -> str:
        return f"sqlite:///{self._path}?synchronous={self._synchronous}"

    def store(self, clock: Callable[[], float]) -> Store:
        # No threads: a simulation has one.
        return SQLiteStore(self._path, StoreIdentity(), synchronous=self._synchronous, clock=clock, inline_rows=None)

    def follow(self, instant: float) -> None:
        """A SQLite database asks its process."""

    def standing(self, run_id: UUID, branch: str, seq: int) -> Standing | None:
        with self._looking:
            if self._look is None:
                self._look = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            row = self._look.execute(
                "SELECT epoch, status, EXISTS (SELECT 1 FROM operation_outputs o"
                " WHERE o.run_id = w.run_id AND o.branch = ? AND o.seq = ?) FROM workflow_status w WHERE run_id = ?",
                (branch, seq, run_id.bytes),
            ).fetchone()
        return None if row is None else Standing(row[0], row[1], bool(row[2]))

    def abandon(self, store: Store) -> None:
        _run(store.close())

    def reset(self) -> None:
        self._stop_looking()
        for path in Path(self._directory.name).glob("run-*"):
            path.unlink()
        self._number += 1
        self._path = Path(self._directory.name) / f"run-{self._number}.db"
        shutil.copyfile(self._template, self._path)

    def close(self) -> None:
        self._stop_looking()
        self._directory.cleanup()

    def _stop_looking(self) -> None:
        look, self._look = self._look, None
        if look is not None:
            look.close()


class SimulatedPostgres:
    """A schema of its own, dropped by `close`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._identity = StoreIdentity(schema=f"stepwell_simulation_{uuid4().hex[:12]}")
        self._connection = psycopg.connect(url, autocommit=True)
        _run(_migrate(PostgresStore(url, self._identity)))
        self._clock = PostgresTestClock(url, self._identity.schema)
        self._clock.install()
        self._said: float | None = None
        self.reset()

    @property
    def url(self) -> str:
        return self._url

    def store(self, clock: Callable[[], float]) -> Store:
        return PostgresStore(self._url, self._identity)

    def follow(self, instant: float) -> None:
        if instant != self._said:
            self._clock.set(instant)
            self._said = instant

    def standing(self, run_id: UUID, branch: str, seq: int) -> Standing | None:
        schema = sql.Identifier(self._identity.schema)
        question = sql.SQL(
            "SELECT epoch, status, EXISTS (SELECT FROM {schema}.operation_outputs o"
            " WHERE o.run_id = w.run_id AND o.branch = %s AND o.seq = %s)"
            " FROM {schema}.workflow_status w WHERE run_id = %s"
        ).format(schema=schema)
        row = self._connection.execute(question, (branch, seq, run_id)).fetchone()
        return None if row is None else Standing(*row)

    def abandon(self, store: Store) -> None:
        assert isinstance(store, PostgresStore)
        store.abandon()

    def reset(self) -> None:
        self._said = None
        schema = self._identity.schema
        tables = self._connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename NOT IN ('migrations', 'test_clock')",
            [schema],
        ).fetchall()
        for (name,) in tables:
            self._connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(schema, name)))

    def close(self) -> None:
        self._clock.close()
        self._connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(self._identity.schema)))
        self._connection.close()


async def _migrate(store: Store) -> None:
    await store.open()
    try:
        await store.migrate()
    finally:
        await store.close()


def _run(coroutine: Coroutine[None, None, object]) -> None:
    """Run it on a loop of its own."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(coroutine)
    finally:
        loop.close()
