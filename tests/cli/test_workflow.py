"""`stepwell workflow`: what it shows, and what it changes."""

import json

from stepwell import Client, Stepwell
from tests.cli.flows import add, fail, nap, text
from tests.cli.kit import Cli


def test_a_list_has_one_row_per_run_newest_first(engine: Stepwell, cli: Cli) -> None:
    for id in ("a-1", "a-2", "b-1"):
        add.options(id=id).start(1, 2).result(timeout=10)
    rows = [line.split() for line in cli.lines("workflow", "list")[2:]]
    assert [row[0] for row in rows] == ["b-1", "a-2", "a-1"]
    assert all(row[1:3] == ["tests.cli.flows:add", "SUCCESS"] for row in rows)
    assert [info["workflow_id"] for info in cli.json("workflow", "list", "--id-prefix", "a-")["workflows"]] == [
        "a-2",
        "a-1",
    ]


def test_filters_and_counts(engine: Stepwell, client: Client, cli: Cli) -> None:
    add.options(id="done", engine=engine, attributes={"shop": "eu", "level": 3}).start(1, 2).result(timeout=10)
    nap.options(id="later", engine=engine, delay=3600).start(1)

    def ids(*words: str) -> list[str]:
        return [info["workflow_id"] for info in cli.json("workflow", "list", *words)["workflows"]]

    assert ids("--status", "success") == ["done"]
    assert ids("--status", "SUCCESS", "--status", "ENQUEUED") == ["later", "done"]
    assert ids("--name", "tests.cli.flows:nap") == ["later"]
    assert ids("--attribute", "shop=eu", "--attribute", "level=3") == ["done"]
    assert ids("--attribute", "level=4") == []
    assert ids("--since", "1h") == ["later", "done"]
    assert ids("--until", "1h") == []
    assert ids("--since", "2020-01-01", "--until", "2020-01-02T12:00") == []
    assert cli.json("workflow", "list", "--count", "--status", "ENQUEUED") == {"count": 1}
    assert cli.lines("workflow", "list", "--count") == ["2"]
    assert cli.lines("workflow", "list", "--status", "DEAD") == ["no runs"]


def test_pages_follow_each_other(client: Client, cli: Cli) -> None:
    for number in range(5):
        add.options(id=f"run-{number}", engine=client).start(number, 0)
    first = cli.json("workflow", "list", "--limit", "3")
    second = cli.json("workflow", "list", "--limit", "3", "--after", first["after"])
    found = [info["workflow_id"] for info in first["workflows"] + second["workflows"]]
    assert found == [f"run-{number}" for number in reversed(range(5))]
    assert second["after"] is None
    assert first["after"] in cli("workflow", "list", "--limit", "3").stderr


def test_a_list_has_no_payloads(engine: Stepwell, cli: Cli) -> None:
    text.options(id="t").start("a secret").result(timeout=10)
    assert "secret" not in cli("workflow", "list", "--json").stdout
    assert "secret" not in cli("workflow", "list").stdout


def test_show_says_why_it_is_not_running(client: Client, cli: Cli) -> None:
    add.options(id="a", engine=client).start(1, 2)
    assert cli.lines("workflow", "show", "a")[0] == (
        "ENQUEUED: no process is running on this database: start one (`stepwell worker module:engine`)."
    )
    document = cli.json("workflow", "show", "a")
    assert document["why"].startswith("ENQUEUED: no process is running")
    assert document["status"] == "ENQUEUED"
    assert document["input"] == {"args": [1, 2]}


def test_show_has_the_recorded_failure(engine: Stepwell, cli: Cli) -> None:
    handle = fail.options(id="f").start("no such card")
    assert cli("workflow", "result", "f", code=1).stderr.startswith(
        "Error: workflow 'f' failed: ValueError: no such card"
    )
    shown = cli("workflow", "show", "f").stdout
    assert "ValueError: no such card" in shown
    assert "flows.py" in shown  # the traceback as it was recorded
    document = cli.json("workflow", "show", "f")
    assert (document["error"]["type"], document["error"]["message"]) == (
        "builtins:ValueError",
        "no such card",
    )
    assert document["run_id"] == str(handle.run_id)


def test_steps_in_order_with_what_rewind_takes(engine: Stepwell, cli: Cli) -> None:
    add.options(id="a").start(1, 2).result(timeout=10)
    steps = cli.json("workflow", "steps", "a")["steps"]
    assert [(step["id"], step["name"], step["ended"], step["output"]) for step in steps] == [
        (":0", "plus", "ok", 3),
        (":1", "plus", "ok", 3),
    ]
    rows = [line.split() for line in cli.lines("workflow", "steps", "a")[2:]]
    assert [row[:4] for row in rows] == [[":0", "plus", "step", "ok"], [":1", "plus", "step", "ok"]]


def test_steps_of_a_run_that_has_none(client: Client, cli: Cli) -> None:
    add.options(id="a", engine=client).start(1, 2)
    assert cli.lines("workflow", "steps", "a") == ["nothing is recorded or begun yet"]
    assert cli.json("workflow", "steps", "a") == {"workflow_id": "a", "steps": []}


