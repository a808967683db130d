"""`stepwell enqueue`: one run, and runs from JSON lines."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stepwell import Client, Stepwell
from stepwell.cli.main import cli as commands
from tests.cli.flows import add
from tests.cli.kit import LONGEST_SECONDS, Cli, Program, eventually
from tests.cli.terminal import Terminal

ADD = "tests.cli.flows:add"
TEXT = "tests.cli.flows:text"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "runs.jsonl"


def ids(client: Client) -> list[str]:
    return sorted(info.workflow_id for info in client.find(limit=10_000))


def test_one_run_with_all_options(client: Client, cli: Cli) -> None:
    words = "--queue emails --priority -3 --partition p --dedup d --delay 1h --expires 2h --id a"
    assert cli.lines("enqueue", ADD, "--args", "[1]", "--kwargs", '{"b": 2}', *words.split()) == ["a"]
    info = client.handle("a").status()
    assert (info.status, info.queue, info.priority) == ("ENQUEUED", "emails", -3)
    assert json.loads(info.input or "") == {"args": [1], "kwargs": {"b": 2}}
    assert info.not_before is not None
    assert 3590 < (info.not_before - info.created_at).total_seconds() < 3610
    # The same partition key, dedup key and expiry as the decorator's options have: a second one attaches.
    again = cli.json("enqueue", ADD, "--args", "[5, 6]", "--queue", "emails", "--dedup", "d")
    assert again["workflow_id"] == "a"
    assert client.count() == 1


def test_wait_prints_the_result(engine: Stepwell, cli: Cli) -> None:
    assert cli.lines("enqueue", ADD, "--args", "[1, 2]", "--queue", "sums", "--wait") == ["3"]
    assert cli.json("enqueue", TEXT, "--args", '["hello"]', "--wait")["output"] == "hello"
    failed = cli("enqueue", "tests.cli.flows:fail", "--kwargs", '{"message": "no"}', "--id", "f", "--wait", code=1)
    assert "workflow 'f' failed: ValueError: no" in failed.stderr


def test_waiting_ends_with_exit_code_5(client: Client, cli: Cli) -> None:
    waited = cli("enqueue", ADD, "--args", "[1, 2]", "--id", "a", "--wait", "--timeout", "0.1", code=5)
    assert "has not ended within 0.1 s" in waited.stderr
    assert ids(client) == ["a"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--args", "[1"], "--args is not JSON"),
        (["--args", '{"a": 1}'], "args must be a JSON array"),
        (["--kwargs", "[1]"], "kwargs must be a JSON object"),
        (["--args", "[1]"], "missing a required argument: 'b'"),
        (["--args", "[1, 2, 3]"], "too many positional arguments"),
        (["--args", '["x", 2]'], "'a'"),
        (["--args", "[1, 2]", "--id", "a/b"], "must not"),
        (["--args", "[1, 2]", "--queue", "*"], "cannot have the name"),
        (["--args", "[1, 2]", "--timeout", "3"], "--timeout is for --wait"),
        (["--args", "[1, 2]", "--id-prefix", "x"], "--id-prefix is for --from"),
        (["--args", "[1, 2]", "--from", "-"], "the lines have the arguments"),
        (["--from", "/nowhere/to/be/found"], "No such file"),
        (["--from", "-", "--wait"], "stepwell queue drain"),
    ],
)
def test_what_cannot_be_started(client: Client, cli: Cli, words: list[str], told: str) -> None:
    assert told in cli("enqueue", ADD, *words, code=2).stderr
    assert client.count() == 0


def test_lines_in_both_forms(client: Client, cli: Cli, file: Path) -> None:
    line = {"args": [5], "kwargs": {"b": 6}, "id": "own", "queue": "other", "priority": 7, "delay": "1h"}
    file.write_text(f"[1, 2]\n\n  \n{json.dumps(line)}\n" + '{"kwargs": {"a": 3, "b": 4}, "attributes": {"x": 1}}')
    assert cli.lines("enqueue", ADD, "--from", str(file), "--queue", "sums", "--id-prefix", "n-") == [
        "3 runs are enqueued"
    ]
    found = {info.workflow_id: info for info in client.find()}
    assert sorted(found) == ["n-1", "n-5", "own"]  # the number is that of the line in the file
    assert (found["n-1"].queue, found["own"].queue, found["own"].priority) == ("sums", "other", 7)
    assert found["own"].not_before is not None
    assert found["n-5"].attributes == {"x": 1}
    assert json.loads(client.handle("n-5").status().input or "") == {"args": [], "kwargs": {"a": 3, "b": 4}}


def test_again_starts_nothing_twice(client: Client, cli: Cli, file: Path) -> None:
    file.write_text("\ufeff" + "".join(f"[{number}, 0]\n" for number in range(2500)), "utf-8")
    for _ in range(2):
        assert cli.json("enqueue", ADD, "--from", str(file), "--id-prefix", "n-") == {"workflow": ADD, "enqueued": 2500}
        assert client.count() == 2500
    assert ids(client) == sorted(f"n-{number}" for number in range(1, 2501))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'["one", 2]', "line 2001: "),
        (b"[1, 2", "line 2001: this is not JSON"),
        (b"\xff\xfe", "line 2001: this is not JSON"),
        (b"[NaN, 1]", "line 2001: this is not JSON"),
        (b"7", "line 2001: a line is an array of arguments"),
        (b"[1]", "line 2001: missing a required argument"),
        (b'{"arguments": [1, 2]}', "line 2001: there is no 'arguments' in a line"),
        (b'{"args": [1, 2], "queue": "*"}', "line 2001: a queue cannot have the name"),
        (b'{"args": [1, 2], "priority": "high"}', "line 2001: priority"),
        (b'{"args": [1, 2], "delay": "soon"}', "line 2001: delay: 'soon' is no duration"),
        (b'{"args": [1, 2], "delay": -1}', "line 2001: delay"),
        (b'{"args": 1}', "line 2001: args must be a JSON array"),
        (b'{"args": [1, 2], "id": "n-3"}', "line 2001: line 3 has the id 'n-3' too"),
    ],
)
def test_a_bad_line_is_named_before_anything_is_started(
    client: Client, cli: Cli, file: Path, line: bytes, told: str
) -> None:
    file.write_bytes(b"".join(b"[%d, 0]\n" % number for number in range(2000)) + line + b"\n")
    refused = cli("enqueue", ADD, "--from", str(file), "--id-prefix", "n-", code=2)
    assert told in refused.stderr
    assert "Nothing was started." in refused.stderr
    assert client.count() == 0


def test_a_payload_over_the_cap_is_a_bad_line(client: Client, cli: Cli, file: Path) -> None:
    file.write_text('["fits"]\n' + json.dumps(["x" * 17 * 1024 * 1024]) + "\n")
    assert "line 2: " in cli("enqueue", TEXT, "--from", str(file), code=2).stderr
    assert client.count() == 0


def test_an_id_that_means_something_else_names_the_lines(client: Client, cli: Cli, file: Path) -> None:
    add.options(engine=client, id="n-1500").start(7, 7)
    file.write_text("".join(f"[{number}, 0]\n" for number in range(2500)))
    refused = cli("enqueue", ADD, "--from", str(file), "--id-prefix", "n-", code=1)
    assert "lines 1001 to 2000: the id 'n-1500' belongs to a run" in refused.stderr
    assert client.count() == 2000


def test_standard_input(client: Client, cli: Cli, database: str) -> None:
    words = ("enqueue", ADD, "--from", "-", "--id-prefix", "n-", "--database", database)
    result = CliRunner().invoke(commands, words, input='[1, 2]\n{"args": [3, 4]}\n')
    assert (result.exit_code, result.stdout) == (0, "2 runs are enqueued\n")
    assert ids(client) == ["n-1", "n-2"]
    result = CliRunner().invoke(commands, words, input="")
    assert (result.exit_code, result.stdout) == (0, "0 runs are enqueued\n")


def test_annotations_count(program: Program, sqlite: str, file: Path) -> None:
    file.write_text('{"args": ["a", {"width": 2, "height": 1.5}], "kwargs": {"times": 2}}\n')
    with Client(sqlite):
        pass  # the tables are there
    program("enqueue", "shop:measure", "--from", str(file), "--id-prefix", "m-")
    # The same call, however it is spelled: it attaches, and finds the run that the line has started.
    done = program("run", "shop:measure", "a", '{"width": 2, "height": 1.5}', "-k", "times=2", "--id", "m-1")
    assert json.loads(done.stdout) == {"name": "a", "area": 6.0}
    file.write_text('["a", {"width": "wide", "height": 1.5}]\n')
    assert "line 1: " in program("enqueue", "shop:measure", "--from", str(file), code=2).stderr


def test_an_interrupted_one_is_repeated(program: Program, sqlite: str, file: Path, tmp_path: Path) -> None:
    count = 15_000
    file.write_text("".join(f'["{number}"]\n' for number in range(count)))
    words: tuple[Any, ...] = ("enqueue", "shop:greet", "--from", str(file), "--id-prefix", "n-")
    log = tmp_path / "enqueue.log"
    with Client(sqlite) as client:
        process = program.start(log, *words)
        eventually(lambda: client.count() >= 1000, "it has begun")
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST_SECONDS) == 130
        assert "interrupted: all up to line" in log.read_text()
        there = client.count()
        assert 1000 <= there < count
        program(*words)
        assert client.count() == count


def test_a_terminal_shows_progress_and_a_pipe_does_not(client: Client, cli: Cli, database: str, file: Path) -> None:
    file.write_text("".join(f"[{number}, 0]\n" for number in range(2500)))
    words = ("enqueue", ADD, "--from", str(file), "--id-prefix", "n-")
    terminal = Terminal((*words, "--database", database))
    try:
        assert terminal.ended() == 0
        eventually(lambda: "2500 runs are enqueued" in terminal.output, "the last line")
        assert re.search(r"\d+/2500", terminal.output)
    finally:
        terminal.close()
    assert cli(*words).stderr == ""
