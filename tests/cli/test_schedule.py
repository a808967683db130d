"""`stepwell schedule`: what it shows, and what it changes."""

from datetime import datetime

import pytest

from stepwell import Client, Schedule, Stepwell
from tests.cli.flows import add
from tests.cli.kit import Cli, Program


@pytest.fixture
def nightly(engine: Stepwell) -> Stepwell:
    """An engine with a schedule."""
    engine.schedules.create(Schedule("nightly", cron="30 2 * * *", tz="Europe/Berlin", call=add.bind(1, 2), jitter=5))
    return engine


def test_a_list_has_one_row_per_schedule(nightly: Stepwell, cli: Cli) -> None:
    nightly.schedules.create(Schedule("often", every=90, call=add.options(queue="q").bind(1, 2), paused=True))
    lines = [line.strip() for line in cli.lines("schedule", "list")]
    assert lines[0].split() == ["schedule", "when", "zone", "workflow", "queue", "state", "next"]
    assert lines[2].startswith("nightly")
    assert "30 2 * * *" in lines[2]
    assert "Europe/Berlin" in lines[2]
    assert "every 90.0 s" in lines[3]
    assert lines[3].split()[-2:] == ["q", "paused"]
    document = cli.json("schedule", "list")
    assert [(each["name"], each["every"], each["paused"]) for each in document["schedules"]] == [
        ("nightly", None, False),
        ("often", 90.0, True),
    ]


def test_an_empty_list(client: Client, cli: Cli) -> None:
    assert cli.lines("schedule", "list") == ["no schedules"]
    assert cli.json("schedule", "list") == {"schedules": []}


def test_show(nightly: Stepwell, cli: Cli) -> None:
    shown = dict(line.strip().split(maxsplit=1) for line in cli.lines("schedule", "show", "nightly"))
    assert (shown["name"], shown["when"], shown["tz"]) == ("nightly", "30 2 * * *", "Europe/Berlin")
    assert (shown["overlap"], shown["jitter"]) == ("skip", "5.0 s")
    assert "02:30:00" in shown["tick"]
    document = cli.json("schedule", "show", "nightly")
    assert document["workflow"] == "tests.cli.flows:add"
    assert len(document["next_fires"]) == 3


def test_next_shows_what_clocks_do(nightly: Stepwell, cli: Cli) -> None:
    lines = cli.lines("schedule", "next", "nightly", "--count", "800")
    assert len(lines) == 800
    assert any(line.endswith("(clocks go forward: there is no 02:30 on this day)") for line in lines)
    assert any(line.endswith("(clocks go back: the first of two such times)") for line in lines)
    (tick,) = cli.json("schedule", "next", "nightly", "--count", "1")["ticks"]
    assert datetime.fromisoformat(tick["at"]) == datetime.fromisoformat(tick["utc"])


def test_pause_resume_and_delete(nightly: Stepwell, cli: Cli) -> None:
    assert cli.lines("schedule", "pause", "nightly") == ["nightly is paused"]
    assert nightly.schedules.get("nightly").paused
    assert cli.json("schedule", "resume", "nightly")["paused"] is False
    assert "goes on; next 20" in cli.lines("schedule", "resume", "nightly")[0]
    assert cli.lines("schedule", "delete", "nightly") == ["nightly is deleted"]
    assert nightly.schedules.list() == []


def test_trigger(nightly: Stepwell, cli: Cli) -> None:
    id = cli.json("schedule", "trigger", "nightly")["workflow_id"]
    assert id.startswith("nightly@20")
    assert nightly.handle(id).result(timeout=10) == 3
    assert cli.lines("schedule", "trigger", "nightly")[0].endswith(" is started")


def test_backfill(nightly: Stepwell, cli: Cli) -> None:
    words = ("schedule", "backfill", "nightly", "--start", "2026-03-28T00:00+01:00", "--end", "2026-03-30T00:00+02:00")
    assert cli.lines(*words, "--preview") == [
        "2026-03-28 02:30:00+01:00",
        "2026-03-29 03:00:00+02:00 (clocks go forward: there is no 02:30 on this day)",
    ]
    assert [tick["mark"] is None for tick in cli.json(*words, "--preview")["ticks"]] == [True, False]
    assert nightly.count() == 0
    ids = ["nightly@2026-03-28T01:30:00Z", "nightly@2026-03-29T01:00:00Z"]
    assert cli.lines(*words) == ids
    assert cli.json(*words)["workflow_ids"] == ids
    assert nightly.count() == 2
    assert cli.lines("schedule", "backfill", "nightly", "--start", "1s", "--preview") == ["no ticks"]


@pytest.mark.parametrize("verb", ["show", "next", "pause", "resume", "trigger", "delete"])
def test_who_is_not_there(client: Client, cli: Cli, verb: str) -> None:
    assert "there is no schedule 'x'" in cli("schedule", verb, "x", code=4).stderr


def test_wrong_words(nightly: Stepwell, cli: Cli) -> None:
    cli("schedule", "backfill", "nightly", code=2)
    cli("schedule", "backfill", "nightly", "--start", "1d", "--end", "2d", code=2)
    cli("schedule", "next", "nightly", "--count", "0", code=2)
    cli("schedule", "show", "a/b", code=2)


def test_create_with_the_engine_of_the_module(program: Program) -> None:
    program("db", "migrate")
    done = program("schedule", "create", "nightly", "shop:shout", "a", "b", "--cron", "0 3 * * *", "--tz", "Asia/Tokyo")
    assert done.stdout.startswith("nightly starts shop:shout 0 3 * * *; next 20")
    cli = Cli(program.database)
    document = cli.json("schedule", "show", "nightly")
    assert (document["tz"], document["input"]) == ("Asia/Tokyo", '{"args":["a","b"]}')
    for words, told in (
        (("nightly", "shop:greet", "you", "--every", "5m"), "there is a schedule 'nightly' already"),
        (("n", "shop:greet", "you"), "give cron=, every= or at="),
        (("n", "shop:greet", "you", "--cron", "0 0 31 2 *"), "never comes"),
        (("n", "shop:greet", "--every", "5"), "missing a required argument"),
    ):
        code = 1 if "already" in told else 2
        assert told in program("schedule", "create", *words, code=code).stderr
