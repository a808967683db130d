"""The process dies before and after everything that it says on a user's connection: the writes happened exactly
once."""

import sqlite3
from typing import Any

import psycopg
import pytest

import stepwell
from stepwell import step, transaction, workflow
from stepwell.testing import PostgresServer, crash_everywhere

# The result of each body says how often it has committed: a doubled or lost one gives the run another outcome.
CREATE = "CREATE TABLE IF NOT EXISTS crash_ledger (run TEXT, entry INTEGER)"
COUNT = "SELECT count(*), coalesce(sum(entry), 0) FROM crash_ledger WHERE run = '{}'"


def add(entry: int) -> tuple[str, str]:
    run = stepwell.current().run_id
    return f"INSERT INTO crash_ledger VALUES ('{run}', {entry})", COUNT.format(run)


@transaction
def add_sqlite(conn: sqlite3.Connection, entry: int) -> list[int]:
    insert, count = add(entry)
    conn.execute(CREATE)
    conn.execute(insert)
    return list(conn.execute(count).fetchone())


@transaction
def add_psycopg(conn: psycopg.Connection[Any], entry: int) -> list[int]:
    insert, count = add(entry)
    conn.execute(insert.encode())
    return [int(each) for each in conn.execute(count.encode()).fetchall()[0]]


@transaction
async def add_psycopg_async(conn: psycopg.AsyncConnection[Any], entry: int) -> list[int]:
    insert, count = add(entry)
    await conn.execute(insert.encode())
    return [int(each) for each in (await (await conn.execute(count.encode())).fetchall())[0]]


@step
def plus(n: int) -> int:
    return n + 1


@workflow
def in_threads(n: int) -> list[list[int]]:
    first = add_sqlite(plus(n))
    stepwell.sleep(3)
    return [first, add_sqlite(plus(first[1]))]


@workflow
async def on_the_loop(n: int) -> list[list[int]]:
    first = await add_sqlite.aio(await plus.aio(n))
    return [first, await add_sqlite.aio(await plus.aio(first[1]))]


@workflow
def in_threads_on_postgres(n: int) -> list[list[int]]:
    first = add_psycopg(plus(n))
    return [first, add_psycopg_async.sync(plus(first[1]))]


@workflow
async def on_the_loop_on_postgres(n: int) -> list[list[int]]:
    first = await add_psycopg_async(await plus.aio(n))
    return [first, await add_psycopg.aio(await plus.aio(first[1]))]


TOUCHES = {"transaction_begin", "transaction_commit"}


@pytest.mark.parametrize("flow", [in_threads, on_the_loop], ids=["threads", "async"])
def test_sqlite(flow: Any) -> None:
    report = crash_everywhere(flow.bind(1), twice=10)
    assert set(report.calls) >= TOUCHES
    assert report.takeovers > 10


@pytest.mark.parametrize("flow", [in_threads_on_postgres, on_the_loop_on_postgres], ids=["threads", "async"])
def test_postgres(flow: Any, postgres_server: PostgresServer) -> None:
    database = postgres_server.create_database("stepwell_tx_crashes")
    try:
        postgres_server.execute(CREATE, database="stepwell_tx_crashes")

        def prepare() -> None:  # ids are the same in every scenario
            postgres_server.execute("TRUNCATE crash_ledger", database="stepwell_tx_crashes")

        report = crash_everywhere(flow.bind(1), database=database, prepare=prepare)
        assert set(report.calls) >= TOUCHES
        assert report.takeovers > 8
    finally:
        postgres_server.drop_database("stepwell_tx_crashes")
