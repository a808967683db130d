"""The codec fails while a transaction ends, or when its outcome is read: nothing commits twice, no run ends by it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from stepwell import CodecUnavailable, Settings, Stepwell
from tests.engine.kit import QUICK, Signal
from tests.transactions import bodies
from tests.transactions.flows import HOME, Adder
from tests.transactions.kit import Home, outcomes


class Server:
    """A codec whose key server may be away."""

    codec_id = "server-1"

    def __init__(self) -> None:
        self.may_write = self.may_read = True
        self.in_vain = Signal()
        self.left: int | None = None

    def encode(self, text: str) -> str:
        if not self.may_write:
            self.in_vain.set()
            raise ConnectionError("the key server is away")
        return text[::-1]

    def decode(self, text: str) -> str:
        if not self.may_read:
            if self.left is not None:
                self.left -= 1
                self.may_read = self.left <= 0
            self.in_vain.set()
            raise ConnectionError("the key server is away")
        return text[::-1]


CHOSEN = ("psycopg", "psycopg-async", "asyncpg", "asyncpg-async", "sqlite", "sqlite-async")
each_kind = pytest.mark.parametrize(
    "adder", [each for each in HOME if each.name in CHOSEN], ids=lambda adder: str(adder.name)
)


@pytest.fixture
def home(request: pytest.FixtureRequest, adder: Adder) -> Home:
    """The database that the kind of connection is for."""
    found: Home = request.getfixturevalue(f"{adder.database}_home")
    return found


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.may_write = server.may_read = True


@pytest.fixture
def engine(home: Home, server: Server) -> Iterator[Stepwell]:
    settings = Settings(**{**QUICK, "call_patience": 0.5})
    with Stepwell(home.url, serializer=server, settings=settings) as engine:
        yield engine
        server.may_write = server.may_read = True


@each_kind
def test_an_outcome_waits_for_the_codec_and_commits_once(
    adder: Adder, home: Home, server: Server, engine: Stepwell
) -> None:
    """Meanwhile nothing is kept open: the body runs again."""

    def leaves(_: Any) -> None:
        server.may_write = bodies.bodies["e-1"] > 1

    bodies.then["e-1"] = leaves
    handle = adder.workflow.options(id="w").start("e")
    server.in_vain.wait()
    assert handle.result(timeout=15) == ["added e-1", "added e-2"]
    assert home.ledger() == {"e-1": 1, "e-2": 1}
    assert bodies.bodies == {"e-1": 2, "e-2": 1}
    assert engine.health()["status"] == "OK"


@each_kind
def test_a_failure_waits_for_the_codec(adder: Adder, home: Home, server: Server, engine: Stepwell) -> None:
    def fail(_: Any) -> None:
        server.may_write = False
        raise KeyError("no")

    bodies.then["e-2"] = fail
    handle = adder.workflow.options(id="w").start("e")
    server.in_vain.wait()
    server.may_write = True
    with pytest.raises(KeyError, match="no"):
        handle.result(timeout=15)
    assert bodies.bodies == {"e-1": 1, "e-2": 1}
    assert outcomes(handle) == [("transaction", "ok"), ("transaction", "error")]


@each_kind
@pytest.mark.parametrize("refused", [1, 3])
def test_a_recorded_outcome_is_read_a_little_later(
    adder: Adder, home: Home, server: Server, engine: Stepwell, refused: int
) -> None:
    """The arguments' and the first transaction's, by who takes the run over."""

    def leave(_: Any) -> None:
        if bodies.bodies["e-2"] == 1:
            server.may_read, server.left = False, refused
            raise SystemExit

    bodies.then["e-2"] = leave
    handle = adder.workflow.options(id="w").start("e")
    server.in_vain.wait()
    assert handle.result(timeout=15) == ["added e-1", "added e-2"]
    assert bodies.bodies == {"e-1": 1, "e-2": 2}
    assert home.ledger() == {"e-1": 1, "e-2": 1}


@pytest.mark.parametrize("adder", [each for each in HOME if each.name == "psycopg"], ids=["psycopg"])
def test_a_start_in_the_callers_transaction_ends_when_the_patience_is_over(
    adder: Adder, home: Home, server: Server, engine: Stepwell
) -> None:
    server.may_write = False
    with psycopg.connect(home.url) as conn, pytest.raises(CodecUnavailable, match="server-1"):
        adder.workflow.options(conn=conn, id="w").start("e")
    assert engine.count() == 0
