"""A run that failed because of a `map` goes on: the child that failed is tried again, and those go on that were
cancelled because of it."""

from typing import Any

import pytest

from stepwell import Stepwell, TooManyFailures, step, workflow
from tests.engine.kit import Gate, eventually

gates: dict[int, Gate] = {}
fails: set[int] = set()
ran: list[int] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    gates.clear()
    fails.clear()
    ran.clear()


@step
async def work(n: int) -> int:
    if n in gates:
        await gates[n].hold_async()
    ran.append(n)
    if n in fails:
        raise ValueError(n)
    return n * 2


@workflow
async def child(n: int) -> int:
    return await work(n)


@workflow
def parent(tolerate: Any, ordered: bool) -> int:
    return sum(each for each in child.sync.map(range(5), tolerate=tolerate, ordered=ordered) if isinstance(each, int))


@workflow
async def parent_async(tolerate: Any, ordered: bool) -> int:
    found = [each async for each in child.map(range(5), tolerate=tolerate, ordered=ordered)]
    return sum(each for each in found if isinstance(each, int))


@pytest.mark.parametrize("flow", [parent, parent_async.sync], ids=["threads", "async"])
@pytest.mark.parametrize("ordered", [True, False])
def test_a_failed_child_is_tried_again_and_the_cancelled_ones_go_on(engine: Stepwell, flow: Any, ordered: bool) -> None:
    fails.add(2)
    gates.update({0: Gate(), 4: Gate()})
    handle = flow.options(id="p").start(0, ordered)
    with pytest.raises(ValueError, match="2"):
        handle.result()
    eventually(lambda: engine.count(name=child.definition.name, status="CANCELLED") == 2)
    fails.clear()
    for gate in gates.values():
        gate.open()
    assert engine.resume("p").result(timeout=20) == sum(n * 2 for n in range(5))
    assert sorted(ran) == [0, 1, 2, 2, 3, 4]
    assert engine.count(name=child.definition.name) == 5, "they are the same children"


@pytest.mark.parametrize("flow", [parent, parent_async.sync], ids=["threads", "async"])
def test_one_that_was_too_many(engine: Stepwell, flow: Any) -> None:
    fails.update({1, 3})
    handle = flow.options(id="p").start(1, False)
    with pytest.raises(TooManyFailures):
        handle.result()
    fails.clear()
    result = engine.resume("p").result(timeout=20)
    assert result in (20, 20 - 2, 20 - 6), "the last failure was tried again, and one that is tolerated may stay"


@workflow
def starts_two() -> int:
    failing, held = child.sync.start(2), child.sync.start(4)
    return failing.result() + held.result()


def test_a_started_child_that_was_cancelled_with_its_parent_goes_on(engine: Stepwell) -> None:
    fails.add(2)
    gates[4] = Gate()
    handle = starts_two.options(id="p").start()
    with pytest.raises(ValueError, match="2"):
        handle.result()
    eventually(lambda: engine.count(name=child.definition.name, status="CANCELLED") == 1)
    fails.clear()
    gates[4].open()
    assert engine.resume("p").result(timeout=20) == 12
    assert engine.count(name=child.definition.name, status="SUCCESS") == 2
