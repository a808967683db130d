"""Calling a workflow, in both colours: it runs here, and what it did is recorded."""

from dataclasses import dataclass

import pytest

from stepwell import NoRunningEngine, Stepwell, step, workflow
from tests.engine.kit import Lab, names


class Declined(Exception):
    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason, code)
        self.code = code


@dataclass
class Receipt:
    order: str
    cents: int


@step
def charge(order: str, cents: int) -> Receipt:
    if cents < 0:
        raise Declined("a refund is no charge", 51)
    return Receipt(order, cents)


@step
async def ship(receipt: Receipt, *, fast: bool = False) -> str:
    return f"{receipt.order} {'by air' if fast else 'by sea'}"


@workflow
def pay(order: str, cents: int = 100) -> Receipt:
    return charge(order, cents)


@workflow
async def deliver(order: str, *, fast: bool = False) -> str:
    return await ship(Receipt(order, 1), fast=fast)


def test_a_def_workflow_is_called_plainly(engine: Stepwell) -> None:
    assert pay("o-1", 250) == Receipt("o-1", 250)
    assert pay("o-2") == Receipt("o-2", 100)


def test_an_async_workflow_is_awaited(engine: Stepwell) -> None:
    assert deliver.sync("o-1", fast=True) == "o-1 by air"


async def test_both_under_async_with(lab: Lab) -> None:
    async with lab.engine():
        assert await deliver("o-1") == "o-1 by sea"
        assert await pay.aio("o-1", 250) == Receipt("o-1", 250)


def test_what_a_call_did_is_recorded(engine: Stepwell) -> None:
    pay.options(id="o-1")("o-1", 250)
    handle = engine.handle("o-1")
    [recorded] = handle.steps()
    assert (recorded.name, recorded.kind, recorded.ended, recorded.attempts) == ("charge", "step", "ok", 1)
    assert recorded.output is not None
    assert '"cents":250' in recorded.output.replace(" ", "")
    assert handle.result() == Receipt("o-1", 250)


def test_a_failure_reaches_the_caller_as_itself(engine: Stepwell) -> None:
    with pytest.raises(Declined, match="no charge") as caught:
        pay.options(id="o-1")("o-1", -1)
    assert caught.value.code == 51
    handle = engine.handle("o-1")
    assert handle.status().status == "ERROR"
    assert [(each.name, each.ended) for each in handle.steps()] == [("charge", "error")]


async def test_a_failure_reaches_an_awaiting_caller_as_itself(lab: Lab) -> None:
    async with lab.engine():
        with pytest.raises(Declined):
            await pay.aio("o-1", -1)


def test_a_handled_failure_is_none(engine: Stepwell) -> None:
    @workflow(name="forgiving", replace=True)
    def forgiving() -> str:
        try:
            charge("o-1", -1)
        except Declined as error:
            return f"declined: {error.code}"
        return "paid"

    assert forgiving.options(id="f")() == "declined: 51"
    assert names(engine.handle("f")) == ["charge"]


def test_arguments_that_do_not_fit_are_refused_before_any_effect(engine: Stepwell) -> None:
    for call in (pay, pay.start, deliver.sync, deliver.sync.start):
        with pytest.raises(TypeError, match=r"pay|deliver"):
            call("o-1", "what", "is", "this")  # type: ignore[operator]
    assert engine.count() == 0


def test_without_an_engine_nothing_runs() -> None:
    with pytest.raises(NoRunningEngine, match="with engine"):
        pay("o-1")


def test_defaults_and_keywords_are_the_same_input(engine: Stepwell) -> None:
    first = pay.options(id="o-1").start("o-1", cents=7)
    second = pay.options(id="o-1").start(order="o-1", cents=7)
    assert first.run_id == second.run_id
