"""Every kind of connection, from workflows of both colours, in the engine's own database."""

from typing import Any

import pytest

from stepwell import TransactionMisuse
from tests.transactions import bodies
from tests.transactions.flows import HOME, Adder
from tests.transactions.kit import Home, outcomes, the_run


@pytest.fixture
def home(request: pytest.FixtureRequest, adder: Adder) -> Home:
    """The database that the kind of connection is for."""
    found: Home = request.getfixturevalue(f"{adder.database}_home")
    return found


each_kind = pytest.mark.parametrize("adder", HOME, ids=[each.name for each in HOME])


@each_kind
def test_writes_and_outcome_commit_together(adder: Adder, home: Home) -> None:
    engine = home.launch()
    assert adder.workflow("e") == ["added e-1", "added e-2"]
    assert home.ledger() == {"e-1": 1, "e-2": 1}
    assert outcomes(the_run(engine)) == [("transaction", "ok")] * 2


@each_kind
def test_a_takeover_runs_no_committed_body_again(adder: Adder, home: Home) -> None:
    home.launch()

    def leave(_: Any) -> None:
        if bodies.bodies["e-2"] == 1:
            raise SystemExit

    bodies.then["e-2"] = leave
    handle = adder.workflow.options(id="w").start("e")
    assert handle.result(timeout=15) == ["added e-1", "added e-2"]
    assert bodies.bodies == {"e-1": 1, "e-2": 2}
    assert home.ledger() == {"e-1": 1, "e-2": 1}


@each_kind
def test_a_failure_is_rolled_back_and_recorded_and_tried_again_by_resume(adder: Adder, home: Home) -> None:
    engine = home.launch()

    def fail(_: Any) -> None:
        raise KeyError("no")

    bodies.then["e-2"] = fail
    with pytest.raises(KeyError, match="no"):
        adder.workflow.options(id="w")("e")
    assert home.ledger() == {"e-1": 1}
    assert outcomes(the_run(engine)) == [("transaction", "ok"), ("transaction", "error")]
    del bodies.then["e-2"]
    engine.resume("w")
    assert adder.workflow.handle("w").result(timeout=15) == ["added e-1", "added e-2"]
    assert bodies.bodies == {"e-1": 1, "e-2": 2}, "resume tries the failure again, and nothing else"
    assert home.ledger() == {"e-1": 1, "e-2": 1}


@each_kind
def test_ending_the_transaction_in_the_body_is_an_error(adder: Adder, home: Home) -> None:
    engine = home.launch()

    def end(connection: Any) -> Any:
        return connection.commit() if hasattr(connection, "commit") else connection.execute("COMMIT")

    bodies.then["e-1"] = end
    with pytest.raises(TransactionMisuse):
        adder.workflow("e")
    assert outcomes(the_run(engine)) == [("transaction", "error")]
    assert bodies.bodies == {"e-1": 1}


@each_kind
def test_after_it_the_connection_is_of_use_again_or_replaced(adder: Adder, home: Home) -> None:
    """There is only one: lost, nobody would get another; and what is open on it the next would commit."""
    home.launch(transaction_connections=1)

    def end(connection: Any) -> Any:
        return connection.commit() if hasattr(connection, "commit") else connection.execute("COMMIT")

    before: dict[str, int] = {}
    for entry in ("e", "f"):
        bodies.then[f"{entry}-1"] = end
        with pytest.raises(TransactionMisuse):
            adder.workflow(entry)
        before = home.ledger()
    assert adder.workflow("g") == ["added g-1", "added g-2"]
    assert home.ledger() == {**before, "g-1": 1, "g-2": 1}


@each_kind
def test_a_lost_fence_leaves_nothing(adder: Adder, home: Home) -> None:
    """Somebody else owns the run when the body has run: rolled back; the new owner runs the body."""
    home.launch()

    def lose(_: Any) -> None:
        if bodies.bodies["e-1"] == 1 and not home.is_sqlite:
            home.execute(
                "UPDATE stepwell.workflow_status SET epoch = epoch + 1, status = 'ENQUEUED', owner = NULL WHERE "
                "status = 'PENDING'"
            )

    bodies.then["e-1"] = lose
    if home.is_sqlite:
        pytest.skip("nobody else can write while a SQLite transaction is open")
    assert adder.workflow.options(id="w")("e") == ["added e-1", "added e-2"]
    assert bodies.bodies == {"e-1": 2, "e-2": 1}
    assert home.ledger() == {"e-1": 1, "e-2": 1}
    assert home.execute("SELECT DISTINCT epoch FROM stepwell.operation_outputs") == [(3,)]
