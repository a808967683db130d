"""A step's timeout, and `at_most_once`."""

import asyncio
from typing import Any

import pytest

from stepwell import ConfigurationError, Retry, StepInterrupted, StepTimeout, Stepwell, step, workflow
from tests.engine.kit import Exits, Gate, Lab, Signal

ran: list[str] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()


# -- timeout -------------------------------------------------------------------------------------------------


def test_an_async_body_is_interrupted(engine: Stepwell) -> None:
    @step(timeout=0.03)
    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ran.append("interrupted")

    @workflow(name="slow", replace=True)
    async def flow() -> None:
        await slow()

    handle = flow.sync.options(id="s").start()
    with pytest.raises(StepTimeout, match=r"'s'.*'slow'.*0\.03") as caught:
        handle.result()
    assert isinstance(caught.value, TimeoutError)
    assert ran == ["interrupted"]
    assert [each.ended for each in handle.steps()] == ["error"]


@pytest.mark.parametrize("colour", ["def", "async"])
def test_a_def_step_fails_while_its_body_goes_on(engine: Stepwell, colour: str) -> None:
    gate, went_on = Gate(), Signal()

    @step(timeout=0.03)
    def slow() -> str:
        gate.hold()
        went_on.set()
        return "too late"

    @workflow(name="slow", replace=True)
    def flow() -> str:
        with pytest.raises(StepTimeout):
            slow()
        return "went on"

    @workflow(name="slow_async", replace=True)
    async def flow_async() -> str:
        with pytest.raises(StepTimeout):
            await slow.aio()
        return "went on"

    handle = (flow if colour == "def" else flow_async.sync).start()
    assert handle.result() == "went on"
    gate.open()
    went_on.wait()
    assert [each.ended for each in handle.steps()] == ["error"]


@pytest.mark.parametrize("colour", ["def", "async"])
def test_each_attempt_has_its_own_timeout(engine: Stepwell, colour: str) -> None:
    @step(timeout=0.03, retry=Retry(2, first=0))
    async def slow() -> str:
        ran.append("try")
        if len(ran) < 3:
            await asyncio.Event().wait()
        return "at last"

    @workflow(name="slow", replace=True)
    def flow() -> str:
        return slow.sync()

    @workflow(name="slow_async", replace=True)
    async def flow_async() -> str:
        return await slow()

    assert (flow if colour == "def" else flow_async.sync)() == "at last"
    assert len(ran) == 3


def test_a_timeout_of_its_own_making_is_no_step_timeout(engine: Stepwell) -> None:
    @step(timeout=30)
    async def impatient() -> None:
        raise TimeoutError("mine")

    @workflow(name="impatient", replace=True)
    async def flow() -> None:
        await impatient()

    with pytest.raises(TimeoutError, match="mine") as caught:
        flow.sync()
    assert not isinstance(caught.value, StepTimeout)


def test_quick_steps_with_a_timeout_work(engine: Stepwell) -> None:
    @step(timeout=30)
    def quick(n: int) -> int:
        return n

    @workflow(name="quick", replace=True)
    def flow() -> int:
        return quick(1) + quick.options(timeout=20)(2) + quick.submit(3).result()

    assert flow() == 6


# -- at_most_once --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", ["def", "async"])
def test_after_a_takeover_it_is_not_run_again(engine: Stepwell, colour: str) -> None:
    exits = Exits(1)

    @step(name="pay", at_most_once=True)
    def pay() -> None:
        ran.append("pay")
        exits()

    @step(name="pay", at_most_once=True)
    async def pay_async() -> None:
        ran.append("pay")
        exits()

    @workflow(name="careful", replace=True)
    def careful() -> str:
        try:
            pay()
        except StepInterrupted as error:
            return str(error)
        return "paid"

    @workflow(name="careful_async", replace=True)
    async def careful_async() -> str:
        try:
            await pay_async()
        except StepInterrupted as error:
            return str(error)
        return "paid"

    handle = (careful if colour == "def" else careful_async.sync).options(id="c").start()
    assert "'c'" in handle.result()
    assert "'pay'" in handle.result()
    assert ran == ["pay"]
    assert [(each.name, each.ended) for each in handle.steps()] == [("pay", "error")]


@pytest.mark.parametrize("colour", ["def", "async"])
def test_undisturbed_it_is_a_step_like_others(engine: Stepwell, colour: str) -> None:
    exits = Exits(2)

    @step(at_most_once=True)
    def pay() -> str:
        ran.append("pay")
        return "receipt"

    @step
    def leave() -> None:
        exits()

    @workflow(name="careful", replace=True)
    def careful() -> str:
        receipt = pay()
        leave()
        return receipt

    @workflow(name="careful_async", replace=True)
    async def careful_async() -> str:
        receipt = await pay.aio()
        await leave.aio()
        return receipt

    handle = (careful if colour == "def" else careful_async.sync).start()
    assert handle.result() == "receipt"
    assert ran == ["pay"]


def test_a_failure_is_its_outcome(engine: Stepwell) -> None:
    @step(at_most_once=True)
    def pay() -> None:
        ran.append("pay")
        raise LookupError("no card")

    @workflow(name="careful", replace=True)
    def careful() -> None:
        pay()

    with pytest.raises(LookupError):
        careful()
    assert ran == ["pay"]


def test_its_start_is_durable_before_its_body(lab: Lab) -> None:
    gate = Gate()

    @step(at_most_once=True)
    def pay() -> None:
        gate.hold()

    @workflow(name="careful", replace=True)
    def careful() -> str:
        try:
            pay()
        except StepInterrupted:
            return "interrupted"
        return "paid"

    with lab.engine() as first:
        careful.options(id="c").start()
        gate.reached.wait()
        [begun] = first.handle("c").steps()
        assert (begun.name, begun.ended) == ("pay", None)
        first.close(drain=0)
    with lab.engine() as second:
        assert second.handle("c").result() == "interrupted"
    gate.open()


def test_it_takes_no_retries() -> None:
    with pytest.raises(ConfigurationError, match="at_most_once"):

        @step(at_most_once=True, retry=1)
        def pay() -> None: ...

    @step(at_most_once=True)
    def once() -> None: ...

    refused: Any = None
    with pytest.raises(ConfigurationError, match="at_most_once"):
        refused = once.options(retry=2)
    assert refused is None
