"""Schedules in virtual time, on both stores: once per tick whoever is up, and every policy, as it happens."""

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

import stepwell
from stepwell import Schedule, current, workflow
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.testing.world import World
from tests.schedules.kit import process, row, runs, runtime_of, stand_at, ticks, until, update

seen: list[str] = []


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    seen.clear()


@workflow(name="policies:note")
async def note(what: str = "x") -> str:
    at = current().scheduled_at
    seen.append("nobody" if at is None else at.isoformat())
    return what


@workflow(name="policies:nap")
async def nap(seconds: float) -> None:
    await stepwell.aio.sleep(seconds)


def minutely(name: str = "m", seconds: float = 0.0, **options: Any) -> Schedule:
    return Schedule(name, cron="* * * * *", call=nap.bind(seconds), **options)


def at(*minutes: str) -> list[str]:
    return [f"m@2026-01-01T{minute}:00Z" for minute in minutes]


@pytest.fixture(autouse=True)
def new_year(world: World) -> None:
    stand_at(world, "2025-12-31T23:59:30+00:00")


# -- ticks ---------------------------------------------------------------------------------------------------------


def test_a_tick_starts_a_run_that_knows_it(world: World) -> None:
    process(world, Schedule("n", cron="*/5 * * * *", call=note.bind()))
    world.pass_time(660)
    assert ticks(world, "SUCCESS") == [f"n@2026-01-01T00:{minute:02}:00Z" for minute in (0, 5, 10)]
    assert seen == [f"2026-01-01T00:{minute:02}:00+00:00" for minute in (0, 5, 10)]
    assert runs(world)[0].attributes is not None
    for run in runs(world):
        assert run.started_at is not None
        assert 0 <= run.started_at % 300 < 0.5, "when it is due, not when somebody happens to look"


def test_any_number_of_processes_fire_once(world: World) -> None:
    for name in ("a", "b", "c"):
        process(world, Schedule("n", every=60, call=note.bind()), name=name)
    world.pass_time(605)
    assert len(ticks(world)) == 10
    assert len(seen) == 10
    assert len(set(seen)) == 10
    assert row(world, "n").revision == 11


def test_a_process_that_dies_between_the_fire_and_the_run_loses_nothing(world: World) -> None:
    first = process(world, Schedule("n", every=60, call=note.bind()), name="first")
    store = runtime_of(first).store
    fire = store.fire

    async def last_act(firings: Any) -> Any:
        await fire(firings)
        first.die()
        await first.hang()

    store.fire = last_act  # type: ignore[method-assign]
    world.pass_time(70)
    assert ticks(world, "ENQUEUED"), "it was fired, and not begun"
    process(world, name="second")
    world.pass_time(10)
    assert len(ticks(world, "SUCCESS")) == 1
    assert len(seen) == 1


def test_a_process_that_dies_in_the_fire_leaves_it_to_the_next(world: World) -> None:
    first = process(world, minutely(), name="first")
    store = runtime_of(first).store

    async def dying(firings: Any) -> Any:
        first.die()
        await first.hang()

    store.fire = dying  # type: ignore[method-assign]
    world.pass_time(45)
    assert runs(world) == []
    process(world, name="second")
    world.pass_time(5)
    assert ticks(world) == at("00:00")


def test_a_jump_of_the_databases_clock_is_followed(world: World) -> None:
    made = process(world, Schedule("n", at=runtime_after(world, 7200), call=note.bind()))
    world.pass_time(10)
    world.database_ahead += 7200
    world.pass_time(runtime_of(made).settings.lease)
    assert len(seen) == 1


def runtime_after(world: World, seconds: float) -> datetime:
    return datetime.fromtimestamp(world.database_now() + seconds, UTC)


def test_idle_processes_hardly_ask(world: World) -> None:
    calls: list[str] = []

    class Counting:
        async def around(self, verb: str, call: Any) -> Any:
            calls.append(verb)
            return await call()

        def around_beat(self, call: Any) -> Any:
            return call()

    process(world, Schedule("n", every=86_400, call=note.bind()), gate=Counting())
    calls.clear()
    world.pass_time(600)
    assert calls.count("due_schedules") <= 21, "every half minute"
    assert not {"fire", "schedule", "schedules", "change_schedule"} & set(calls)


