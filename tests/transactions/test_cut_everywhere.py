"""The answer to every call in turn is lost, after the server has carried it out: to group commits, sends, publications
and users' commits, in the engine's database and in another one. Nothing is lost, nothing doubled."""

from collections.abc import Iterator
from typing import Any

import pytest

import stepwell
from stepwell import get_event, read_stream, recv, send, set_event, step, workflow, write_stream
from stepwell.testing import PostgresServer
from tests.engine.kit import Lab
from tests.faults.kit.proxy import Proxy
from tests.transactions import bodies
from tests.transactions.elsewhere import postgres_transactions
from tests.transactions.flows import add_psycopg
from tests.transactions.kit import Home, outcomes

#: More than a run makes calls.
LAST = 30

#: ReadyForQuery, without the state of the transaction.
READY = b"Z\x00\x00\x00\x05"


class AnswerCutter(Proxy):
    """Loses one answer, and its connection, within transactions too."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.answers = self.cut_at = 0

    def loses_answer(self, data: bytes) -> bool:
        if data[-6:-1] != READY:
            return False
        self.answers += 1
        return self.answers == self.cut_at


@step
def plus(n: int) -> int:
    return n + 1


@pytest.fixture
def there(postgres_server: PostgresServer) -> Iterator[Home]:
    home = Home(postgres_server.create_database("stepwell_cut_there"))
    home.create_ledger()
    yield home
    postgres_server.drop_database("stepwell_cut_there")


@pytest.mark.parametrize("cut", ["home", "there"])
def test_every_answer_in_turn(cut: str, postgres_home: Home, there: Home) -> None:
    with AnswerCutter(postgres_home.url) as near, AnswerCutter(there.url) as far:
        transactions = postgres_transactions(far.url)
        add_there = transactions["psycopg"]

        @workflow(name="cut_everywhere", replace=True)
        def everything(n: int) -> list[Any]:
            me = stepwell.current().id
            done: list[Any] = [add_psycopg(f"{me} home"), add_there(f"{me} there")]
            send(me, n)
            set_event("e", plus(n))
            write_stream("s", n)
            stepwell.close_stream("s")
            return [*done, recv(type=int), get_event(me, "e"), list(read_stream(me, "s"))]

        lab = Lab(near.url)
        engine = lab.launch(sweep_interval=5.0)
        everything.options(id="warm")(0)
        proxy = near if cut == "home" else far
        try:
            for n in range(1, LAST + 1):
                proxy.cut_at = proxy.answers + (n if cut == "home" else 1 + n % 5)
                me = f"w{n}"
                found = everything.options(id=me).start(n).result(timeout=30)
                assert found == [f"added {me} home", f"added {me} there", n, n + 1, [n]]
                kinds = [kind for kind, _ in outcomes(engine.handle(me))]
                assert len(kinds) == 10, kinds
        finally:
            proxy.cut_at = 0
            lab.close()
            transactions["session"].dispose()
        assert proxy.cuts >= LAST * 0.6
        for home in (postgres_home, there):
            assert set(home.ledger().values()) == {1}
            assert len(home.ledger()) == LAST + 1
        assert set(bodies.bodies.values()) <= {1, 2}, "a body runs again only if its transaction was lost"
        counted = "SELECT count(*), count(DISTINCT run_id), count(consumed_seq) FROM stepwell.messages"
        assert postgres_home.execute(counted) == [(LAST + 1, LAST + 1, LAST + 1)]
        counted = "SELECT count(*), count(DISTINCT run_id) FROM stepwell.streams WHERE NOT closed"
        assert postgres_home.execute(counted) == [(LAST + 1, LAST + 1)]
