"""`engine.schedules`: made, changed, looked at, triggered, made up for; blocking and awaited."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stepwell import (
    Client,
    InvalidArgument,
    Schedule,
    ScheduleConflict,
    ScheduleNotFound,
    Stepwell,
    current,
    current_or_none,
    workflow,
)
from tests.engine.kit import Lab, eventually

MARCH = datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
NIGHTS = [f"nightly@2026-03-{day}T0{hour}:00:00Z" for day, hour in [(27, 2), (28, 2), (29, 1), (30, 1), (31, 1)]]


@workflow(name="verbs:report")
def report(region: str) -> tuple[str, str | None]:
    at = current().scheduled_at
    return region, None if at is None else at.isoformat()


@workflow(name="verbs:ambitious")
async def ambitious(region: str) -> str:
    return f"{region} {current().attributes['team']}"


def nightly(**options: Any) -> Schedule:
    words: dict[str, Any] = {"cron": "0 3 * * *", "tz": "Europe/Berlin", "call": report.bind("eu"), **options}
    return Schedule("nightly", **words)


@pytest.fixture
def made(engine: Stepwell) -> Stepwell:
    engine.schedules.create(nightly())
    return engine


def test_what_is_made_is_there(engine: Stepwell) -> None:
    assert engine.schedules.list() == []
    info = engine.schedules.create(nightly(overlap="queue", paused=True))
    assert (info.cron, info.overlap, info.paused, info.is_declared) == ("0 3 * * *", "queue", True, False)
    assert engine.schedules.get("nightly") == info
    assert engine.schedules.list() == [info]
    with pytest.raises(ScheduleConflict, match="'nightly'"):
        engine.schedules.create(nightly())
    with pytest.raises(InvalidArgument, match="takes a Schedule"):
        engine.schedules.create("nightly")  # type: ignore[arg-type]
    engine.schedules.delete("nightly")
    assert engine.schedules.list() == []


def test_who_is_not_there(engine: Stepwell) -> None:
    start, end = MARCH
    schedules = engine.schedules
    for call in (
        lambda: schedules.get("x"),
        lambda: schedules.update("x", jitter=5),
        lambda: schedules.pause("x"),
        lambda: schedules.resume("x"),
        lambda: schedules.trigger("x"),
        lambda: schedules.backfill("x", start, end),
        lambda: schedules.backfill("x", start, end, preview=True),
        lambda: schedules.next_fires("x"),
        lambda: schedules.delete("x"),
    ):
        with pytest.raises(ScheduleNotFound, match="'x'"):
            call()


def test_a_tick_of_a_real_clock(lab: Lab) -> None:
    """Within some tenths of a second, in one of two engines."""
    call = report.options(attributes={"team": "data"}).bind("eu")
    for _ in range(2):
        engine = Stepwell(lab.url, declare=[Schedule("often", cron="* * * * * *", call=call)])
        lab._engines.append(engine)
        engine.launch()
    eventually(lambda: engine.count(attributes={"schedule": "often", "team": "data"}, status="SUCCESS") >= 3)
    found = engine.find(attributes={"schedule": "often"}, limit=1000)
    assert len({info.workflow_id for info in found}) == len(found.items)
    for info in found:
        assert info.workflow_id == "often@" + info.attributes["scheduled_at"]
        assert info.created_at - datetime.fromisoformat(info.attributes["scheduled_at"]) < timedelta(seconds=5)


def test_a_change_elsewhere_is_noticed_at_once(lab: Lab) -> None:
    """Half a minute would pass without a hint."""
    engine = lab.launch()
    if lab.url.startswith("postgres"):
        eventually(lambda: engine.runtime.hints.arrive)
    with Client(lab.url) as client:
        client.schedules.create(Schedule("often", cron="* * * * * *", call=report.bind("eu")))
        begun = time.monotonic()
        eventually(lambda: engine.count(attributes={"schedule": "often"}) > 0)
        assert time.monotonic() - begun < 10


def test_changes(made: Stepwell) -> None:
    schedules = made.schedules
    before = schedules.get("nightly")
    assert schedules.update("nightly", jitter=timedelta(minutes=1), overlap="cancel").jitter == 60.0
    assert schedules.get("nightly").next_fire == before.next_fire, "the timetable is as it was"
    info = schedules.update("nightly", every=600)
    assert (info.cron, info.every, info.tz, info.overlap) == (None, 600.0, "Europe/Berlin", "cancel")
    info = schedules.update("nightly", call=ambitious.options(queue="q").bind("us"))
    assert (info.workflow, info.queue, info.input) == ("verbs:ambitious", "q", '{"args":["us"]}')
    info = schedules.update("nightly", at=datetime(2100, 1, 1, tzinfo=UTC))
    assert info.next_fire == info.at == datetime(2100, 1, 1, tzinfo=UTC)
    assert schedules.pause("nightly").paused
    assert not schedules.resume("nightly").paused


@pytest.mark.parametrize(
    "fields",
    [{"cron": "0 0 31 2 *"}, {"every": 5, "cron": "* * * * *"}, {"name": "x"}, {"cron": None}, {"tz": "Nowhere"}],
)
def test_wrong_changes_change_nothing(made: Stepwell, fields: dict[str, Any]) -> None:
    before = made.schedules.get("nightly")
    with pytest.raises((InvalidArgument, TypeError)):
        made.schedules.update("nightly", **fields)
    assert made.schedules.get("nightly") == before


def test_a_trigger_starts_one_now(made: Stepwell) -> None:
    made.schedules.pause("nightly")
    handles = [made.schedules.trigger("nightly") for _ in range(3)]
    assert len({handle.id for handle in handles}) == 3
    region, at = handles[0].result(timeout=10)
    assert region == "eu"
    assert handles[0].id == "nightly@" + at.replace("+00:00", "Z")
    assert abs(datetime.fromisoformat(at) - handles[0].status().created_at) < timedelta(seconds=1)
    assert made.schedules.get("nightly").last_fire is None


def test_a_backfill_starts_the_ticks_of_a_range_once(made: Stepwell) -> None:
    start, end = MARCH
    preview = made.schedules.backfill("nightly", start, end, preview=True)
    assert [tick.at.isoformat() for tick in preview][1:3] == ["2026-03-28T03:00:00+01:00", "2026-03-29T03:00:00+02:00"]
    assert preview[2].mark == "from here on UTC+02:00"
    assert made.count() == 0, "only shown"
    handles = made.schedules.backfill("nightly", start, end)
    assert [handle.id for handle in handles] == NIGHTS
    assert handles[0].result(timeout=10) == ("eu", "2026-03-27T02:00:00+00:00")
    again = made.schedules.backfill("nightly", start - timedelta(days=1), end)
    assert len(again) == 6
    assert [handle.run_id for handle in again[1:]] == [handle.run_id for handle in handles]
    assert made.count(attributes={"schedule": "nightly"}) == 6
    assert made.schedules.get("nightly").last_fire is None


def test_the_ends_of_a_range(made: Stepwell) -> None:
    def shown(start: str, end: str) -> int:
        from_, to = datetime.fromisoformat(start), datetime.fromisoformat(end)
        return len(made.schedules.backfill("nightly", from_, to, preview=True))

    assert shown("2026-03-27T02:00Z", "2026-03-28T02:00Z") == 1, "the start is in it, the end is not"
    assert shown("2026-03-27T02:00:01Z", "2026-03-28T02:00Z") == 0
    assert shown("2100-01-01T00:00Z", "2101-01-01T00:00Z") == 0, "ticks to come are the timetable's"
    for start, end in [("2026-03-28T00:00Z", "2026-03-27T00:00Z"), ("2026-03-28T00:00Z", "2026-03-28T00:00Z")]:
        with pytest.raises(InvalidArgument, match="before end"):
            shown(start, end)
    with pytest.raises(InvalidArgument, match="aware"):
        made.schedules.backfill("nightly", datetime(2026, 3, 1), MARCH[1])


def test_a_range_with_too_many_ticks_is_refused(engine: Stepwell) -> None:
    engine.schedules.create(Schedule("often", cron="* * * * * *", call=report.bind("eu"), paused=True))
    with pytest.raises(InvalidArgument, match="more than 10000"):
        engine.schedules.backfill("often", *MARCH)
    assert engine.count() == 0


def test_a_backfill_of_more_than_one_transaction(engine: Stepwell, lab: Lab) -> None:
    engine.schedules.create(
        Schedule("m", cron="* * * * *", call=report.options(queue="nobody").bind("eu"), paused=True)
    )
    handles = engine.schedules.backfill("m", MARCH[0], MARCH[0] + timedelta(minutes=1001))
    assert len({handle.run_id for handle in handles}) == 1001
    assert engine.count() == 1001


def test_ticks_to_come(made: Stepwell) -> None:
    ticks = made.schedules.next_fires("nightly")
    assert len(ticks) == 5
    assert all((tick.at.hour, tick.at.minute) == (3, 0) and str(tick.at.tzinfo) == "Europe/Berlin" for tick in ticks)
    made.schedules.pause("nightly")
    assert made.schedules.next_fires("nightly", 1) == ticks[:1]
    assert made.schedules.next_fires(nightly(), 5) == ticks
    assert len(made.schedules.next_fires(Schedule("x", every=60, call=report.bind("x")), 3)) == 3
    wrong: list[Any] = [0, -1, 1001, True, 1.5]
    for count in wrong:
        with pytest.raises(InvalidArgument, match="count"):
            made.schedules.next_fires("nightly", count)


def test_a_client_without_the_engines_name_works_on_all_of_its_namespace(lab: Lab) -> None:
    engine = lab.launch("billing")
    engine.schedules.create(nightly())
    with Client(lab.url) as client:
        assert client.schedules.get("nightly").app == "billing"
        handle = client.schedules.trigger("nightly")
        assert handle.result(timeout=10)[0] == "eu", "the engine of its app executes it"
        assert client.schedules.pause("nightly").paused


async def test_awaited(database_url: str) -> None:
    async with Stepwell(database_url) as engine:
        schedules = engine.aio.schedules
        await schedules.create(nightly(call=ambitious.options(attributes={"team": "data"}).bind("eu")))
        assert (await schedules.update("nightly", jitter=1)).jitter == 1.0
        assert [info.name for info in await schedules.list()] == ["nightly"]
        assert (await schedules.pause("nightly")).paused
        assert not (await schedules.resume("nightly")).paused
        assert await (await schedules.trigger("nightly")).result(timeout=10) == "eu data"
        assert len(await schedules.backfill("nightly", *MARCH, preview=True)) == 5
        handles = await schedules.backfill("nightly", *MARCH)
        assert await asyncio.gather(*(handle.result(timeout=10) for handle in handles)) == ["eu data"] * 5
        assert len(await schedules.next_fires("nightly", 2)) == 2
        assert (await schedules.get("nightly")).last_fire is None
        await schedules.delete("nightly")


def test_runs_that_no_schedule_started_know_no_tick(engine: Stepwell) -> None:
    assert report("x") == ("x", None)
    assert report.options(attributes={"schedule": "mine", "scheduled_at": "soon"})("x") == ("x", None)
    assert current_or_none() is None


def test_the_verbs_have_their_twins() -> None:
    from stepwell.schedules import AsyncSchedules, Schedules

    def verbs(cls: type) -> dict[str, Callable[..., Any]]:
        return {name: verb for name, verb in vars(cls).items() if not name.startswith("_")}

    assert verbs(Schedules).keys() == verbs(AsyncSchedules).keys()
