"""`stepwell queue`: what it shows, and what it changes."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from stepwell import Client, Queue, Rate, Stepwell, sleep, step, workflow
from tests.cli.flows import add
from tests.cli.kit import LONGEST_SECONDS, Cli, Program, eventually
from tests.engine.kit import Gate

gate = Gate()


@pytest.fixture(autouse=True)
def new_gate() -> None:
    global gate
    gate = Gate()


@step
def stand() -> None:
    gate.hold()


@workflow
def hold() -> None:
    stand()


@workflow
def doze() -> None:
    sleep(3600)


def wait_in(client: Client, queue: str, count: int, **options: Any) -> None:
    add.options(engine=client, queue=queue, **options).start_many(add.bind(number, 0) for number in range(count))


def test_list_and_show(client: Client, cli: Cli) -> None:
    assert cli.lines("queue", "list") == ["no queues"]
    client.queues.create(Queue("emails", concurrency=5, rate=Rate(100, per=60), partition_rate=Rate(1), fair=False))
    wait_in(client, "emails", 2)
    wait_in(client, "emails", 1, delay=3600)
    wait_in(client, "unknown", 1)
    rows = [" ".join(line.split()) for line in cli.lines("queue", "list")[2:]]
    assert [row.split()[:5] for row in rows] == [["emails", "on", "2", "1", "0"], ["unknown", "on", "1", "0", "0"]]
    assert rows[0].endswith("at once 5, rate 100/60s, partition rate 1/1s, unfair")
    shown = {line.partition("  ")[0]: line.partition("  ")[2].strip() for line in cli.lines("queue", "show", "emails")}
    assert shown["rate"] == "100/60s"
    assert shown["partitions"] == "by priority and age alone"
    assert shown["delayed"] == "1"
    assert "no limits, only runs" in cli("queue", "show", "unknown").stdout
    assert "there is no queue 'mails'" in cli("queue", "show", "mails", code=4).stderr


def test_json(client: Client, cli: Cli) -> None:
    client.queues.create(Queue("emails", rate=Rate(100, per=60)))
    wait_in(client, "emails", 2)
    document = cli.json("queue", "show", "emails")
    assert document.pop("oldest").endswith("+00:00")
    assert document == {
        "name": "emails",
        "concurrency": None,
        "worker_concurrency": None,
        "rate": {"limit": 100, "per": 60.0},
        "partition_concurrency": None,
        "partition_rate": None,
        "fair": True,
        "paused": False,
        "keep_place": False,
        "waiting": 2,
        "delayed": 0,
        "running": 0,
        "declared": True,
    }
    assert [queue["name"] for queue in cli.json("queue", "list")["queues"]] == ["emails"]


def test_set_changes_what_is_given_and_nothing_else(client: Client, cli: Cli) -> None:
    client.queues.create(Queue("emails", concurrency=5, worker_concurrency=2, paused=True))
    words = "--concurrency 7 --rate 100/60 --partition-concurrency 1 --partition-rate 10/2m --no-fair"
    assert cli.lines("queue", "set", "emails", *words.split()) == [
        "emails: at once 7, per process 2, rate 100/60s, per partition 1, partition rate 10/120s, unfair"
    ]
    assert client.queues.get("emails").queue == Queue(
        "emails", 7, 2, Rate(100, per=60), 1, Rate(10, per=120), fair=False, paused=True
    )
    words = "--concurrency none --rate NONE --partition-concurrency none --partition-rate none --fair"
    assert cli.lines("queue", "set", "emails", *words.split()) == ["emails: per process 2"]
    assert client.queues.get("emails").queue == Queue("emails", worker_concurrency=2, paused=True)
    assert cli.lines("queue", "set", "emails", "--worker-concurrency", "none") == ["emails: no limits"]
    assert cli.json("queue", "set", "emails", "--rate", "3/s")["rate"] == {"limit": 3, "per": 1.0}


def test_set_makes_a_queue_only_when_told_to(client: Client, cli: Cli) -> None:
    assert "--create makes it" in cli("queue", "set", "emials", "--concurrency", "5", code=4).stderr
    assert client.queues.list() == []
    cli("queue", "set", "emails", "--concurrency", "5", "--create")
    assert client.queues.get("emails").queue == Queue("emails", concurrency=5)
    cli("queue", "set", "emails", "--rate", "1/1s", "--create")
    assert client.queues.get("emails").queue == Queue("emails", concurrency=5, rate=Rate(1))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--concurrency 0", "concurrency of the queue 'emails' must be an integer from 1 on"),
        ("--concurrency many", "'many' is no limit"),
        ("--concurrency 99999999999", "must be an integer from 1 on"),
        ("--rate 100", "'100' is no rate"),
        ("--rate 100/0", "must be more than zero seconds"),
        ("--rate 0/60", "Rate.limit must be an integer from 1 on"),
        ("--rate -1/60", "'-1/60' is no rate"),
        ("--rate 1/soon", "'1soon' is no duration"),
        ("--rate 1/nan", "is no duration"),
        ("", "nothing to change"),
    ],
)
def test_limits_that_make_no_sense(client: Client, cli: Cli, words: str, told: str) -> None:
    client.queues.create(Queue("emails", concurrency=5))
    assert told in cli("queue", "set", "emails", *words.split(), code=2).stderr
    assert client.queues.get("emails").queue == Queue("emails", concurrency=5)


def test_pause_and_resume(engine: Stepwell, cli: Cli) -> None:
    assert cli.lines("queue", "pause", "emails") == ["emails is paused; 0 runs are still executed"]
    handle = add.options(id="a", queue="emails", engine=engine).start(1, 2)
    assert "is paused" in cli("workflow", "show", "a").stdout
    assert cli.json("queue", "show", "emails")["paused"] is True
    assert "emails goes on" in cli("queue", "resume", "emails").stdout
    assert handle.result(timeout=10) == 3


def test_purge_asks_first(client: Client, cli: Cli) -> None:
    wait_in(client, "emails", 3)
    assert "--yes" in cli("queue", "purge", "emails", "--json", code=2).stderr
    refused = cli("queue", "purge", "emails", code=1)
    assert "Cancel 3 runs that wait in emails?" in refused.stderr
    assert client.queues.get("emails").waiting == 3
    assert cli.lines("queue", "purge", "emails", "--yes") == ["3 runs are cancelled"]
    assert cli.json("queue", "purge", "emails", "--yes") == {"queue": "emails", "cancelled": 0}
    assert client.count(status="CANCELLED") == 3


def test_drain_says_what_is_left(engine: Stepwell, cli: Cli) -> None:
    assert cli.lines("queue", "drain", "emails") == ["emails is empty"]
    cli("queue", "pause", "emails")
    wait_in(engine, "emails", 2)
    waited = cli("queue", "drain", "emails", "--timeout", "0.1", code=5)
    assert "--timeout" in cli("queue", "drain", "emails", "--timeout", "nan", code=2).stderr
    assert "emails has 2 waiting, 0 delayed, 0 running; it is paused" in waited.stderr
    thread = threading.Thread(target=engine.queues.resume, args=["emails"])
    thread.start()
    assert cli.json("queue", "drain", "emails", "--timeout", "20") == {
        "queue": "emails",
        "empty": True,
        "parked": 0,
    }
    thread.join()


def test_drain_says_what_waits_parked(engine: Stepwell, cli: Cli) -> None:
    handles = [doze.options(queue="emails").start() for _ in range(2)]
    eventually(lambda: engine.count(status="WAITING") == 2, "both are parked")
    assert cli.lines("queue", "drain", "emails") == ["emails is empty; 2 runs wait parked"]
    handles[0].cancel()
    eventually(lambda: engine.count(status="WAITING") == 1, "one is cancelled")
    assert cli.lines("queue", "drain", "emails") == ["emails is empty; 1 run waits parked"]
    assert cli.json("queue", "drain", "emails") == {"queue": "emails", "empty": True, "parked": 1}


def test_drain_tells_while_it_waits(sqlite: str, program: Program, tmp_path: Path) -> None:
    log = tmp_path / "drain.log"
    with Client(sqlite) as client:
        wait_in(client, "emails", 2)
        draining = program.start(log, "queue", "drain", "emails")
        eventually(lambda: "emails: 2 waiting, 0 delayed, 0 running" in log.read_text(), "it tells")
        client.queues.purge("emails")
    assert draining.wait(LONGEST_SECONDS) == 0
    assert log.read_text().splitlines() == ["emails: 2 waiting, 0 delayed, 0 running", "emails is empty"]


def test_delete(client: Client, cli: Cli) -> None:
    client.queues.create(Queue("emails", concurrency=5))
    wait_in(client, "emails", 1)
    assert "purge or drain it first" in cli("queue", "delete", "emails", code=1).stderr
    client.queues.purge("emails")
    assert cli.lines("queue", "delete", "emails") == ["emails is deleted"]
    assert "there is no queue" in cli("queue", "delete", "emails", code=4).stderr


def test_names_that_cannot_be(client: Client, cli: Cli) -> None:
    for words in (
        ("show", "*"),
        ("pause", ""),
        ("purge", "*", "--yes"),
        ("set", "*", "--concurrency", "1", "--create"),
    ):
        assert json.loads(cli("queue", *words, "--json", code=2).stderr)["error"]["exit_code"] == 2


def test_what_is_executed_is_counted_and_keeps_its_limits(engine: Stepwell, cli: Cli) -> None:
    handle = hold.options(engine=engine, queue="emails").start()
    gate.reached.wait()
    assert cli.json("queue", "show", "emails")["running"] == 1
    assert "1 run is still executed" in cli("queue", "pause", "emails").stdout
    assert "1 that are executed" in cli("queue", "delete", "emails", code=1).stderr
    gate.open()
    handle.result(timeout=10)