# -- asleep for a week ---------------------------------------------------------------------------------------------

WEEK = 7 * 86_400


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [("skip", []), ("latest", ["07"]), ("all", ["01", "02", "03", "04", "05", "06", "07"])],
)
def test_a_laptop_asleep_for_a_week(world: World, catch_up: Any, expected: list[str]) -> None:
    made = process(world, Schedule("d", cron="0 12 * * *", call=note.bind(), catch_up=catch_up, overlap="allow"))
    world.pass_time(1)
    made.pause()
    world.database_ahead += WEEK - 3600  # 22:59:30 on the seventh of January
    world.pass_time(3600)
    made.go_on(suspended=3600)
    world.pass_time(60)
    assert ticks(world) == [f"d@2026-01-{day}T12:00:00Z" for day in expected]
    assert row(world, "d").next_fire == row_time("2026-01-08T12:00:00+00:00")


@pytest.mark.parametrize("overlap", ["skip", "queue"])
def test_missed_ticks_are_made_up_for_one_after_the_other(world: World, overlap: Any) -> None:
    process(world, Schedule("d", cron="0 12 * * *", call=nap.bind(100.0), catch_up="all", overlap=overlap)).close()
    world.database_ahead += WEEK
    process(world, name="later")
    until(world, lambda: len(ticks(world, "SUCCESS")) == 7, 900)
    found = runs(world)
    assert [run.workflow_id[10:12] for run in found] == ["01", "02", "03", "04", "05", "06", "07"]
    for before, after in itertools.pairwise(found):
        assert before.completed_at is not None
        assert after.started_at is not None
        assert before.completed_at <= after.started_at < before.completed_at + 3


def test_no_more_are_made_up_for_than_is_allowed(world: World) -> None:
    process(world, minutely(catch_up="all", overlap="allow")).close()
    world.database_ahead += WEEK
    process(world, name="later")
    world.pass_time(5)
    assert len(runs(world)) == 100
    assert row(world, "m").last_skipped is not None


def test_a_relaunch_makes_up_for_what_was_missed_though_it_declares_again(world: World) -> None:
    daily = Schedule("d", cron="0 12 * * *", call=note.bind())
    process(world, daily).close()
    world.database_ahead += 3 * 86_400
    process(world, daily, name="later")
    world.pass_time(5)
    assert ticks(world) == ["d@2026-01-03T12:00:00Z"]


def row_time(when: str) -> float:
    return datetime.fromisoformat(when).timestamp()


# -- overlap -------------------------------------------------------------------------------------------------------


def test_skip_passes_over_what_comes_too_early(world: World) -> None:
    process(world, minutely(seconds=150.0))
    world.pass_time(35 + 240)
    assert ticks(world) == at("00:00", "00:03")
    assert row(world, "m").last_skipped == row_time("2026-01-01T00:04:00+00:00")


def test_queue_waits_for_the_end(world: World) -> None:
    process(world, minutely(seconds=90.0, overlap="queue"))
    world.pass_time(30 + 60 + 29)
    assert ticks(world) == at("00:00")
    assert row(world, "m").next_fire == row_time("2026-01-01T00:01:00+00:00")
    world.pass_time(4)
    assert ticks(world, "PENDING", "WAITING") == at("00:01")
    assert ticks(world, "SUCCESS") == at("00:00")


def test_a_queued_tick_is_not_a_missed_one(world: World) -> None:
    process(world, Schedule("m", cron="*/2 * * * *", call=nap.bind(200.0), overlap="queue", catch_up="skip"))
    world.pass_time(30 + 200 + 5)
    assert ticks(world, "SUCCESS") == at("00:00")
    assert ticks(world) == at("00:00", "00:02")


def test_cancel_ends_the_run_before(world: World) -> None:
    process(world, minutely(seconds=600.0, overlap="cancel"))
    world.pass_time(30 + 60 + 10)
    assert ticks(world, "CANCELLED") == at("00:00")
    assert ticks(world, "PENDING", "WAITING") == at("00:01")
    assert runs(world)[0].cancel_reason == "schedule"


