"""Errors are messages with exit codes: what happened, and what to do. Never a traceback, never a password."""

import json

import pytest

from stepwell import Client
from tests.cli.kit import Cli, invoke

SECRET = "hunter2"
UNREACHABLE = f"postgresql://me:{SECRET}@127.0.0.1:1/shop"
COMMANDS = [
    ("workflow", "list"),
    ("workflow", "show", "x"),
    ("workflow", "steps", "x"),
    ("workflow", "result", "x"),
    ("workflow", "cancel", "x"),
    ("workflow", "resume", "x"),
    ("workflow", "rewind", "x", ":0"),
    ("workflow", "fork", "x", ":0"),
    ("workflow", "delete", "x"),
    ("executor", "list"),
]
ON_THE_STORE = [("db", "status"), ("db", "migrate"), ("db", "sql")]


@pytest.mark.parametrize("words", [*COMMANDS, *ON_THE_STORE], ids=" ".join)
def test_an_unreachable_database_is_exit_code_3(words: tuple[str, ...]) -> None:
    result = invoke(*words, "--database", UNREACHABLE, code=3)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: the database cannot be used: ")
    assert "Is the server running" in result.stderr
    assert SECRET not in result.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_database_without_tables_is_exit_code_3(words: tuple[str, ...], sqlite: str) -> None:
    result = invoke(*words, "--database", sqlite, code=3)
    assert "there are no tables of Stepwell" in result.stderr
    assert "stepwell db migrate" in result.stderr


@pytest.mark.parametrize("words", [words for words in COMMANDS if "x" in words], ids=" ".join)
def test_an_unknown_id_is_exit_code_4(words: tuple[str, ...], client: Client, cli: Cli) -> None:
    assert "there is no workflow with the id 'x'" in cli(*words, code=4).stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("workflow", "list", "--database", f"mysql://me:{SECRET}@host/db"), "the database must be a URL like"),
        (("workflow", "list", "--database", "shop.db"), "the database must be a URL like"),
        (("workflow", "list", "--status", "GONE"), "GONE"),
        (("workflow", "list", "--limit", "0"), "--limit"),
        (("workflow", "list", "--since", "soon"), "give 30m, 2h, 7d (ago)"),
        (("workflow", "list", "--attribute", "shop"), "give NAME=VALUE"),
        (("workflow", "result", "x", "--timeout", "soon"), "give seconds, or 90s, 5m, 2h"),
        (("workflow", "show"), "Missing argument"),
        (("workflow", "shwo", "x"), "No such command"),
        (("demo", "--database", "oracle"), "oracle"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_usage_is_exit_code_2(
    words: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch, sqlite: str
) -> None:
    monkeypatch.setenv("STEPWELL_DATABASE_URL", sqlite)
    result = invoke(*words, code=2)
    assert message in result.stderr
    assert SECRET not in result.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("workflow", "list", "--database", UNREACHABLE), 3),
        (("workflow", "list", "--status", "GONE"), 2),
        (("workflow", "show", "--limit"), 2),
        (("db", "status", "--database", "mysql://x"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_errors_are_json_on_stderr_where_json_is_asked_for(words: tuple[str, ...], code: int) -> None:
    result = invoke(*words[:2], "--json", *words[2:], code=code)
    assert result.stdout == ""
    error = json.loads(result.stderr)["error"]
    assert error["exit_code"] == code
    assert error["message"]


def test_a_wrong_password_is_told_without_it(postgres_url: str) -> None:
    user, _, rest = postgres_url.partition("@")
    scheme_and_user = user.rpartition(":")[0]
    result = invoke("db", "status", "--database", f"{scheme_and_user}:{SECRET}@{rest}", code=3)
    assert "password" in result.stderr
    assert SECRET not in result.stderr


def test_help_documents_exit_codes_and_every_command() -> None:
    told = invoke("--help").stdout
    assert "Exit codes:" in told
    for command in ("demo", "worker", "run", "workflow", "executor", "db", "doctor", "completion"):
        assert f"  {command} " in told
        assert invoke(command, "--help").stdout.startswith("Usage: ")
