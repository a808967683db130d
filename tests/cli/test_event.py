"""`stepwell event`: what it publishes, and whom it names."""

from typing import Any

import pytest

from stepwell import Client, Stepwell, workflow
from tests.cli.kit import Cli
from tests.engine.kit import eventually

WORKFLOW = "tests.cli.test_event:ship"


@workflow(on="cli.paid", where="amount > 100", cancel_on="cli.gone")
def ship(order: dict[str, Any]) -> Any:
    return order["amount"]


def test_publish_starts_who_subscribed_once(engine: Stepwell, cli: Cli) -> None:
    assert cli.lines("event", "publish", "cli.paid", '{"amount": 150}', "--id", "e-1") == ["published cli.paid as e-1"]
    assert cli.json("event", "publish", "cli.paid", '{"amount": 999}', "--id", "e-1") == {
        "event": "cli.paid",
        "id": "e-1",
    }
    cli("event", "publish", "cli.paid", '{"amount": 50}', "--id", "e-2")
    assert engine.handle(f"e-1:{WORKFLOW}").result(timeout=10) == 150
    assert engine.count(name=WORKFLOW) == 1
    drawn = cli.json("event", "publish", "cli.paid", '{"amount": 151}')["id"]
    assert engine.handle(f"{drawn}:{WORKFLOW}").result(timeout=10) == 151


def test_what_is_no_json_is_text(client: Client, cli: Cli) -> None:
    cli("event", "publish", "note", "hello", "--id", "n-1")
    store = client.runtime.store
    (rows,) = client._block(lambda runtime: store.events_above([("note", 0)], 10))
    assert [row.payload for row in rows] == ['"hello"']


def test_subscriptions(engine: Stepwell, cli: Cli) -> None:
    found = cli.json("event", "subscriptions", "cli.paid")["subscriptions"]
    assert found == [
        {
            "event": "cli.paid",
            "mode": "start",
            "workflow": WORKFLOW,
            "app": "default",
            "where": "amount > 100",
            "version": None,
            "queue": None,
        }
    ]
    assert [line.split()[:3] for line in cli.lines("event", "subscriptions") if "cli." in line] == [
        ["cli.gone", "cancel", WORKFLOW],
        ["cli.paid", "start", WORKFLOW],
    ]
    assert cli.lines("event", "subscriptions", "nobody.cares") == ["no subscriptions"]


def test_unsubscribe(engine: Stepwell, cli: Cli) -> None:
    assert "not subscribed" in cli("event", "unsubscribe", "cli.paid", WORKFLOW).stdout
    assert cli.lines("event", "subscriptions", "cli.paid") == ["no subscriptions"]
    assert "has not subscribed" in cli("event", "unsubscribe", "cli.paid", WORKFLOW, code=4).stderr
    assert cli.json("event", "unsubscribe", "cli.gone", WORKFLOW)["removed"] == 1
    cli("event", "publish", "cli.paid", '{"amount": 150}', "--id", "e-1")
    assert eventually(lambda: engine.count(name=WORKFLOW) == 0)


@pytest.mark.parametrize("words", [("publish", "", "1"), ("publish", "a", "1", "--id", "a/b"), ("subscriptions", "")])
def test_bad_names(client: Client, cli: Cli, words: tuple[str, ...]) -> None:
    assert "must not" in cli("event", *words, code=2).stderr
