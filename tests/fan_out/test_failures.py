"""Children of a `map` that fail: raised, or given in the place of a result; and what becomes of the others."""

from typing import Any

import pytest

import stepwell
from stepwell import Stepwell, TooManyFailures, WorkflowCancelled, step, workflow
from tests.engine.kit import Gate, Lab, eventually

gates: dict[int, Gate] = {}


class Odd(Exception):
    """What the children raise."""


@pytest.fixture(autouse=True)
def fresh() -> None:
    gates.clear()


@step
async def even(n: int) -> int:
    if n in gates:
        await gates[n].hold_async()
    if n % 2:
        raise Odd(n)
    return n


@workflow
async def child(n: int) -> int:
    return await even(n)


def told(results: list[Any]) -> list[Any]:
    return [f"{type(each).__name__} {each}" if isinstance(each, Exception) else each for each in results]


@workflow
def collected(items: list[int], tolerate: Any, ordered: bool) -> list[Any]:
    return told(list(child.sync.map(items, tolerate=tolerate, ordered=ordered)))


@workflow
async def collected_async(items: list[int], tolerate: Any, ordered: bool) -> list[Any]:
    return told([each async for each in child.map(items, tolerate=tolerate, ordered=ordered)])


FLOWS = pytest.mark.parametrize("flow", [collected, collected_async.sync], ids=["threads", "async"])


@FLOWS
@pytest.mark.parametrize("tolerate", [3, 0.5])
def test_a_tolerated_failure_is_given_in_its_place(engine: Stepwell, flow: Any, tolerate: float) -> None:
    assert flow([0, 1, 2, 3, 5, 6], tolerate, True) == [0, "Odd 1", 2, "Odd 3", "Odd 5", 6]
    assert sorted(map(str, flow([0, 1, 2], tolerate, False))) == ["0", "2", "Odd 1"]


@FLOWS
def test_without_tolerance_the_first_failure_is_raised_as_itself(engine: Stepwell, flow: Any) -> None:
    """Before the results of those before it are there, which are cancelled."""
    gates[0] = Gate()
    handle = flow.options(id="f").start([0, 1, 2], 0, True)
    with pytest.raises(Odd, match="1"):
        handle.result()
    kinds = [each.kind for each in handle.steps()]
    assert kinds.count("close") == 1, kinds
    assert eventually(lambda: engine.count(name=child.definition.name, status="CANCELLED") == 1)
    (held,) = engine.find(name=child.definition.name, status="CANCELLED")
    assert held.reason == "fan-out failed"


@FLOWS
@pytest.mark.parametrize("tolerate", [1, 0.34])
def test_one_too_many(engine: Stepwell, flow: Any, tolerate: float) -> None:
    gates[0] = Gate()
    with pytest.raises(TooManyFailures) as failed:
        flow([0, 1, 2, 3, 5], tolerate, True)
    assert {str(each) for each in failed.value.failures} <= {"1", "3", "5"}
    assert all(type(each) is Odd for each in failed.value.failures)
    assert (failed.value.failed, failed.value.total) == (2, 5)
    assert "2 of 5" in str(failed.value)
    assert eventually(lambda: engine.count(name=child.definition.name, status="CANCELLED") >= 1)


def test_a_share_of_an_unknown_number_is_judged_at_the_end(engine: Stepwell) -> None:
    given: list[Any] = []

    @workflow(name="shared", replace=True)
    def shared() -> int:
        given.clear()
        for each in child.sync.map((n for n in range(10)), tolerate=0.4, concurrency=2):
            given.append(each)
        return 0

    with pytest.raises(TooManyFailures) as failed:
        shared()
    assert len(given) == 10
    assert (failed.value.failed, failed.value.total, len(failed.value.failures)) == (5, 10, 5)


def test_the_error_carries_a_hundred(engine: Stepwell) -> None:
    with pytest.raises(TooManyFailures) as failed:
        list(child.sync.map((1 for _ in range(120)), tolerate=0.99, concurrency=100))
    assert (failed.value.failed, failed.value.total, len(failed.value.failures)) == (120, 120, 100)


def test_it_survives_being_recorded(engine: Stepwell) -> None:
    handle = collected.start([1, 3], 1, True)
    with pytest.raises(TooManyFailures) as failed:
        engine.handle(handle.id).result()
    assert sorted(str(each) for each in failed.value.failures) == ["1", "3"]
    assert (failed.value.failed, failed.value.total) == (2, 2)


