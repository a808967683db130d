"""`map`: a child for each item, so many at a time, and their results as they are asked for; in both colours."""

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

import stepwell
from stepwell import InvalidArgument, Stepwell, UsageError, step, workflow
from stepwell.errors import AsyncMismatch, NoRunningEngine
from tests.engine.kit import Gate, Lab, Signal, eventually, in_thread


class Gauge:
    """How many are inside at once, and the most that ever were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


gauge = Gauge()


def inside(count: int) -> bool:
    return gauge.now == count


gates: dict[int, Gate] = {}


@pytest.fixture(autouse=True)
def fresh() -> None:
    gates.clear()
    gauge.__init__()  # type: ignore[misc]


@step
def measured(n: int) -> int:
    with gauge:
        return n * 2


@workflow
def double(n: int) -> int:
    return measured(n)


@step
async def held(n: int) -> int:
    if n in gates:
        await gates[n].hold_async()
    return n * 2


@workflow
async def gated(n: int) -> int:
    with gauge:
        return await held(n)


@workflow
def all_of(count: int, concurrency: int, ordered: bool) -> list[int]:
    return list(double.map(range(count), concurrency=concurrency, ordered=ordered))


@workflow
async def all_of_async(count: int, concurrency: int, ordered: bool) -> list[int]:
    return [each async for each in gated.map(range(count), concurrency=concurrency, ordered=ordered)]


@pytest.mark.parametrize("flow", [all_of, all_of_async.sync], ids=["threads", "async"])
@pytest.mark.parametrize("ordered", [True, False])
def test_a_child_for_each_item(engine: Stepwell, flow: Any, ordered: bool) -> None:
    handle = flow.options(id="all").start(30, 4, ordered)
    results = handle.result()
    assert (results if ordered else sorted(results)) == [n * 2 for n in range(30)]
    assert gauge.most <= 4
    children = [each for each in engine.find(limit=1000) if each.parent_id == "all"]
    assert len(children) == 30
    kinds = [each.kind for each in handle.steps()]
    assert (kinds.count("start"), kinds.count("result")) == (30, 30)
    assert kinds.count("any") < 30


async def test_children_of_the_other_colour(lab: Lab) -> None:
    @workflow(name="async-of-def", replace=True)
    async def of_def() -> list[int]:
        return [each async for each in double.aio.map([1, 2, 3])]

    @workflow(name="def-of-async", replace=True)
    def of_async() -> list[int]:
        return list(gated.sync.map([1, 2, 3]))

    async with lab.engine():
        assert await of_def() == [2, 4, 6]
        assert await of_async.aio() == [2, 4, 6]


@pytest.mark.parametrize("colour", ["threads", "async"])
def test_never_more_than_so_many_at_a_time(engine: Stepwell, colour: str) -> None:
    """They are held, so that as many as may stand inside at once do."""
    gates.update((n, Gate()) for n in range(12))

    @workflow(name="few", replace=True)
    def few() -> list[int]:
        return list(gated.sync.map(range(12), concurrency=3))

    @workflow(name="few-async", replace=True)
    async def few_async() -> list[int]:
        return [each async for each in gated.map(range(12), concurrency=3)]

    handle = (few if colour == "threads" else few_async.sync).start()
    for n in range(12):
        gates[n].reached.wait()
        eventually(partial(inside, min(3, 12 - n)))
        gates[n].open()
    assert handle.result() == [n * 2 for n in range(12)]
    assert gauge.most == 3


@pytest.mark.parametrize("colour", ["threads", "async"])
def test_results_as_they_come(engine: Stepwell, colour: str) -> None:
    gates[0] = Gate()
    first = Signal()

    @step
    def got(result: int) -> None:
        first.set()

    @workflow(name="as-they-come", replace=True)
    def as_they_come() -> list[int]:
        found = []
        for each in gated.sync.map([0, 1], ordered=False):
            got(each)
            found.append(each)
        return found

    @workflow(name="as-they-come-async", replace=True)
    async def as_they_come_async() -> list[int]:
        found = []
        async for each in gated.map([0, 1], ordered=False):
            await got.aio(each)
            found.append(each)
        return found

    handle = (as_they_come if colour == "threads" else as_they_come_async.sync).start()
    first.wait()
    gates[0].open()
    assert handle.result() == [2, 0]


def test_items_are_read_as_they_are_needed(engine: Stepwell) -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for n in range(1000):
            read.append(n)
            yield n

    @workflow(name="lazy", replace=True)
    def lazy() -> tuple[int, int]:
        results = double.map(items(), concurrency=5, ordered=False)
        assert read == []
        next(results)
        after_one = len(read)
        next(results)
        return after_one, len(read)

    after_one, after_two = lazy()
    assert after_one <= 10, "five, and as many as had ended"
    assert after_two <= 15


def test_a_slow_first_one_does_not_hold_the_others_back(engine: Stepwell, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, so many may end before it; then no more are started."""
    monkeypatch.setattr("stepwell.core.fan_out.LOOK_AHEAD", 20)
    gates[0] = Gate()

    @workflow(name="slow-first", replace=True)
    def slow_first() -> list[int]:
        return list(gated.sync.map(range(50), concurrency=5))

    handle = slow_first.start()
    eventually(lambda: engine.count(name=gated.definition.name, status="SUCCESS") >= 20)
    gates[0].reached.wait()
    assert engine.count(name=gated.definition.name) <= 25
    gates[0].open()
    assert handle.result() == [n * 2 for n in range(50)]


