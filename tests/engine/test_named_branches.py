"""`gather` with names: another branch in new code does not shift the others."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

import stepwell
from stepwell import InvalidArgument, Stepwell, UsageError, step, workflow
from tests.engine.kit import Gate, Lab, reaches

gates: list[Gate] = []
ran: list[str] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    gates[:] = [Gate()]
    ran.clear()


@step
async def price(shop: str) -> str:
    ran.append(shop)
    if shop == "closed":
        raise ConnectionError(shop)
    return shop.upper()


@step
def price_def(shop: str) -> str:
    ran.append(shop)
    return shop.upper()


@step
async def hold() -> None:
    await gates[0].hold_async()


def define_async(shops: list[str], call: Callable[[str], Awaitable[str]] = price) -> Any:
    @workflow(name="named-branches", replace=True)
    async def pricing() -> dict[str, str]:
        found = await stepwell.aio.gather({shop: partial(call, shop) for shop in shops})
        await hold()
        return {**found, "last": await price("last")}

    return pricing.sync


def define_def(shops: list[str]) -> Any:
    @workflow(name="named-branches", replace=True)
    def pricing() -> dict[str, str]:
        found = stepwell.gather({shop: partial(price_def.submit, shop) for shop in shops})
        hold.sync()
        return {**found, "last": price_def("last")}

    return pricing


async def twice(shop: str) -> str:
    return await price(shop) + await price(shop)


DEFINE = [define_def, define_async, partial(define_async, call=twice)]


@pytest.mark.parametrize("define", DEFINE, ids=["def", "async", "several-steps"])
@pytest.mark.parametrize("before", [["north", "south"], ["north", "south", "west"]], ids=["two", "three"])
def test_the_same_names_are_the_same_steps_in_any_order(lab: Lab, define: Any, before: list[str]) -> None:
    with lab.engine() as engine:
        define(before).options(id="p").start()
        gates[0].reached.wait()
        engine.close(drain=0)
    ran.clear()
    gates[0].open()
    define(before[::-1])
    with lab.engine() as engine:
        found = engine.handle("p").result(timeout=15)
        assert ran == ["last"]
        assert set(found) == {*before, "last"}


def test_one_branch_more_runs_and_the_others_are_not_shifted(lab: Lab) -> None:
    """The run stands within the gather."""

    async def held(shop: str) -> str:
        found = await price(shop)
        if shop == "south":
            await hold()
        return found

    with lab.engine() as engine:
        define_async(["north", "south"], held).options(id="p").start()
        gates[0].reached.wait()
        engine.close(drain=0)
    ran.clear()
    gates[0].open()
    define_async(["a-new-one", "north", "south"], held)
    with lab.engine() as engine:
        found = engine.handle("p").result(timeout=15)
        assert found == {"a-new-one": "A-NEW-ONE", "north": "NORTH", "south": "SOUTH", "last": "LAST"}
        assert ran == ["a-new-one", "last"]


def test_without_names_it_would_be_another_step(lab: Lab) -> None:
    """What the names are for."""

    def define(shops: list[str]) -> Any:
        @workflow(name="nameless-branches", replace=True)
        async def pricing() -> list[str]:
            found = await stepwell.aio.gather(*(price(shop) for shop in shops))
            await hold()
            return found

        return pricing.sync

    with lab.engine() as engine:
        define(["north", "south"]).options(id="p").start()
        gates[0].reached.wait()
        engine.close(drain=0)
    gates[0].open()
    define(["west", "north", "south"])
    with lab.engine() as engine:
        handle = engine.handle("p")
        assert reaches(handle, "BLOCKED")


def test_a_name_used_again_counts_on_and_any_text_is_a_name(engine: Stepwell) -> None:
    names = ["a.b/c:d", "ä ~!=+%", "0"]

    @workflow(name="odd-names", replace=True)
    async def odd() -> list[dict[str, str]]:
        return [await stepwell.aio.gather({name: partial(price, name) for name in names}) for _ in range(2)]

    handle = odd.sync.options(id="odd").start()
    assert handle.result(timeout=15) == [{name: name.upper() for name in names}] * 2
    places = [each.id for each in handle.steps()]
    assert len(set(places)) == 6
    assert "=0:0" in places
    assert "=0+1:0" in places
    forked = engine.fork("odd", places[3])
    assert forked.result(timeout=15) == handle.result()


def test_a_failure_is_raised_or_returned(engine: Stepwell) -> None:
    @workflow(name="one-fails", replace=True)
    async def one_fails(returned: bool) -> list[str]:
        calls = {"good": partial(price, "good"), "bad": partial(price, "closed")}
        if returned:
            found = await stepwell.aio.gather(calls, return_exceptions=True)
            return [type(each).__name__ for each in found.values()]
        return list((await stepwell.aio.gather(calls)).values())

    assert one_fails.sync(True) == ["str", "ConnectionError"]
    with pytest.raises(ConnectionError):
        one_fails.sync(False)


def test_no_branches_give_an_empty_dict(engine: Stepwell) -> None:
    @workflow(name="no-branches", replace=True)
    async def none() -> dict[str, str]:
        return await stepwell.aio.gather(dict[str, Callable[[], Awaitable[str]]]())

    assert none.sync() == {}
    assert stepwell.gather({}) == {}


def test_a_call_that_was_made_already_is_refused(engine: Stepwell) -> None:
    @workflow(name="called-already", replace=True)
    async def called() -> None:
        await stepwell.aio.gather(north=price("north"))  # type: ignore[call-overload]

    @workflow(name="submitted-already", replace=True)
    def submitted() -> None:
        stepwell.gather(north=price_def.submit("north"))  # type: ignore[call-overload]

    @workflow(name="not-submitted", replace=True)
    def not_submitted() -> None:
        stepwell.gather(north=lambda: price_def("north"))  # type: ignore[return-value]

    for call, told in ((called.sync, "north=lambda"), (submitted, "north=lambda"), (not_submitted, "submit")):
        with pytest.raises(UsageError, match=told):
            call()


def test_names_and_calls_in_order_do_not_mix() -> None:
    with pytest.raises(UsageError, match="not both"):
        stepwell.gather(price_def.submit("a"), b=lambda: price_def.submit("b"))  # type: ignore[call-overload]
    with pytest.raises(InvalidArgument):
        stepwell.gather({"": lambda: price_def.submit("b")})


def test_outside_a_workflow_they_are_plain_calls() -> None:
    assert stepwell.gather(a=lambda: price_def.submit("a")) == {"a": "A"}

    async def go() -> dict[str, str]:
        return await stepwell.aio.gather(a=lambda: price("a"), b=lambda: price("b"))

    assert asyncio.run(go()) == {"a": "A", "b": "B"}
