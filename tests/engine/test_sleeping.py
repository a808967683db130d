"""Durable sleep: it keeps its first due time, whoever wakes; and it costs next to nothing."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import stepwell
from stepwell import InvalidArgument, Stepwell, step, workflow
from tests.engine.kit import Lab, eventually

marks: list[float] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    marks.clear()


@step
def mark() -> None:
    marks.append(time.monotonic())


@workflow
def sleeper(seconds: float) -> str:
    mark()
    stepwell.sleep(seconds)
    mark()
    return "awake"


@workflow
async def sleeper_async(seconds: float) -> str:
    await mark.aio()
    await stepwell.aio.sleep(seconds)
    await mark.aio()
    return "awake"


FLOWS = pytest.mark.parametrize("flow", [sleeper, sleeper_async.sync], ids=["def", "async"])


@FLOWS
@pytest.mark.parametrize("seconds", [0, 0.15, timedelta(milliseconds=150)])
def test_it_sleeps_as_long_as_asked(engine: Stepwell, flow: Any, seconds: Any) -> None:
    if isinstance(seconds, timedelta):
        flow = flow.options(id="t")
        seconds = seconds.total_seconds()
    assert flow(seconds) == "awake"
    assert seconds <= marks[1] - marks[0] + 0.005


@FLOWS
def test_a_restart_in_the_middle_keeps_the_due_time(lab: Lab, flow: Any) -> None:
    with lab.engine() as first:
        handle = flow.options(id="s").start(0.6)
        eventually(lambda: any(each.due for each in handle.steps()))
        due = handle.steps()[-1].due
        assert due is not None
        first.close(drain=0)
    with lab.engine() as second:
        assert second.handle("s").result() == "awake"
        info = second.handle("s").status()
        [slept] = [each for each in second.handle("s").steps() if each.kind == "sleep"]
    assert info.completed_at is not None
    assert slept.completed_at is not None
    assert timedelta() <= slept.completed_at - due < timedelta(seconds=0.5), "it began to sleep anew"
    assert len(marks) == 2


@FLOWS
def test_due_while_nobody_was_there(lab: Lab, flow: Any) -> None:
    with lab.engine() as first:
        handle = flow.options(id="s").start(0.2)
        eventually(lambda: any(each.due for each in handle.steps()))
        first.close(drain=0)
    threading.Event().wait(0.25)  # time is the subject: it passes while no engine runs
    began = time.monotonic()
    with lab.engine() as second:
        assert second.handle("s").result() == "awake"
    assert time.monotonic() - began < 5


def test_sleep_until_an_instant(engine: Stepwell) -> None:
    @workflow(name="until", replace=True)
    def until(when: datetime) -> datetime:
        stepwell.sleep_until(when)
        return stepwell.now()

    @workflow(name="until_async", replace=True)
    async def until_async(when: datetime) -> datetime:
        await stepwell.aio.sleep_until(when)
        return stepwell.now()

    for flow in (until, until_async.sync):
        when = datetime.now(UTC) + timedelta(seconds=0.15)
        assert flow(when) >= when - timedelta(milliseconds=5)
        past = datetime(2001, 1, 1, tzinfo=UTC)
        assert flow(past) > past


def test_a_replay_does_not_sleep_again(engine: Stepwell) -> None:
    exits = 2

    @step
    def leave() -> None:
        nonlocal exits
        if exits:
            exits -= 1
            raise SystemExit

    @workflow(name="once", replace=True)
    def once() -> None:
        stepwell.sleep(0.3)
        leave()

    began = time.monotonic()
    once.start().result()
    assert time.monotonic() - began < 0.85


@pytest.mark.parametrize("bad", [-1, float("nan"), float("inf"), "1", None, True, timedelta(seconds=-1)])
def test_bad_durations_are_refused_before_any_effect(engine: Stepwell, bad: Any) -> None:
    @workflow(name="bad", replace=True)
    def flow() -> None:
        with pytest.raises(InvalidArgument, match="duration"):
            stepwell.sleep(bad)

    @workflow(name="bad_async", replace=True)
    async def flow_async() -> None:
        with pytest.raises(InvalidArgument, match="duration"):
            await stepwell.aio.sleep(bad)

    handle = flow.start()
    handle.result()
    assert handle.steps() == []
    flow_async.sync()


def test_naive_instants_are_refused(engine: Stepwell) -> None:
    @workflow(name="naive", replace=True)
    def flow() -> None:
        with pytest.raises(InvalidArgument, match="aware"):
            stepwell.sleep_until(datetime(2030, 1, 1))

    flow()


def test_two_thousand_sleepers_on_four_threads(lab: Lab) -> None:
    with lab.engine("sleepers", max_threads=4, park_after=0.01) as engine:
        handles = sleeper.start_many([sleeper.bind(1.0) for _ in range(200)])
        pages = sleeper_async.sync.start_many([sleeper_async.bind(1.0) for _ in range(1800)])
        engine.run_until_idle(timeout=60)
        eventually(lambda: engine.count(status="SUCCESS") == 2000)
        names = [each.name for each in threading.enumerate() if each.name.startswith("stepwell-sleepers-")]
        workers = [each for each in names if each.removeprefix("stepwell-sleepers-").isdecimal()]
        assert len(workers) <= 4
        assert handles[0].result() == pages[-1].result() == "awake"
    assert len(marks) == 4000


async def test_many_sleepers_on_the_callers_loop(lab: Lab) -> None:
    async with lab.engine():
        began = time.monotonic()
        assert await asyncio.gather(*(sleeper_async(0.2) for _ in range(200))) == ["awake"] * 200
        assert time.monotonic() - began < 10