def test_long_outputs_are_cut_unless_asked_for(engine: Stepwell, cli: Cli) -> None:
    text.options(id="t").start("x" * 200).result(timeout=10)
    short, full = (cli("workflow", "steps", "t", *words).stdout for words in ((), ("--full",)))
    assert "xxx..." in short
    assert short.count("x") < 60
    assert full.count("x") == 200
    assert cli("workflow", "result", "t").stdout == "x" * 200 + "\n"


def test_results_can_be_piped(engine: Stepwell, cli: Cli) -> None:
    add.options(id="a").start(1, 2).result(timeout=10)
    text.options(id="t").start("two words [bold]").result(timeout=10)
    assert cli("workflow", "result", "a").stdout == "3\n"
    assert cli("workflow", "result", "t").stdout == "two words [bold]\n"
    assert cli.json("workflow", "result", "a")["output"] == 3


def test_a_failed_result_is_exit_code_1_in_json_too(engine: Stepwell, cli: Cli) -> None:
    fail.options(id="f").start("broken")
    document = cli.json("workflow", "result", "f", code=1)
    assert (document["status"], document["error"]["message"]) == ("ERROR", "broken")


def test_waiting_ends_with_exit_code_5(client: Client, cli: Cli) -> None:
    add.options(id="a", engine=client).start(1, 2)
    assert "has not ended within 0.1 s" in cli("workflow", "result", "a", "--timeout", "0.1", code=5).stderr


def test_cancel_and_resume(client: Client, cli: Cli) -> None:
    add.options(id="a", engine=client).start(1, 2)
    assert cli.lines("workflow", "cancel", "a") == ["a is asked to stop"]
    assert client.handle("a").status().status == "CANCELLED"
    assert "was cancelled: cancel" in cli("workflow", "result", "a", code=1).stderr
    assert cli.json("workflow", "resume", "a") == {"workflows": [{"workflow_id": "a", "done": True, "error": None}]}
    assert client.handle("a").status().status == "ENQUEUED"
    assert cli.lines("workflow", "cancel", "--force", "a") == ["a is cancelled"]
    assert client.handle("a").status().status == "CANCELLED"


def test_one_that_fails_does_not_stop_the_others(client: Client, cli: Cli) -> None:
    for id in ("a", "b"):
        add.options(id=id, engine=client).start(1, 2)
    result = cli("workflow", "cancel", "a", "nobody", "b", code=4)
    assert result.stdout.splitlines() == ["a is asked to stop", "b is asked to stop"]
    assert "nobody" in result.stderr
    answers = cli.json("workflow", "delete", "a", "nobody", "b", code=4)["workflows"]
    assert [(answer["workflow_id"], answer["done"]) for answer in answers] == [
        ("a", True),
        ("nobody", False),
        ("b", True),
    ]
    assert client.count() == 0


def test_what_cannot_be_resumed_or_deleted_is_a_no(client: Client, cli: Cli) -> None:
    add.options(id="a", engine=client).start(1, 2)
    assert "only BLOCKED, DEAD, CANCELLED and ERROR" in cli("workflow", "resume", "a", code=1).stderr
    assert "cancel it first" in cli("workflow", "delete", "a", code=1).stderr


def test_rewind_runs_a_step_again(engine: Stepwell, cli: Cli) -> None:
    handle = add.options(id="a").start(1, 2)
    handle.result(timeout=10)
    before = handle.steps()
    assert cli.lines("workflow", "rewind", "a", ":1") == ["a runs again from :1"]
    engine.run_until_idle()
    after = engine.handle("a").steps()
    assert after[0] == before[0]
    assert after[1].completed_at is not None
    assert before[1].completed_at is not None
    assert after[1].completed_at > before[1].completed_at
    assert "has recorded no such step" in cli("workflow", "rewind", "a", ":7", code=1).stderr
    assert "step must be a StepInfo.id" in cli("workflow", "rewind", "a", "first", code=2).stderr


def test_fork_keeps_what_came_before(engine: Stepwell, cli: Cli) -> None:
    add.options(id="a").start(1, 2).result(timeout=10)
    document = cli.json("workflow", "fork", "a", ":1", "--id", "b")
    assert (document["workflow_id"], document["forked_from"], document["step"]) == ("b", "a", ":1")
    assert engine.handle("b").result(timeout=10) == 3
    made = cli.json("workflow", "fork", "a", ":0", "--input", "[5, 6]", "--workflow", "tests.cli.flows:add")
    assert engine.handle(made["workflow_id"]).result(timeout=10) == 11
    assert "--input needs --workflow" in cli("workflow", "fork", "a", ":0", "--input", "[5]", code=2).stderr


def test_executors(client: Client, cli: Cli, database: str) -> None:
    assert cli.json("executor", "list") == {"executors": []}
    assert cli.lines("executor", "list")[0].startswith("no process is running")
    with Stepwell(database, name="default"):
        (found,) = cli.json("executor", "list")["executors"]
        assert found["state"] == "live"
        assert "tests.cli.flows:add" in found["serves"]
        assert "live" in cli("executor", "list").stdout


def test_what_users_write_is_no_markup(engine: Stepwell, cli: Cli) -> None:
    fail.options(id="f").start("[red]not markup[/red] :smile:")
    engine.run_until_idle()
    assert "[red]not markup[/red] :smile:" in cli("workflow", "show", "f").stdout
    json.loads(cli("workflow", "show", "f", "--json").stdout)
