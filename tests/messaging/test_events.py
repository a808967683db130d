"""`set_event` and `get_event`: what a run shows, to workflows and to everybody else."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

import stepwell
from stepwell import (
    InvalidArgument,
    NotInWorkflow,
    NotSerializable,
    PayloadTooLarge,
    Stepwell,
    UsageError,
    WaitTimeout,
    WorkflowEnded,
    WorkflowNotFound,
    get_event,
    set_event,
    step,
    workflow,
)
from tests.engine.kit import Exits, Gate, Lab, eventually


@dataclass
class Progress:
    done: int
    of: int


@workflow
def shower(count: int) -> Any:
    for n in range(count):
        set_event("progress", Progress(n, count))
    return stepwell.recv()


@workflow
async def shower_async(count: int) -> Any:
    for n in range(count):
        await stepwell.aio.set_event("progress", Progress(n, count))
    return await stepwell.aio.recv()


@workflow
def looker(of: str, key: str, timeout: float | None, default: Any) -> Any:
    if default == "raise":
        return get_event(of, key, type=Progress, timeout=timeout)
    return get_event(of, key, type=Progress, timeout=timeout, default=default)


@workflow
async def looker_async(of: str, key: str, timeout: float | None, default: Any) -> Any:
    if default == "raise":
        return await stepwell.aio.get_event(of, key, type=Progress, timeout=timeout)
    return await stepwell.aio.get_event(of, key, type=Progress, timeout=timeout, default=default)


SHOWERS = pytest.mark.parametrize("showing", [shower, shower_async.sync], ids=["def", "async"])
LOOKERS = pytest.mark.parametrize("looking", [looker, looker_async.sync], ids=["def", "async"])


@SHOWERS
def test_the_last_value_stays_also_after_the_end(engine: Stepwell, showing: Any) -> None:
    handle = showing.options(id="s").start(3)
    # The loop may still be at an earlier value.
    assert eventually(lambda: (p := handle.get_event("progress", type=Progress)) == Progress(2, 3) and p)
    handle.send("go")
    handle.result(timeout=10)
    assert engine.get_event("s", "progress", type=Progress) == Progress(2, 3)
    assert [each.kind for each in handle.steps()] == ["set_event"] * 3 + ["recv"]


@SHOWERS
@LOOKERS
def test_a_workflow_waits_for_it(engine: Stepwell, showing: Any, looking: Any) -> None:
    shown = showing.options(id="s").start(0)
    waiting = looking.start("s", "progress", None, "raise")
    late = looking.start("s", "progress", 0.05, None)
    assert late.result(timeout=10) is None
    assert [(each.kind, each.ended) for each in late.steps()] == [("get_event_timeout", "ok")]
    with pytest.raises(WaitTimeout):
        looking.start("s", "progress", 0, "raise").result(timeout=10)
    shown.send("go")
    shown.result(timeout=10)
    with pytest.raises(WorkflowEnded, match="progress"):
        waiting.result(timeout=10)
    assert looking.start("s", "progress", None, None).result(timeout=10) is None


@LOOKERS
def test_it_comes_while_somebody_waits(engine: Stepwell, looking: Any) -> None:
    gate = Gate()

    @step
    def hold() -> None:
        gate.hold()

    @workflow(name="later", replace=True)
    def later() -> None:
        hold()
        set_event("progress", Progress(1, 2))

    shown = later.options(id="s").start()
    waiting = looking.options(id="w").start("s", "progress", 60, "raise")
    eventually(lambda: any(each.due for each in waiting.steps()))
    gate.open()
    assert waiting.result(timeout=10) == Progress(1, 2)
    shown.result(timeout=10)


def test_a_replay_sees_what_it_saw(engine: Stepwell) -> None:
    exits = Exits()

    @step
    def leave() -> None:
        exits()

    @workflow(name="twice", replace=True)
    def twice() -> list[Any]:
        me = stepwell.current().id
        set_event("n", 1)
        first = get_event(me, "n")
        set_event("n", 2)
        leave()
        return [first, get_event(me, "n")]

    assert twice.start().result(timeout=10) == [1, 2]


def test_outside(engine: Stepwell) -> None:
    handle = shower.options(id="s").start(0)
    with pytest.raises(WaitTimeout, match="nothing"):
        engine.get_event("s", "nothing", timeout=0.05)
    assert get_event("s", "nothing", timeout=0, default=None) is None
    with pytest.raises(WorkflowNotFound):
        get_event("nobody", "nothing")
    handle.send("go")
    with pytest.raises(WorkflowEnded):
        handle.get_event("nothing")
    assert handle.get_event("nothing", default=5) == 5


async def test_outside_awaited(engine: Stepwell) -> None:
    handle = await shower_async.options(id="s").start(2)
    waiting = [asyncio.create_task(handle.get_event("progress", type=Progress)) for _ in range(5)]
    got = await asyncio.gather(*waiting)
    assert {p.of for p in got} == {2}
    with pytest.raises(WaitTimeout):
        await engine.aio.get_event("s", "x", timeout=0.02)
    assert await stepwell.aio.get_event("s", "x", timeout=0, default=1) == 1
    await handle.send("go")


def test_none_is_a_value(engine: Stepwell) -> None:
    @workflow(name="nothing", replace=True)
    def nothing() -> None:
        set_event("n", None)

    handle = nothing.start()
    handle.result(timeout=10)
    assert handle.get_event("n", default="default") is None


@pytest.mark.parametrize("bad", ["", "x" * 256, "a\0b", "\udfff", 3])
def test_bad_keys(engine: Stepwell, bad: Any) -> None:
    @workflow(name="bad", replace=True)
    def flow() -> None:
        me = stepwell.current().id
        for call in (
            lambda: set_event(bad, 1),
            lambda: get_event(me, bad),
            lambda: stepwell.write_stream(bad, 1),
            lambda: stepwell.close_stream(bad),
            lambda: stepwell.read_stream(me, bad),
        ):
            with pytest.raises(InvalidArgument, match="key"):
                call()

    handle = flow.start()
    handle.result(timeout=10)
    assert handle.steps() == []


def test_what_cannot_be_shown(engine: Stepwell) -> None:
    @workflow(name="bad", replace=True)
    def flow() -> None:
        for call in (set_event, stepwell.write_stream):
            with pytest.raises(PayloadTooLarge):
                call("k", "x" * 20_000_000)
            with pytest.raises(NotSerializable):
                call("k", object())

    handle = flow.start()
    handle.result(timeout=10)
    assert handle.steps() == []


def test_outside_a_workflow_nothing_is_shown() -> None:
    for call in (set_event, stepwell.write_stream):
        with pytest.raises(NotInWorkflow):
            call("k", 1)
    with pytest.raises(NotInWorkflow):
        stepwell.close_stream("k")


def test_within_a_step(engine: Stepwell) -> None:
    """Direct effects under the run's fence, again in each attempt; waits are refused."""
    attempts: list[int] = []

    @step(retry=stepwell.Retry(1, first=0.01))
    def shows() -> None:
        attempts.append(1)
        set_event("n", 10 * len(attempts))
        set_event("n", 10 * len(attempts) + 1)
        stepwell.write_stream("s", len(attempts))
        if len(attempts) == 1:
            raise ConnectionError
        stepwell.close_stream("s")
        with pytest.raises(UsageError, match="get_event"):
            get_event("x", "n")
        with pytest.raises(UsageError, match="read_stream"):
            stepwell.read_stream("x", "n")

    @step
    async def shows_too() -> None:
        await stepwell.aio.set_event("m", "async")
        await asyncio.to_thread(stepwell.set_event, "l", "thread")

    @workflow(name="stepping", replace=True)
    def stepping() -> None:
        shows()
        shows_too.sync()

    handle = stepping.start()
    handle.result(timeout=10)
    assert handle.get_event("n") == 21
    assert handle.get_event("m") == "async"
    assert handle.get_event("l") == "thread"
    assert list(handle.read_stream("s")) == [1, 2]
    assert [each.kind for each in handle.steps()] == ["step", "step"]


def test_between_two_engines(lab: Lab) -> None:
    first, second = lab.launch(), lab.launch("second")
    with first.use():
        handle = shower.options(id="s").start(1)
        waiting = looker_async.sync.options(id="w").start("s", "other", 60, None)
    assert second.get_event("s", "progress", type=Progress, timeout=10) == Progress(0, 1)
    second.send("s", "go")
    assert handle.result(timeout=10) == "go"
    assert waiting.result(timeout=10) is None