def test_calls_with_options_of_their_own(engine: Stepwell) -> None:
    @workflow(name="bound", replace=True)
    def bound() -> list[int]:
        calls = (double.options(id=f"item-{n}").bind(n) for n in range(3))
        return list(double.options(attributes={"batch": 7}).map(calls))

    assert bound() == [0, 2, 4]
    found = engine.find(attributes={"batch": 7})
    assert {each.workflow_id for each in found} == {"item-0", "item-1", "item-2"}


def test_operations_between_two_results_have_numbers_of_their_own(engine: Stepwell) -> None:
    @workflow(name="mixed", replace=True)
    def mixed() -> int:
        return sum(measured(each) for each in double.map([1, 2], concurrency=1)) + sum(double.map([3]))

    handle = mixed.options(id="mixed").start()
    assert handle.result() == 18
    assert [each.id for each in handle.steps() if each.name == measured.definition.name] == [":0", ":1"]
    ids = {each.workflow_id for each in engine.find(name=double.definition.name)}
    assert len(ids) == 3
    assert all(each.startswith("mixed/~map") for each in ids)


def test_nothing_to_do(engine: Stepwell) -> None:
    assert all_of(0, 1, True) == []
    assert list(double.map([])) == []


# -- outside any workflow -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ordered", [True, False])
def test_outside_a_workflow(engine: Stepwell, ordered: bool) -> None:
    results = list(double.map(range(20), concurrency=3, ordered=ordered))
    assert (results if ordered else sorted(results)) == [n * 2 for n in range(20)]
    assert gauge.most <= 3
    assert {each.parent_id for each in engine.find()} == {None}
    assert engine.runtime.watch._waiters == {}


async def test_outside_an_async_workflow(lab: Lab) -> None:
    async with lab.engine():
        assert [each async for each in gated.map(range(20), concurrency=3)] == [n * 2 for n in range(20)]
        assert gauge.most <= 3


def test_an_engine_that_is_closed_meanwhile(lab: Lab) -> None:
    """Who waits outside is told; the runs go on at the next launch."""
    gates[1] = Gate()
    engine = lab.launch()
    results = gated.sync.map([0, 1])
    assert next(results) == 0
    waiting = in_thread(lambda: next(results))
    gates[1].reached.wait()
    eventually(lambda: engine.runtime.watch._waiters)
    closing = in_thread(lambda: engine.close(drain=0.0))
    with pytest.raises(NoRunningEngine):
        waiting.result()
    gates[1].open()
    closing.result()
    with pytest.raises(NoRunningEngine):
        next(results)


# -- refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": True}, "concurrency"),
        ({"concurrency": 100_000}, "concurrency"),
        ({"concurrency": 1.5}, "concurrency"),
        ({"tolerate": -1}, "tolerate"),
        ({"tolerate": 1.5}, "tolerate"),
        ({"tolerate": float("nan")}, "tolerate"),
        ({"tolerate": True}, "tolerate"),
        ({"tolerate": "3"}, "tolerate"),
        ({"ordered": 1}, "ordered"),
    ],
)
def test_wrong_arguments(lab: Lab, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidArgument, match=says):
        double.map([1], **arguments)
    with pytest.raises(InvalidArgument, match=says):
        gated.map([1], **arguments)


@pytest.mark.parametrize("items", ["text", b"bytes", 7, None])
def test_what_are_no_items(items: Any) -> None:
    with pytest.raises(InvalidArgument, match="items"):
        double.map(items)


def test_an_id_is_for_one_run(engine: Stepwell) -> None:
    with pytest.raises(InvalidArgument, match="id"):
        double.options(id="x").map([1])


def test_in_a_step_nobody_may_wait(engine: Stepwell) -> None:
    @step
    def waits() -> None:
        double.map([1])

    @workflow(name="step-maps", replace=True)
    def step_maps() -> None:
        waits()

    with pytest.raises(UsageError, match="step"):
        step_maps()


def test_results_are_not_for_a_step(engine: Stepwell) -> None:
    @step
    def takes(results: Any) -> None:
        next(results)

    @workflow(name="step-takes", replace=True)
    def step_takes() -> None:
        results = double.map([1])
        stepwell.run_step(lambda: next(results), name="takes")

    with pytest.raises(UsageError, match="map"):
        step_takes()


async def test_the_wrong_colour(lab: Lab) -> None:
    @workflow(name="def-flow", replace=True)
    def def_flow() -> None:
        gated.map([1])

    async with lab.engine():
        with pytest.raises(AsyncMismatch):
            double.map([1])
        with pytest.raises(AsyncMismatch):
            await def_flow.aio()


def test_calls_of_another_workflow(engine: Stepwell) -> None:
    with pytest.raises(InvalidArgument, match="same function"):
        list(double.map([all_of.bind(1, 1, True)]))  # type: ignore[list-item]
    assert engine.count() == 0
