"""The connection is cut right after COMMIT was sent on, at every commit in turn: nothing is lost, nothing doubled."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from stepwell import Stepwell
from stepwell.testing import PostgresServer
from tests.engine.kit import Lab
from tests.faults.kit.proxy import Proxy
from tests.transactions import bodies
from tests.transactions.elsewhere import adder, postgres_transactions
from tests.transactions.flows import HOME
from tests.transactions.kit import Home, outcomes

COMMITTED = b"COMMIT\x00"


class CommitCutter(Proxy):
    """Loses the answers to COMMIT whose numbers it is told, after the server has carried them out."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.commits = 0
        self.cut_at: set[int] = set()

    def loses_answer(self, data: bytes) -> bool:
        if COMMITTED not in data:
            return False
        self.commits += 1
        return self.commits in self.cut_at


KINDS = ["psycopg", "psycopg-async", "psycopg_async-async", "asyncpg", "sqlalchemy", "session-async"]


@contextmanager
def proxied(url: str) -> Iterator[CommitCutter]:
    with CommitCutter(url) as proxy:
        yield proxy


def home_adder(name: str) -> Any:
    return next(each for each in HOME if each.name == name)


@pytest.mark.parametrize("kind", KINDS)
def test_cut_at_every_commit_of_the_engines_database(kind: str, postgres_home: Home) -> None:
    """The user's commits are told from the group commits by the word: those of the engine have no COMMIT of their
    own."""
    flow = home_adder(kind).workflow
    with proxied(postgres_home.url) as proxy:
        lab = Lab(proxy.url)
        engine = lab.launch()
        flow.options(id="warm")("warm")
        try:
            for number in range(2):
                proxy.cut_at = {proxy.commits + 1 + number}
                assert flow.options(id=f"w{number}")(f"w{number}") == [f"added w{number}-1", f"added w{number}-2"]
            proxy.cut_at = {proxy.commits + 1, proxy.commits + 2}
            assert flow.options(id="both")("both") == ["added both-1", "added both-2"]
            assert proxy.cuts >= 4
            assert set(postgres_home.ledger().values()) == {1}
            assert len(postgres_home.ledger()) == 8
            assert outcomes(engine.handle("both")) == [("transaction", "ok")] * 2
            assert set(bodies.bodies.values()) == {1}, "the outcome was found: no body ran again"
        finally:
            lab.close()


class Listener(Proxy):
    """Keeps what was answered, piece by piece."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.heard: list[bytes] = []

    def loses_answer(self, data: bytes) -> bool:
        self.heard.append(data)
        return False


@pytest.mark.parametrize("kind", ["psycopg", "psycopg_async-async"])
def test_the_checkpoint_and_its_commit_are_one_round_trip(kind: str, postgres_home: Home) -> None:
    flow = home_adder(kind).workflow
    with Listener(postgres_home.url) as proxy:
        lab = Lab(proxy.url)
        lab.launch()
        try:
            flow("e")
        finally:
            lab.close()
    recorded = [data for data in proxy.heard if b"record_transaction" in data]
    assert len(recorded) == 2
    assert all(COMMITTED in data for data in recorded)


@pytest.fixture
def there(postgres_server: PostgresServer) -> Iterator[Home]:
    home = Home(postgres_server.create_database("stepwell_cut"))
    home.create_ledger()
    yield home
    postgres_server.drop_database("stepwell_cut")


@pytest.mark.parametrize("kind", ["psycopg", "psycopg_async-async", "asyncpg-async", "session"])
def test_cut_at_every_commit_of_another_database(kind: str, there: Home, home: Home) -> None:
    with proxied(there.url) as proxy:
        transactions = postgres_transactions(proxy.url)
        flow = adder(transactions, kind).workflow
        engine: Stepwell = home.launch()
        flow.options(id="warm")("warm")
        for number in range(2):
            proxy.cut_at = {proxy.commits + 1 + number}
            assert flow.options(id=f"w{number}")(f"w{number}") == [f"added w{number}-1", f"added w{number}-2"]
        assert proxy.cuts == 2
        assert set(there.ledger().values()) == {1}
        assert len(there.ledger()) == 6
        assert set(bodies.bodies.values()) == {1}
        assert outcomes(engine.handle("w1")) == [("transaction", "ok")] * 2
        home.lab.close()
        transactions["session"].dispose()


@pytest.mark.parametrize("kind", ["psycopg", "psycopg_async-async"])
def test_an_unanswered_commit_is_given_up(kind: str, postgres_home: Home) -> None:
    """The connection is silent when the commit is due: after the call's deadline it is cut, and the outcome looked
    up."""
    flow = home_adder(kind).workflow
    with proxied(postgres_home.url) as proxy:
        lab = Lab(proxy.url)
        lab.launch(call_deadline=1.0)

        def swallow(_: Any) -> None:
            if bodies.bodies["e-1"] == 1:
                proxy.swallow()

        bodies.then["e-1"] = swallow
        try:
            assert flow("e") == ["added e-1", "added e-2"]
            assert set(postgres_home.ledger().values()) == {1}
            assert bodies.bodies["e-1"] == 2
        finally:
            lab.close()
