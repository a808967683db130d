"""`stepwell doctor`: what it finds, and what it makes of what it found."""

import time
from uuid import UUID

import pytest

from stepwell import Client, Stepwell
from stepwell.cli.checks import Facts, Finding, judge
from stepwell.cli.options import Target
from stepwell.model.looking import ExecutorRow
from stepwell.store.api import MigrationState
from tests.cli.kit import Cli, invoke

TARGET = Target("postgresql://me:hunter2@host/shop", "stepwell", "default")


def test_a_healthy_database(database: str, cli: Cli) -> None:
    with Stepwell(database):
        document = cli.json("doctor")
    assert document["ok"] is True
    found = {check["check"]: check["status"] for check in document["checks"]}
    # The tests' own server runs without fsync, and their SQLite file with synchronous=OFF: that is said.
    assert found.pop("settings") == "warn"
    assert set(found.values()) == {"ok"}
    assert {"python", "database", "migrations", "clock", "processes", "runs"} <= set(found)


def test_without_tables_and_processes_it_warns(cli: Cli) -> None:
    checks = {check["check"]: check for check in cli.json("doctor")["checks"]}
    assert checks["migrations"]["status"] == "warn"
    assert "stepwell db migrate" in checks["migrations"]["fix"]
    assert "there are no tables yet" in cli("doctor").stdout


def test_no_process_is_a_warning(client: Client, cli: Cli) -> None:
    checks = {check["check"]: check for check in cli.json("doctor")["checks"]}
    assert (checks["processes"]["status"], checks["processes"]["message"]) == ("warn", "none is running")


def test_an_unreachable_database_fails() -> None:
    result = invoke("doctor", "--database", TARGET.url.replace("host", "127.0.0.1:1"), code=1)
    assert "fail" in result.stdout
    assert "hunter2" not in result.stdout
    assert "***" in result.stdout


def test_a_directory_that_is_not_there_fails() -> None:
    assert "there is no directory" in invoke("doctor", "--database", "sqlite:///nowhere/at/all.db", code=1).stdout


@pytest.mark.parametrize(
    ("change", "check", "message"),
    [
        ({"round_trip": 0.08}, "database", "answers in 80 ms"),
        ({"skew": 75.0}, "clock", "75.0 s ahead of"),
        ({"skew": -7200.0}, "clock", "2.0 h behind"),
        ({"warnings": ["fsync is off"]}, "settings", "fsync is off"),
        ({"stuck": {"BLOCKED": 3, "DEAD": 0}}, "runs", "3 BLOCKED"),
        ({"executors": [True, False]}, "processes", "1 live, and silent: process-0"),
        ({"executors": [True]}, "processes", "0 live"),
        ({"executors": []}, "processes", "none is running"),
        ({"migrations": [1.0, None]}, "migrations", "missing: number-2"),
    ],
)
def test_what_it_warns_of(change: dict[str, object], check: str, message: str) -> None:
    def finding(facts: Facts) -> Finding:
        return next(each for each in judge(TARGET, facts) if each.check == check)

    assert finding(healthy()).status == "ok"
    bad = finding(healthy(**change))
    assert bad.status == "warn"
    assert message in bad.message


def healthy(**change: object) -> Facts:
    """Facts without a fault, but for these."""
    silences = change.pop("executors", [False])
    applied = change.pop("migrations", [1.0, 2.0])
    assert isinstance(silences, list)
    assert isinstance(applied, list)
    facts = Facts(
        round_trip=0.001,
        skew=0.0,
        migrations=[MigrationState(n, f"number-{n}", "pre", at) for n, at in enumerate(applied, start=1)],
        executors=[process(number, silent) for number, silent in enumerate(silences)],
        stuck={"BLOCKED": 0, "DEAD": 0},
    )
    for name, value in change.items():
        setattr(facts, name, value)
    return facts


def process(number: int, silent: bool) -> ExecutorRow:
    now = time.time()
    return ExecutorRow(UUID(int=number), f"process-{number}", "default", "default", 1, now, silent, False, (), (), now)
