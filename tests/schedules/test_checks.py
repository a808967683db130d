"""What a Schedule refuses, before anything happens."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stepwell import ConfigurationError, InvalidArgument, Schedule, Stepwell, step, workflow

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


@workflow(name="checks:report")
def report(region: str = "eu") -> str:
    return region


@step
def a_step() -> None: ...


CALL = report.bind("eu")
WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "give cron=, every= or at="),
    ({"cron": "* * * * *", "every": 5}, "one of cron=, every= and at="),
    ({"every": 5, "at": NOON}, "one of cron=, every= and at="),
    ({"cron": "0 0 31 2 *"}, "never comes"),
    ({"cron": "nonsense"}, "five fields"),
    ({"cron": 5}, "must be text"),
    ({"cron": "* * * * *", "tz": "Mars/Olympus"}, "no time zone"),
    ({"cron": "* * * * *", "tz": 1}, "name of a time zone"),
    ({"every": 0}, "at least 1 second"),
    ({"every": 0.5}, "at least 1 second"),
    ({"every": -5}, "negative"),
    ({"every": math.nan}, "negative or NaN"),
    ({"every": math.inf}, "1000 years"),
    ({"every": "5"}, "seconds"),
    ({"every": True}, "seconds"),
    ({"at": NOON.replace(tzinfo=None)}, "aware"),
    ({"at": "2030-01-01"}, "aware datetime"),
    ({"every": 5, "catch_up": "some"}, "catch_up must be one of latest, skip, all"),
    ({"every": 5, "overlap": "maybe"}, "overlap must be one of"),
    ({"every": 5, "overlap": ["skip"]}, "overlap must be one of"),
    ({"every": 5, "jitter": -1}, "jitter"),
    ({"every": 5, "jitter": math.nan}, "jitter"),
    ({"every": 5, "paused": "yes"}, "paused"),
    ({"every": 5, "call": report}, "fn.bind"),
    ({"every": 5, "call": None}, "fn.bind"),
    ({"every": 5, "call": a_step}, "fn.bind"),
    ({"every": 5, "call": report.options(id="x").bind()}, "id= bound"),
    ({"every": 5, "call": report.options(queue="q", dedup="x").bind()}, "dedup= bound"),
    ({"every": 5, "call": report.options(delay=5).bind()}, "delay= bound"),
    ({"every": 5, "call": report.options(at=NOON).bind()}, "at= bound"),
    ({"every": 5, "call": report.options(deadline=NOON).bind()}, "deadline= bound"),
    ({"every": 5, "call": report.options(conn=object()).bind()}, "conn= bound"),
    ({"every": 5, "call": report.options(on_conflict="reject").bind()}, "on_conflict= bound"),
    ({"every": 5, "call": report.options(attributes={"schedule": "x"}).bind()}, "'schedule'"),
    ({"every": 5, "call": report.options(attributes={"scheduled_at": "x"}).bind()}, "'scheduled_at'"),
]


@pytest.mark.parametrize(("options", "told"), WRONG, ids=lambda value: str(value)[:40])
def test_what_cannot_work_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArgument, match=told):
        Schedule("s", **{"call": CALL, **options})


@pytest.mark.parametrize("name", ["", "a/b", "x" * 201, "a\0b", "\ud800", None, 5])
def test_names(name: Any) -> None:
    with pytest.raises(InvalidArgument, match="schedule"):
        Schedule(name, every=5, call=CALL)


def test_what_works() -> None:
    working: list[dict[str, Any]] = [
        {"cron": "0 3 * * *", "tz": "Europe/Berlin"},
        {"cron": "*/10 * * * * *", "catch_up": "all", "overlap": "queue", "jitter": timedelta(seconds=5)},
        {"every": timedelta(minutes=5), "paused": True},
        {"at": NOON},
        {"every": 1, "call": report.options(queue="q", priority=3, timeout=60, attributes={"a": 1}).bind("us")},
    ]
    for options in working:
        Schedule("x" * 200, **{"call": CALL, **options})
    assert repr(Schedule("s", cron=" 0  3 * * * ", call=CALL)) == "<Schedule 's' cron '0 3 * * *'>"


def test_what_an_engine_declares() -> None:
    schedule = Schedule("s", every=5, call=CALL)
    with pytest.raises(ConfigurationError, match="two of the name 's'"):
        Stepwell("sqlite:///never.db", declare=[schedule, schedule])
    with pytest.raises(ConfigurationError, match="not str"):
        Stepwell("sqlite:///never.db", declare=["s"])
