"""What has ended or parked leaves nothing in memory."""

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest

import stepwell
from stepwell import Handle, Stepwell, step, workflow
from stepwell.core.execution import Execution
from tests.engine.kit import Gate, Lab, eventually, reaches

gate = Gate()


@pytest.fixture(autouse=True)
def fresh() -> None:
    global gate
    gate = Gate()


@step
def hold() -> None:
    gate.hold()


@step
async def hold_async() -> None:
    await gate.hold_async()


@workflow
def ends(fail: bool) -> None:
    hold()
    if fail:
        raise ValueError("on purpose")


@workflow
async def ends_async(fail: bool) -> None:
    await hold_async()
    if fail:
        raise ValueError("on purpose")


@workflow
def parks() -> None:
    hold()
    stepwell.sleep(3600)


@workflow
async def parks_async() -> None:
    await hold_async()
    await stepwell.aio.sleep(3600)


def the_only(engine: Stepwell) -> "weakref.ref[Execution]":
    (execution,) = engine.runtime.executions.values()
    return weakref.ref(execution)


def is_forgotten(reference: "weakref.ref[Execution]", *, collect: bool = False) -> bool:
    if collect:
        gc.collect()
    return reference() is None


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Thousands may end in a second: what they leave must not be garbage that a collector has to search for."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("fail", [False, True], ids=["success", "error"])
@pytest.mark.parametrize("fn", [ends, ends_async.sync], ids=["def", "async"])
def test_an_ended_execution_is_freed(lab: Lab, fn: "Callable[..., object]", fail: bool) -> None:
    engine = lab.launch()
    handle: Handle[None] = fn.start(fail)  # type: ignore[attr-defined]
    gate.reached.wait()
    reference = the_only(engine)
    gate.open()
    reaches(handle, "ERROR" if fail else "SUCCESS")
    assert eventually(lambda: is_forgotten(reference, collect=fail))  # an exception's frames may hold the exception


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("fn", [parks, parks_async.sync], ids=["def", "async"])
def test_a_parked_execution_is_freed(lab: Lab, fn: "Callable[..., object]") -> None:
    engine = lab.launch(park_after=0.01, max_async=1)  # with room for one, the first long wait is one too many
    handle: Handle[None] = fn.start()  # type: ignore[attr-defined]
    gate.reached.wait()
    reference = the_only(engine)
    gate.open()
    reaches(handle, "WAITING")
    assert eventually(lambda: is_forgotten(reference))
