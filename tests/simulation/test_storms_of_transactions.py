"""Several processes, everything that goes wrong, and users' transactions, whose writes are counted: none is lost, none
doubled, none is of a run that did not record it.

On Postgres: a SQLite file is locked for as long as a transaction is open, and a simulation's processes share a thread.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

import stepwell
from stepwell import Settings, transaction, workflow
from stepwell.testing import PostgresServer, Trouble, simulate
from tests.messaging.flows import conversation
from tests.simulation.test_storms import STORM
from tests.simulation.workload import add, plus

CREATE = "CREATE TABLE storm_ledger (run text, entry integer)"
COUNT = "SELECT count(*), coalesce(sum(entry), 0) FROM storm_ledger WHERE run = '{}'"


def _run() -> str:
    return str(stepwell.current().run_id)


@transaction
def write(conn: psycopg.Connection[Any], entry: int) -> list[int]:
    """How often this run has written, and how much: what is doubled or lost changes its outcome."""
    conn.execute(f"INSERT INTO storm_ledger VALUES ('{_run()}', {entry})".encode())
    return [int(each) for each in conn.execute(COUNT.format(_run()).encode()).fetchall()[0]]


@transaction
async def write_async(conn: psycopg.AsyncConnection[Any], entry: int) -> list[int]:
    await conn.execute(f"INSERT INTO storm_ledger VALUES ('{_run()}', {entry})".encode())
    return [int(each) for each in (await (await conn.execute(COUNT.format(_run()).encode())).fetchall())[0]]


@workflow
async def on_the_loop(n: int) -> list[list[int]]:
    """One kind after the other; the last thing that it does is to commit."""
    first = await write_async(n)
    await add(n, 1)
    second = await write.aio(n + 1)
    await stepwell.aio.sleep(7)
    return [first, second, await write_async(n + 2)]


@workflow
def in_threads(n: int) -> list[list[int]]:
    """Parks in between."""
    first = write(n)
    stepwell.sleep(6)
    plus(n, 1)
    return [first, write_async.sync(n + 1), write(n + 2)]


@workflow
async def undone(n: int) -> list[int]:
    """Its saga undoes by a transaction."""
    try:
        async with stepwell.aio.saga() as s:
            await write_async(n)
            s.push(write_async, -n)
            async with stepwell.aio.timeout(2):
                await stepwell.aio.recv("never")
    except stepwell.WaitTimeout:
        pass
    return await write.aio(0)


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    name = f"stepwell_ledgers_{uuid.uuid4().hex[:12]}"
    url = postgres_server.create_database(name)
    postgres_server.execute(CREATE, database=name)
    yield url
    postgres_server.drop_database(name)


def storm(database: str, seeds: range, trouble: Trouble, **settings: Any) -> None:
    """Each seed by itself: ids begin anew."""
    calls = [(on_the_loop, in_threads, undone, conversation)[n % 4].bind(n % 3 + 1) for n in range(8)]
    for seed in seeds:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("TRUNCATE storm_ledger")
        report = simulate(
            calls, seeds=[seed], trouble=trouble, database=database, settings=Settings(migrate=False, **settings)
        )
        assert report.faults > 10


@pytest.mark.parametrize("seeds", [range(4), range(4, 8)], ids=str)
def test_storm(database: str, seeds: range) -> None:
    storm(database, seeds, STORM)


def test_with_little_room(database: str) -> None:
    storm(database, range(20, 23), STORM, max_async=3, park_after=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("tens", range(1, 9))
def test_long_storm(database: str, tens: int) -> None:
    storm(database, range(tens * 10, tens * 10 + 10), STORM)
