"""What a claim costs is bounded, however much waits that it must not take: counted in SQLite's own instructions."""

import sqlite3
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from stepwell.model.queues import Queue, Rate
from stepwell.store.sqlite import claims
from stepwell.store.sqlite.connection import Session
from stepwell.store.sqlite.queues import put
from stepwell.store.sqlite.store import SQLiteStore
from tests.store.sqlite_only.conftest import Opened

ME = UUID(int=1)
#: Instructions between two counts.
GRAIN = 100


class Counted:
    """A session whose statements are counted."""

    def __init__(self, store: SQLiteStore, connection: sqlite3.Connection) -> None:
        connection.create_function("stepwell_clock", 0, lambda: 1000.0)
        self.db = Session(connection, store.identity)
        self.steps = 0
        self.taken = 0

    def fill(self, number: int, **columns: Any) -> None:
        """So many runs that wait, 1 s apart; columns are SQL, `i` counts from 1."""
        words = {
            "run_id": "randomblob(16)", "namespace": "'default'", "app": "'default'", "name": "'w'", "route": "'w||'",
            "workflow_id": "hex(randomblob(16))", "status": "'ENQUEUED'", "engine_format": "1", "input_digest": "'d'",
            "created_at": "i", "input": "'[]'", **columns,
        }  # fmt: skip
        self.db.connection.execute(
            f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number})"
            f" INSERT INTO workflow_status ({', '.join(words)}) SELECT {', '.join(words.values())} FROM n"
        )

    def claim(self, limit: int = 10) -> int:
        """Instructions / GRAIN of one claim, which is then taken back."""
        self._claim(limit)  # reads the schema
        self.steps = 0
        self._claim(limit)
        return self.steps

    def _claim(self, limit: int) -> None:
        self.db.connection.execute("BEGIN")
        self.db.connection.set_progress_handler(self._count, GRAIN)
        taken, _ = claims.claim(self.db, ME, ["w||"], None, limit, limit)
        self.db.connection.set_progress_handler(None, 0)
        self.db.connection.execute("ROLLBACK")
        self.taken = len(taken.runs)

    def _count(self) -> int:
        self.steps += 1
        return 0


@pytest.fixture
async def counted(opened: Opened, outsider: Callable[[], sqlite3.Connection]) -> Counted:
    return Counted(await opened(), outsider())


def test_a_claim_where_nothing_waits_costs_next_to_nothing(counted: Counted) -> None:
    assert counted.claim() <= 2


@pytest.mark.parametrize(
    "rows",
    [
        {"delayed": "1", "not_before": "2000 + i"},
        {"queue": "'q'", "route": "'unserved||'"},
        {"queue": "'paused'"},
        {"queue": "'full'"},
        {"queue": "'shut'"},
        {"queue": "'hot'", "partition_key": "'hot'"},
        {"status": "'WAITING'", "queue": "'full'"},
        {"expires_at": "2000 + i", "queue": "'paused'"},
    ],
    ids=["delayed", "unserved", "paused", "full", "shut", "hot partition", "waiting", "not expired"],
)
def test_what_a_claim_must_not_take_costs_it_nothing(counted: Counted, rows: dict[str, str]) -> None:
    put(counted.db, Queue("paused", paused=True))
    put(counted.db, Queue("full", concurrency=1))
    put(counted.db, Queue("shut", rate=Rate(1, per=60)))
    put(counted.db, Queue("hot", partition_concurrency=1))
    counted.fill(1, queue="'full'", status="'PENDING'", owner="randomblob(16)", started_at="1")
    counted.fill(1, queue="'hot'", partition_key="'hot'", status="'PENDING'", owner="randomblob(16)", started_at="1")
    counted.db.connection.execute(
        "INSERT INTO queue_starts (namespace, queue, partition_key, first_at, last_at, starts, keep_until)"
        " VALUES ('default', 'shut', '', 999, 999, 1, 1059)"
    )
    counted.fill(5)
    counted.fill(20, **rows)
    few = counted.claim()
    assert counted.taken == 5
    counted.fill(20_000, **rows)
    assert counted.claim() <= 1.5 * few
    assert counted.taken == 5


@pytest.mark.parametrize("queue", ["NULL", "'free'", "'limited'", "'fair'"])
def test_a_long_queue_costs_as_much_as_a_short_one(counted: Counted, queue: str) -> None:
    put(counted.db, Queue("limited", concurrency=1000, worker_concurrency=1000, rate=Rate(1000)))
    put(counted.db, Queue("fair", partition_concurrency=1000))
    partition = "'p' || (i % 3)" if queue == "'fair'" else "NULL"
    counted.fill(50, queue=queue, partition_key=partition)
    few = counted.claim()
    assert counted.taken == 10
    counted.fill(20_000, queue=queue, partition_key=partition)
    assert counted.claim() <= 1.5 * few
    assert counted.taken == 10


def test_many_partitions_cost_no_more_than_those_that_are_served(counted: Counted) -> None:
    put(counted.db, Queue("q", concurrency=1000))
    counted.fill(200, queue="'q'", partition_key="'p' || (i % 100)")
    few = counted.claim()
    counted.fill(20_000, queue="'q'", partition_key="'p' || (i % 10000)")
    assert counted.claim() <= 2 * few
    assert counted.taken == 10


def test_what_runs_is_counted_no_further_than_the_limit(counted: Counted) -> None:
    put(counted.db, Queue("q", concurrency=5, partition_concurrency=5))
    counted.fill(50, queue="'q'", partition_key="'p'")
    counted.fill(10, queue="'q'", partition_key="'p'", status="'PENDING'", owner="randomblob(16)", started_at="1")
    few = counted.claim()
    counted.fill(20_000, queue="'q'", partition_key="'p'", status="'PENDING'", owner="randomblob(16)", started_at="1")
    assert counted.claim() <= 1.5 * few
    assert counted.taken == 0
