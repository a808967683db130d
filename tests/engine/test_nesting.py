"""Within a step, steps are plain calls and waits raise."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import stepwell
from stepwell import NotInWorkflow, Stepwell, UsageError, step, workflow
from tests.engine.kit import Lab, names


@step
def inner(n: int) -> int:
    return n + 1


@step
async def inner_async(n: int) -> int:
    await asyncio.sleep(0)
    return n + 1


@step
def outer(n: int) -> int:
    return inner(n) + inner_async.sync(n) + inner.submit(n).result() + sum(inner.map([n]))


@step
async def outer_async(n: int) -> int:
    both = await asyncio.gather(inner_async(n), inner.aio(n))
    return inner(n) + sum(both) + sum(await inner_async.map([n]))


@workflow
def nesting(n: int) -> int:
    return outer(n) + outer_async.sync(n)


@workflow
async def nesting_async(n: int) -> int:
    return await outer.aio(n) + await outer_async(n)


@workflow
def child() -> str:
    return "child"


@pytest.mark.parametrize("call", [nesting, nesting_async.sync], ids=["def", "async"])
def test_steps_within_steps_are_plain_calls(engine: Stepwell, call: Any) -> None:
    assert call.options(id="n")(1) == 16
    assert names(engine.handle("n")) == ["outer", "outer_async"]


WAITS: dict[str, Callable[[], Any]] = {
    "sleep": lambda: stepwell.sleep(1),
    "now": stepwell.now,
    "uuid4": stepwell.uuid4,
    "random": stepwell.random,
    "patched": lambda: stepwell.patched("p"),
    "call": lambda: child(),
}


@pytest.mark.parametrize("what", WAITS)
def test_waits_within_a_step_raise(engine: Stepwell, what: str) -> None:
    @step
    def waiting() -> None:
        with pytest.raises(UsageError, match="step"):
            WAITS[what]()

    @workflow(name="waits", replace=True)
    def waits() -> None:
        waiting()

    waits.options(id="w")()
    assert names(engine.handle("w")) == ["waiting"]
    assert engine.count() == 1


async def test_waits_within_an_async_step_raise(lab: Lab) -> None:
    @step
    async def waiting() -> None:
        with pytest.raises(UsageError, match="step"):
            await stepwell.aio.sleep(1)
        with pytest.raises(UsageError, match="step"):
            await child.aio()

    @workflow(name="waits", replace=True)
    async def waits() -> None:
        await waiting()

    async with lab.engine() as engine:
        await waits()
        assert await engine.aio.count() == 1


@pytest.mark.parametrize("what", [each for each in WAITS if each != "call"])
def test_verbs_outside_a_workflow_raise(engine: Stepwell, what: str) -> None:
    with pytest.raises(NotInWorkflow, match="workflow"):
        WAITS[what]()


async def test_awaited_verbs_outside_a_workflow_raise(lab: Lab) -> None:
    async with lab.engine():
        with pytest.raises(NotInWorkflow, match="workflow"):
            await stepwell.aio.sleep(1)


def test_a_step_may_start_a_workflow_which_is_no_child(engine: Stepwell) -> None:
    @step
    def starting() -> str:
        return child.options(id="started").start().id

    @workflow(name="starter", replace=True)
    def starter() -> str:
        return starting()

    assert starter.options(id="s")() == "started"
    handle = engine.handle("started")
    assert handle.result() == "child"
    assert handle.status().parent_id is None
    assert names(engine.handle("s")) == ["starting"]
