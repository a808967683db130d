"""Transactions in another database than the engine's: the outcome row, and what is read of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stepwell.testing import PostgresServer
from tests.engine.kit import eventually
from tests.transactions import bodies
from tests.transactions.elsewhere import adder, postgres_transactions, sqlite_transactions
from tests.transactions.flows import Adder
from tests.transactions.kit import Home, outcomes, the_run

POSTGRES = [
    f"postgres:{kind}{colour}"
    for kind in ("psycopg", "psycopg_async", "asyncpg", "session", "async_session")
    for colour in ("", "-async")
]
FILES = [f"file:{kind}{colour}" for kind in ("sqlite", "sqlalchemy") for colour in ("", "-async")]
each_kind = pytest.mark.parametrize("kind", POSTGRES + FILES)


@pytest.fixture
def there(kind: str, tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Home]:
    """The other database, with an empty ledger."""
    if kind.startswith("file"):
        home = Home(f"sqlite:///{tmp_path}/there.db")
        home.create_ledger()
        yield home
        return
    home = Home(postgres_server.create_database("stepwell_there"))
    home.create_ledger()
    yield home
    postgres_server.drop_database("stepwell_there")


@pytest.fixture
def add(kind: str, there: Home) -> Iterator[Adder]:
    where, _, name = kind.partition(":")
    transactions = sqlite_transactions(there.path) if where == "file" else postgres_transactions(there.url)
    yield adder(transactions, name)
    if "session" in transactions:
        transactions["session"].dispose()


@each_kind
def test_once_in_both_databases(add: Adder, there: Home, home: Home) -> None:
    engine = home.launch()
    assert add.workflow("e") == ["added e-1", "added e-2"]
    assert there.ledger() == {"e-1": 1, "e-2": 1}
    assert outcomes(the_run(engine)) == [("transaction", "ok")] * 2
    assert there.kept() == 2


@each_kind
def test_a_failure_leaves_nothing_there(add: Adder, there: Home, postgres_home: Home) -> None:
    engine = postgres_home.launch()

    def fail(_: Any) -> None:
        raise KeyError("no")

    bodies.then["e-1"] = fail
    with pytest.raises(KeyError):
        add.workflow("e")
    assert there.ledger() == {}
    assert there.kept() == 0
    assert outcomes(the_run(engine)) == [("transaction", "error")]


@pytest.mark.parametrize("kind", ["postgres:psycopg", "postgres:asyncpg-async", "file:sqlite"])
def test_what_committed_there_before_a_crash_is_found(add: Adder, there: Home, postgres_home: Home) -> None:
    """The process dies after the commit there and before the checkpoint here."""
    engine = postgres_home.launch()
    assert add.workflow.options(id="w")("e") == ["added e-1", "added e-2"]
    _lose_last_checkpoint(postgres_home)
    assert add.workflow.handle("w").result(timeout=15) == ["added e-1", "added e-2"]
    assert bodies.bodies == {"e-1": 1, "e-2": 1}
    assert there.ledger() == {"e-1": 1, "e-2": 1}
    assert outcomes(engine.handle("w")) == [("transaction", "ok")] * 2


@pytest.mark.parametrize("kind", ["postgres:psycopg", "file:sqlite-async"])
def test_going_back_before_it_runs_it_again(add: Adder, there: Home, home: Home) -> None:
    engine = home.launch()
    add.workflow.options(id="w")("e")
    engine.rewind("w", engine.handle("w").steps()[1].id)
    assert add.workflow.handle("w").result(timeout=15) == ["added e-1", "added e-2"]
    assert bodies.bodies == {"e-1": 1, "e-2": 2}
    assert there.ledger() == {"e-1": 1, "e-2": 2}


@pytest.mark.parametrize("kind", ["postgres:psycopg"])
def test_the_same_database_by_another_way_is_recognised(kind: str, postgres_home: Home) -> None:
    """A source that leads to the engine's own database needs no outcome row: writes and checkpoint commit together."""
    transactions = postgres_transactions(postgres_home.url)
    postgres_home.launch()
    for name in ("psycopg", "session"):
        assert adder(transactions, name).workflow(name) == [f"added {name}-1", f"added {name}-2"]
    assert postgres_home.execute("SELECT to_regclass('stepwell_transactions')") == [(None,)]
    transactions["session"].dispose()


@pytest.mark.parametrize("kind", ["postgres:psycopg", "file:sqlite"])
def test_outcomes_of_ended_runs_are_removed(
    add: Adder, there: Home, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepwell.services.janitor._PAUSE_SECONDS", 0.05)
    home.launch()
    add.workflow("e")
    eventually(lambda: there.kept() == 0, "the outcome rows to be removed")
    assert there.ledger() == {"e-1": 1, "e-2": 1}


@pytest.mark.parametrize("kind", ["postgres:psycopg", "file:sqlite"])
def test_without_ddl_the_table_is_asked_for(add: Adder, there: Home, home: Home) -> None:
    home.launch().close()
    home.launch(migrate=False)
    with pytest.raises(Exception, match=r"(?i)create table if not exists stepwell_transactions"):
        add.workflow("e")
    assert bodies.bodies == {}


def _lose_last_checkpoint(home: Home) -> None:
    """Be like a process that died before it was written: the run is taken over."""
    home.execute("DELETE FROM stepwell.operation_outputs WHERE seq = 1")
    home.execute(
        "UPDATE stepwell.workflow_status SET status = 'ENQUEUED', completed_at = NULL, output = NULL, epoch = epoch "
        "+ 1, owner = NULL"
    )