def test_allow_lets_both_run(world: World) -> None:
    process(world, minutely(seconds=600.0, overlap="allow"))
    world.pass_time(30 + 60 + 10)
    assert ticks(world, "PENDING", "WAITING") == at("00:00", "00:01")


# -- the rest ------------------------------------------------------------------------------------------------------


def test_jitter_is_a_share_that_belongs_to_the_tick(world: World) -> None:
    process(world, Schedule("m", cron="*/10 * * * *", call=note.bind(), jitter=300))
    world.pass_time(30 + 3 * 600 + 310)
    late = [(run.started_at or 0.0) - row_time(run.workflow_id[2:]) for run in runs(world)]
    assert len(late) == 4
    assert all(0 <= each < 302 for each in late)
    assert len({round(each) for each in late}) == 4, "not all at once"
    assert seen == [f"2026-01-01T00:{minute:02}:00+00:00" for minute in (0, 10, 20, 30)], "the tick, not the beginning"


def test_a_paused_one_fires_nothing_and_goes_on_with_the_next(world: World) -> None:
    made = process(world, minutely())
    update(made, "m", paused=True)
    world.pass_time(600)
    assert ticks(world) == []
    update(made, "m", paused=False)
    world.pass_time(60)
    assert ticks(world) == at("00:10")


def test_a_change_counts_at_once(world: World) -> None:
    made = process(world, Schedule("m", cron="0 12 * * *", call=note.bind("noon")))
    update(made, "m", cron="*/2 * * * *", tz="Europe/Berlin", call=note.bind("often"), catch_up="all")
    world.pass_time(160)
    assert ticks(world) == at("00:00", "00:02")
    assert [run.input for run in runs(world)] == ['{"args":["often"]}'] * 2


def test_a_row_that_cannot_be_read_here_stops_no_other(world: World) -> None:
    made = process(world, minutely(), Schedule("bad", cron="* * * * *", call=note.bind()))
    store = runtime_of(made).store
    bad = row(world, "bad")
    unreadable = replace(bad, cadence=replace(bad.cadence, timezone="Mars/Olympus"))
    assert made.run(store.change_schedule(unreadable))
    world.pass_time(100)
    assert ticks(world) == at("00:00", "00:01")
    assert not made.complaints


def test_one_that_the_database_refuses_stops_no_other(world: World) -> None:
    made = process(world, minutely(), Schedule("bad", cron="* * * * *", call=note.bind()))
    store = runtime_of(made).store
    fire, refused = store.fire, []

    async def refusing(firings: Any) -> Any:
        if "bad" in [firing.name for firing in firings]:
            refused.append(firings)
            raise StoreFault(FaultKind.PAYLOAD, "too large", code="54000")
        return await fire(firings)

    store.fire = refusing  # type: ignore[method-assign]
    world.pass_time(100)
    assert ticks(world) == at("00:00", "00:01")
    assert 2 <= len(refused) <= 20, "tried again, not all the time"


def test_through_the_night_in_which_clocks_change(world: World) -> None:
    stand_at(world, "2026-03-29T01:59:30+01:00")
    process(world, Schedule("m", cron="30 2 * * *", tz="Europe/Berlin", call=note.bind()))
    world.pass_time(60)
    assert seen == ["2026-03-29T01:00:00+00:00"], "right after the gap"
    stand_at(world, "2026-03-30T02:29:00+02:00")
    world.pass_time(90)
    assert seen == ["2026-03-29T01:00:00+00:00", "2026-03-30T00:30:00+00:00"]


def test_the_options_of_the_call_go_with_its_runs(world: World) -> None:
    call = note.options(queue="q", priority=7, timeout=90, expires=40, partition="eu", attributes={"a": 1}).bind("x")
    process(world, Schedule("m", cron="* * * * *", call=call))
    world.pass_time(31)
    [run] = runs(world)
    assert (run.queue, run.priority) == ("q", 7)
    assert run.deadline == pytest.approx(row_time("2026-01-01T00:01:30+00:00"), abs=1)
    assert run.attributes is not None
    assert json.loads(run.attributes) == {"a": 1, "schedule": "m", "scheduled_at": "2026-01-01T00:00:00Z"}
    placed = row(world, "m").placing
    assert (placed.partition_key, placed.expires) == ("eu", 40.0)
