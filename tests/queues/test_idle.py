"""What engines ask a database in which nothing happens: counted by the server, all queues together."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from stepwell import Queue, Rate, Schedule, Settings, Stepwell, workflow
from stepwell.testing import PostgresStartError, TemporaryPostgres

WINDOW_SECONDS = 6.0
COUNTING: dict[str, str | int | bool] = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "top",
    "pg_stat_statements.track_utility": False,
}


@workflow(name="idle_job")
def job() -> None: ...


@pytest.fixture(scope="module")
def counting_url() -> Iterator[str]:
    try:
        server = TemporaryPostgres(settings=COUNTING)
        server.start()
    except PostgresStartError as error:
        pytest.skip(f"this server has no pg_stat_statements: {error}")
    yield server.create_database("idle")
    server.stop()


def calls(url: str, seconds: float) -> dict[str, int]:
    """How often each statement was executed within so many seconds from now."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("create extension if not exists pg_stat_statements")
        session.execute("select pg_stat_statements_reset()")
        time.sleep(seconds)
        found = session.execute(
            "select query, calls from pg_stat_statements s join pg_database d on d.oid = s.dbid"
            " where d.datname = current_database() and query not ilike '%pg_stat_statements%'"
        ).fetchall()
    return {" ".join(str(query).split()): int(number) for query, number in found}


def engine(url: str, *, notify: bool) -> Stepwell:
    queues = [Queue(f"q{number}", concurrency=2, rate=Rate(5, per=1)) for number in range(20)]
    nightly = Schedule("nightly", cron="0 3 1 1 *", call=job.bind())
    return Stepwell(url, declare=[*queues, nightly], settings=Settings(notify=notify))


def claims(counted: dict[str, int]) -> int:
    return sum(number for query, number in counted.items() if "claim_runs" in query)


def test_who_hears_others_hardly_asks(counting_url: str) -> None:
    with engine(counting_url, notify=True) as running:
        job.options(engine=running, queue="q3").start().result(timeout=20)
        time.sleep(9.0)  # until hints are proved to arrive, and the pauses are long
        counted = calls(counting_url, WINDOW_SECONDS)
    assert claims(counted) <= 2, counted
    assert sum(counted.values()) <= 8 * WINDOW_SECONDS, counted


def test_who_does_not_asks_once_a_second_for_all_queues(counting_url: str) -> None:
    with engine(counting_url, notify=False) as running:
        job.options(engine=running, queue="q3").start().result(timeout=20)
        counted = calls(counting_url, WINDOW_SECONDS)
    assert 3 <= claims(counted) <= WINDOW_SECONDS / 0.8 + 1, counted
