"""`stepwell run`: a workflow from the command line, in a program of its own."""

import json
from pathlib import Path

import pytest

from stepwell import Client
from tests.cli.kit import Program


def test_arguments_by_annotation_and_the_result_on_stdout(program: Program) -> None:
    done = program("run", "shop:measure", "42", '{"width": 2, "height": 3.5}', "-k", "times=2")
    assert json.loads(done.stdout) == {"name": "42", "area": 14.0}
    assert program("run", "shop:greet", "you there").stdout == "hello you there\n"
    assert program("run", "shop:shout", "a", "b", "-k", "mark=?").stdout == "A B?\n"


def test_the_same_id_is_the_same_run(program: Program) -> None:
    first = json.loads(program("run", "shop:whoami", "--id", "me", "--json").stdout)
    second = json.loads(program("run", "shop:whoami", "--id", "me", "--json").stdout)
    assert first["status"] == "SUCCESS"
    assert second == first  # the pid is that of the process that ran it


def test_a_failure_is_exit_code_1_with_its_message(program: Program) -> None:
    done = program("run", "shop:refuse", "hunter2", "--id", "r", code=1)
    assert done.stdout == ""
    assert done.stderr.splitlines()[-2:] == [
        "Error: workflow 'r' failed: ValueError: refused",
        "`stepwell workflow show r` has the traceback.",
    ]


def test_not_waiting_longer_than_asked(program: Program) -> None:
    assert "it goes on" in program("run", "shop:nap", "60", "--timeout", "0.2", code=5).stderr


def test_detached_it_is_left_to_the_workers(program: Program) -> None:
    program("db", "migrate")
    assert program("run", "shop:greet", "you", "--id", "g", "--detach").stdout == "g\n"
    with Client(program.database) as client:
        assert client.handle("g").status().status == "ENQUEUED"


def test_another_database_than_the_modules(program: Program, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path / 'other.db'}"
    assert program("run", "shop:greet", "you", "--id", "g", "--database", other).stdout == "hello you\n"
    with Client(other) as client:
        assert client.handle("g").status().status == "SUCCESS"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("shop:nope",), 4, ("shop has no 'nope'", "shop:greet")),
        (("shop:Box",), 2, ("shop:Box is a type, not a workflow", "shop:measure")),
        (("shop",), 2, ("which workflow of shop?", "shop:greet")),
        (("shops:greet",), 4, ("there is no module 'shops'",)),
        (("shop.py:greet",), 4, ("Leave the .py away: shop",)),
        (("broken:run",), 1, ("broken cannot be imported: RuntimeError: no configuration", "broken.py:3")),
        (("shop:greet",), 2, ("missing a required argument: 'name'", "(name: str) -> str")),
        (("shop:measure", "a", "wide"), 2, ("the argument 'box'",)),
        (("two_engines:nothing",), 2, ("two_engines has 2 engines", "--engine")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_run_is_told(program: Program, words: tuple[str, ...], code: int, told: tuple[str, ...]) -> None:
    done = program("run", *words, code=code)
    assert done.stdout == ""
    for text in told:
        assert text in done.stderr
