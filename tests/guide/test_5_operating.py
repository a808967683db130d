"""Page 5: looking after runs: finding them, saying why they stand still, and putting them right."""

import pytest

from stepwell import Client, Stepwell, step, workflow

repaired: list[bool] = []


@pytest.fixture(autouse=True)
def broken() -> None:
    repaired.clear()


@step
def extract() -> int:
    return 41


@step
def load(rows: int) -> int:
    if not repaired:
        raise ConnectionError("the warehouse is down")
    return rows + 1


@workflow
def nightly() -> int:
    return load(extract())


def test_finding(database_url: str) -> None:
    with Stepwell(database_url) as engine:
        with pytest.raises(ConnectionError):
            nightly.options(id="monday", attributes={"region": "eu"})()
        [found] = engine.find(status="ERROR", attributes={"region": "eu"})
        assert found.workflow_id == "monday"
        assert engine.count(name="tests.guide.test_5_operating:nightly") == 1


def test_running_a_failed_step_again(database_url: str) -> None:
    with Stepwell(database_url) as engine:
        with pytest.raises(ConnectionError):
            nightly.options(id="monday")()
        repaired.append(True)
        [failed] = [each for each in engine.handle("monday").steps() if each.ended == "error"]
        assert engine.rewind("monday", failed.id).result() == 42  # `extract` is not run again


def test_trying_a_copy(database_url: str) -> None:
    with Stepwell(database_url) as engine:
        with pytest.raises(ConnectionError):
            nightly.options(id="monday")()
        repaired.append(True)
        [failed] = [each for each in engine.handle("monday").steps() if each.ended == "error"]
        copy = engine.fork("monday", failed.id, new_id="monday-again")
        assert copy.result() == 42
        assert engine.handle("monday").status().status == "ERROR"  # the original stays as it was


def test_why_is_it_not_running(database_url: str) -> None:
    with Client(database_url) as client:  # a client starts and looks; it never executes
        handle = nightly.options(id="monday").start()
        assert client.explain("monday").startswith("ENQUEUED: no process is running on this database")
        repaired.append(True)
        with Stepwell(database_url):
            assert handle.result() == 42
        assert client.explain("monday").startswith("SUCCESS")
