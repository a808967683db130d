"""Code declares defaults; what people change at run time stays, until they take it back."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from stepwell import (
    Client,
    ConfigurationError,
    InvalidArgument,
    Schedule,
    ScheduleInfo,
    Stepwell,
    UnregisteredInstance,
    workflow,
)
from tests.engine.kit import Lab


@workflow(name="declaring:report")
def report(region: str) -> str:
    return region


class Shop:
    @workflow(name="declaring:close")
    def close(self) -> None: ...


def nightly(**options: Any) -> Schedule:
    words: dict[str, Any] = {"cron": "0 3 * * *", "call": report.bind("eu"), **options}
    if "every" in words:
        del words["cron"]
    return Schedule("nightly", **words)


def launched(url: str, *schedules: Schedule, name: str = "default") -> ScheduleInfo:
    """Launch an engine that declares them, and look."""
    with Stepwell(url, name=name, declare=schedules) as engine:
        return engine.schedules.get("nightly")


def changed(url: str, **fields: Any) -> None:
    with Client(url) as client:
        client.schedules.update("nightly", **fields)


def test_a_launch_makes_it(database_url: str) -> None:
    info = launched(database_url, nightly(tz="Europe/Berlin", jitter=5))
    assert (info.name, info.workflow, info.app, info.cron) == ("nightly", "declaring:report", "default", "0 3 * * *")
    assert (info.every, info.at, info.tz, info.jitter) == (None, None, "Europe/Berlin", 5.0)
    assert (info.catch_up, info.overlap, info.paused, info.is_declared) == ("latest", "skip", False, True)
    assert info.next_fire is not None
    assert info.last_fire is None


def test_a_launch_that_says_the_same_changes_nothing(database_url: str) -> None:
    first = launched(database_url, nightly(every=86_400))
    again = launched(database_url, nightly(every=86_400))
    assert again == first, "its revision, its next tick and the anchor of its interval"


def test_the_row_follows_the_code_where_nobody_has_changed_it(database_url: str) -> None:
    launched(database_url, nightly())
    attributes = {"team": "data"}
    call = report.options(queue="slow", priority=3, timeout=60, expires=90, attributes=attributes).bind("us")
    info = launched(database_url, nightly(cron="0 4 * * *", tz="Asia/Tokyo", overlap="allow", call=call))
    assert (info.cron, info.tz, info.overlap, info.queue) == ("0 4 * * *", "Asia/Tokyo", "allow", "slow")
    assert (info.priority, info.timeout, info.expires, info.attributes) == (3, 60.0, 90.0, attributes)
    assert info.input == '{"args":["us"]}'
    assert info.next_fire is not None
    assert info.next_fire.hour == 19, "four o'clock in Tokyo"


def test_what_was_changed_at_run_time_stays(database_url: str) -> None:
    launched(database_url, nightly())
    changed(database_url, cron="30 5 * * *", paused=True)
    info = launched(database_url, nightly(cron="0 4 * * *", overlap="queue", call=report.bind("us")))
    assert (info.cron, info.paused) == ("30 5 * * *", True), "people's"
    assert (info.overlap, info.input) == ("queue", '{"args":["us"]}'), "the code's"
    assert launched(database_url, nightly(cron="0 4 * * *")).cron == "30 5 * * *", "also at later launches"


def test_a_change_that_is_taken_back_lets_it_follow_again(database_url: str) -> None:
    launched(database_url, nightly())
    changed(database_url, cron="30 5 * * *")
    launched(database_url, nightly(cron="0 4 * * *"))
    changed(database_url, cron="0 4 * * *")
    assert launched(database_url, nightly(cron="0 6 * * *")).cron == "0 6 * * *"


def test_one_that_was_made_at_run_time_becomes_the_codes(database_url: str) -> None:
    with Stepwell(database_url) as engine:
        assert not engine.schedules.create(nightly(cron="0 1 * * *")).is_declared
    info = launched(database_url, nightly())
    assert (info.cron, info.is_declared) == ("0 3 * * *", True)


def test_code_that_declares_it_no_more_leaves_it(database_url: str) -> None:
    launched(database_url, nightly())
    assert launched(database_url).cron == "0 3 * * *"


def test_a_schedule_belongs_to_one_engine_of_a_namespace(database_url: str) -> None:
    launched(database_url, nightly())
    with pytest.raises(ConfigurationError, match="belongs to the engine 'default'"):
        launched(database_url, nightly(), name="billing")


def test_what_cannot_be_started_is_refused_at_launch(database_url: str) -> None:
    shop = Shop()
    engine = Stepwell(database_url, declare=[Schedule("nightly", every=5, call=shop.close.bind())])
    with pytest.raises(UnregisteredInstance):
        engine.launch()
    engine.register("eu", shop)
    with engine:
        assert engine.schedules.get("nightly").workflow == "declaring:close"
    with pytest.raises(InvalidArgument, match="attributes"):
        launched(database_url, nightly(call=report.options(attributes={"a": object()}).bind("x")))


def test_many_that_launch_at_once_agree(lab: Lab) -> None:
    engines = [Stepwell(lab.url, declare=[nightly(every=3600)]) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda engine: engine.launch(), engines))
    try:
        [info] = engines[0].schedules.list()
        assert info.every == 3600.0
    finally:
        for engine in engines:
            engine.close()
