"""`stepwell workflow cancel` and `resume` with filters in the place of ids."""

import pytest

from stepwell import Client, Stepwell
from tests.cli.flows import add, fail
from tests.cli.kit import Cli, eventually

ADD = "tests.cli.flows:add"


@pytest.fixture
def five(client: Client) -> None:
    for number in range(5):
        queue = "mail" if number < 2 else "other"
        add.options(id=f"run-{number}", engine=client, queue=queue).start(number, 0)


def test_cancel_what_matches(client: Client, cli: Cli, five: None) -> None:
    assert cli.lines("workflow", "cancel", "--queue", "mail", "--yes") == ["2 runs cancelled"]
    assert cli.json("workflow", "list", "--count", "--queue", "mail", "--status", "cancelled") == {"count": 2}
    assert cli.json("workflow", "cancel", "--name", ADD, "--status", "ENQUEUED", "--yes") == {"cancelled": 3}
    assert cli.json("workflow", "cancel", "--all", "--yes") == {"cancelled": 0}
    assert client.count(status="CANCELLED") == 5


def test_it_asks_first(client: Client, cli: Cli, five: None) -> None:
    refused = cli("workflow", "cancel", "--name", ADD, code=1)
    assert "Cancel 5 runs?" in refused.stderr
    assert client.count(status="ENQUEUED") == 5
    assert "--yes" in cli("workflow", "cancel", "--name", ADD, "--json", code=2).stderr


def test_resume_what_matches(engine: Stepwell, cli: Cli) -> None:
    handles = [fail.options(id=f"f-{number}", engine=engine).start("no") for number in range(3)]
    for handle in handles:
        with pytest.raises(Exception, match="no"):
            handle.result(timeout=10)
    assert cli.json("workflow", "resume", "--id-prefix", "f-", "--status", "ERROR", "--yes") == {"resumed": 3}
    assert eventually(lambda: engine.count(status="ERROR") == 3, "they fail again")
    assert cli.json("workflow", "resume", "--id-prefix", "g-", "--yes") == {"resumed": 0}


@pytest.mark.parametrize("verb", ["cancel", "resume"])
def test_which_runs_must_be_said(client: Client, cli: Cli, verb: str, five: None) -> None:
    assert "which runs?" in cli("workflow", verb, code=2).stderr
    assert "not both" in cli("workflow", verb, "run-1", "--name", ADD, code=2).stderr
    assert client.count(status="ENQUEUED") == 5


def test_force_is_for_single_runs(client: Client, cli: Cli, five: None) -> None:
    assert "ids" in cli("workflow", "cancel", "--all", "--force", code=2).stderr
