"""`stepwell db`: the tables, applied by the program or by an administrator."""

import sqlite3
from urllib.parse import urlsplit

import psycopg

from stepwell import Settings, Stepwell
from tests.cli.flows import add
from tests.cli.kit import Cli, invoke


def test_status_is_a_no_until_everything_is_applied(cli: Cli) -> None:
    before = cli.json("db", "status", code=1)
    assert before["pending"] == len(before["migrations"]) > 0
    assert all(migration["applied_at"] is None for migration in before["migrations"])
    assert "missing" in cli("db", "status", code=1).stdout
    applied = cli.json("db", "migrate")["applied"]
    assert applied == [migration["name"] for migration in before["migrations"]]
    after = cli.json("db", "status")
    assert after["pending"] == 0
    assert all(migration["applied_at"] is not None for migration in after["migrations"])
    assert cli.json("db", "migrate")["applied"] == []
    assert cli.lines("db", "migrate") == ["nothing to do: everything is applied"]


def test_what_sql_prints_is_what_migrate_does(cli: Cli, database: str) -> None:
    run_script(database, cli("db", "sql").stdout)
    assert cli.json("db", "status")["pending"] == 0
    nothing = cli("db", "sql")
    assert nothing.stdout == ""
    assert "nothing is missing" in nothing.stderr
    with Stepwell(database, settings=Settings(migrate=False)):
        assert add(1, 2) == 3


def test_another_schema(postgres_url: str) -> None:
    words = ("--database", postgres_url, "--schema", 'an "odd" one')
    script = invoke("db", "sql", *words).stdout
    assert "stepwell." not in script.replace("stepwell.tables", "")
    run_script(postgres_url, script)
    invoke("db", "status", *words)
    invoke("db", "status", "--database", postgres_url, code=1)


def test_all_of_it_without_a_database() -> None:
    for url in ("postgresql://nobody@127.0.0.1:1/nothing", "sqlite:///nowhere/at/all.db"):
        assert "workflow_status" in invoke("db", "sql", "--all", "--database", url).stdout


def run_script(url: str, script: str) -> None:
    """As psql or the sqlite3 shell would."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(urlsplit(url).path.removeprefix("/"))
        connection.executescript(script)
        connection.close()
        return
    with psycopg.connect(url, autocommit=True) as postgres:
        postgres.execute(script.encode())