def test_it_is_an_exception_group() -> None:
    group = TooManyFailures("two", [Odd(1), ValueError("v")], failed=2, total=9)
    seen: list[Any] = []
    try:
        try:
            raise group
        except* ValueError as part:
            seen.append(part)
    except TooManyFailures as rest:
        seen.append(rest)
    assert [str(each.failures[0]) for each in seen] == ["v", "1"]
    assert [each.total for each in seen] == [9, 9]


def test_a_cancelled_child_is_a_failure(engine: Stepwell) -> None:
    gates[0] = Gate()
    handle = collected.start([0, 2], 1, True)
    gates[0].reached.wait()
    eventually(lambda: engine.count(name=child.definition.name, status="SUCCESS") == 1)
    (held,) = engine.find(name=child.definition.name, status="PENDING")
    engine.cancel(held.workflow_id)
    assert handle.result()[0].startswith("WorkflowCancelled")


@FLOWS
def test_the_children_follow_their_cancelled_parent(engine: Stepwell, flow: Any) -> None:
    gates.update({0: Gate(), 2: Gate()})
    handle = flow.start([0, 2], 5, True)
    gates[0].reached.wait()
    gates[2].reached.wait()
    handle.cancel()
    with pytest.raises(WorkflowCancelled):
        handle.result()
    eventually(lambda: engine.count(name=child.definition.name, status="CANCELLED") == 2)


def test_what_may_outlive_its_parent_is_left_alone(engine: Stepwell) -> None:
    gates[0] = Gate()

    @workflow(name="leaving", replace=True)
    def leaving() -> None:
        list(child.sync.options(parent_close="abandon").map([0, 1]))

    with pytest.raises(Odd):
        leaving()
    gates[0].open()
    eventually(lambda: engine.count(name=child.definition.name, status="SUCCESS") == 1)


def test_items_that_raise(engine: Stepwell) -> None:
    gates[0] = Gate()

    def items() -> Any:
        yield 0
        raise KeyError("items")

    @workflow(name="raising", replace=True)
    def raising() -> None:
        results = child.sync.map(items(), concurrency=1 + 1)
        try:
            list(results)
        except KeyError:
            assert list(results) == []
            raise

    with pytest.raises(KeyError, match="items"):
        raising()


@FLOWS
def test_an_argument_that_cannot_be_stored(engine: Stepwell, flow: Any) -> None:
    with pytest.raises(stepwell.NotSerializable):
        list(child.sync.map([0, object()]))  # type: ignore[list-item]


def test_outside_a_workflow(engine: Stepwell) -> None:
    assert told(list(child.sync.map([0, 1, 2], tolerate=1))) == [0, "Odd 1", 2]
    gates[0] = Gate()
    with pytest.raises(Odd, match="1"):
        list(child.sync.map([0, 1, 2]))
    eventually(lambda: engine.count(name=child.definition.name, status="CANCELLED") == 1)
    gates[0] = Gate()
    with pytest.raises(TooManyFailures):
        list(child.sync.map([0, 1, 3], tolerate=1))
    eventually(lambda: engine.count(name=child.definition.name, status="CANCELLED") == 2)


async def test_outside_an_async_workflow(lab: Lab) -> None:
    async with lab.engine():
        assert told([each async for each in child.map([0, 1, 2], tolerate=1)]) == [0, "Odd 1", 2]
        with pytest.raises(TooManyFailures):
            [each async for each in child.map([1, 3], tolerate=1)]
        with pytest.raises(Odd):
            [each async for each in child.map([1])]


@FLOWS
def test_an_interrupted_wait_goes_on(engine: Stepwell, flow: Any) -> None:
    gates[0] = Gate()
    late: list[str] = []

    @workflow(name="patient", replace=True)
    def patient() -> list[int]:
        results = child.sync.map([0, 2])
        try:
            with stepwell.timeout(0.05):
                next(results)
        except TimeoutError:
            late.append("late")
            gates[0].open()
        return list(results)

    @workflow(name="patient-async", replace=True)
    async def patient_async() -> list[int]:
        results = child.map([0, 2])
        try:
            async with stepwell.aio.timeout(0.05):
                await anext(results)
        except TimeoutError:
            late.append("late")
            gates[0].open()
        return [each async for each in results]

    interrupted = patient if flow is collected else patient_async.sync
    assert interrupted.start().result() == [0, 2]
    assert late == ["late"]
