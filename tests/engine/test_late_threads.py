"""Threads that come back to an engine that has been closed meanwhile: told, never hung, never heard."""

import asyncio
from typing import Any

import pytest

from stepwell import NoRunningEngine, step, workflow
from tests.engine.kit import Gate, Lab, Signal, eventually_async, in_thread


async def test_a_body_that_outlives_its_engine_on_a_loop_that_goes_on(lab: Lab) -> None:
    gate, after = Gate(), Signal()
    ran: list[str] = []

    @step
    def stubborn() -> None:
        gate.hold()

    @step
    def second() -> None:
        ran.append("by the old engine" if not after.is_set else "by the new one")

    @workflow(name="stubborn", replace=True)
    def flow() -> str:
        stubborn()
        second()
        return "done"

    engine = lab.engine(drain=0.01)
    async with engine:
        await flow.aio.options(id="f").start()
        await gate.reached.wait_async()
    after.set()
    gate.open()
    async with lab.engine():
        assert await flow.aio.handle("f").result() == "done"
    assert ran == ["by the new one"]
    # The loop goes on without that engine, and with none of its tasks: the leak check looks.
    await asyncio.sleep(0)


async def test_its_caller_is_told(lab: Lab) -> None:
    gate = Gate()

    @step
    def stubborn() -> None:
        gate.hold()

    @workflow(name="stubborn", replace=True)
    def flow() -> str:
        stubborn()
        stubborn()
        return "done"

    engine = lab.engine(drain=0.01)
    async with engine:
        calling = in_thread(flow.options(id="f"))
        await gate.reached.wait_async()
    gate.open()
    with pytest.raises(NoRunningEngine):
        await asyncio.to_thread(calling.result)
    async with lab.engine() as again:

        async def ended() -> bool:
            return (await (await again.aio.handle("f")).status()).status == "SUCCESS"

        assert await eventually_async(ended)


@pytest.mark.parametrize("swallow", [False, True])
def test_after_the_close_every_verb_raises(lab: Lab, swallow: bool) -> None:
    import stepwell

    gate = Gate()
    after: list[Any] = []

    @step
    def stubborn() -> None:
        gate.hold()

    @step
    def other() -> None:
        after.append("ran")

    @workflow(name="stubborn", replace=True)
    def flow() -> None:
        stubborn()
        for verb in (other, stepwell.now, lambda: stepwell.sleep(0)):
            try:
                verb()
            except BaseException:
                if not swallow:
                    raise

    engine = lab.launch()
    calling = in_thread(flow)
    gate.reached.wait()
    engine.close(drain=0)
    gate.open()
    with pytest.raises(NoRunningEngine):
        calling.result()
    assert after == []
