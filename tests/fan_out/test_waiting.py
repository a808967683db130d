"""While children run their parent needs nothing: it parks, and the first child that ends wakes it. It survives a
takeover, and thousands of children."""

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from stepwell import Stepwell, step, workflow
from stepwell.core import bulk
from stepwell.core.fan_out_ends import Ends
from tests.engine.kit import Exits, Gate, Lab, eventually, reaches

gates: dict[int, Gate] = {}
ran: list[int] = []
began: list[str] = []
exits: list[Exits] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    gates.clear()
    ran.clear()
    began.clear()
    exits[:] = [Exits(0)]


@step
async def held(n: int) -> int:
    ran.append(n)
    if n in gates:
        await gates[n].hold_async()
    return n * 2


@workflow
async def child(n: int) -> int:
    return await held(n)


@step
def note(what: str) -> None:
    began.append(what)


@step
def leave() -> None:
    exits[0]()


@workflow(max_recoveries=1000)
def parent(count: int, concurrency: int, ordered: bool) -> list[int]:
    note("parent")
    found = []
    for each in child.sync.map(range(count), concurrency=concurrency, ordered=ordered):
        leave()
        found.append(each)
    return found


@workflow(max_recoveries=1000)
async def parent_async(count: int, concurrency: int, ordered: bool) -> list[int]:
    found = []
    async for each in child.map(range(count), concurrency=concurrency, ordered=ordered):
        await leave.aio()
        found.append(each)
    return found


FLOWS = pytest.mark.parametrize("flow", [parent, parent_async.sync], ids=["threads", "async"])


# -- parking --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [0, 1, 2])
def test_whichever_ends_first_wakes_a_parked_parent(lab: Lab, who: int) -> None:
    engine = lab.launch(park_after=0.02, max_threads=1, sweep_interval=3600.0, poll_interval=3600.0)
    gates.update((n, Gate()) for n in range(3))
    handle = parent.options(id="p").start(3, 3, False)
    reaches(handle, "WAITING")
    assert handle.status().owner is None
    assert engine.explain("p").startswith("WAITING")
    gates[who].open()
    eventually(lambda: [each.kind for each in handle.steps()].count("result") == 1)
    reaches(handle, "WAITING")
    for gate in gates.values():
        gate.open()
    results = handle.result()
    assert (results[0], sorted(results)) == (who * 2, [0, 2, 4])
    assert sorted(ran) == [0, 1, 2]
    assert began == ["parent"], "steps do not run again"


def test_the_sweep_finds_a_parent_that_nobody_woke(lab: Lab) -> None:
    """Its process is gone, and the child ends in a process that knows nothing of it."""
    gates.update((n, Gate()) for n in range(2))
    first = lab.launch(park_after=0.02)
    handle = parent.options(id="p").start(2, 2, False)
    reaches(handle, "WAITING")
    first.close(drain=0.0)
    for gate in gates.values():
        gate.open()
    second = lab.launch()
    assert sorted(second.handle("p").result(timeout=20)) == [0, 2]


def test_what_ended_before_it_was_parked(lab: Lab) -> None:
    engine = lab.launch(park_after=0.02, max_threads=2, sweep_interval=3600.0)
    assert parent.start(40, 7, True).result(timeout=20) == [n * 2 for n in range(40)]
    assert engine.count(name=child.definition.name) == 40


# -- takeover -------------------------------------------------------------------------------------------------


@FLOWS
@pytest.mark.parametrize("ordered", [True, False])
def test_a_replay_starts_no_child_twice_and_gets_the_same(engine: Stepwell, flow: Any, ordered: bool) -> None:
    exits[0].left = 12
    results = flow.options(id="p").start(12, 5, ordered).result()
    assert (results if ordered else sorted(results)) == [n * 2 for n in range(12)]
    assert sorted(ran) == list(range(12))
    assert engine.count(name=child.definition.name) == 12


def test_a_takeover_takes_the_recorded_window(engine: Stepwell) -> None:
    """Code with another `concurrency` matches the history of a run that began with the old one."""
    many = [7]

    @workflow(name="tuned", replace=True, max_recoveries=100)
    def tuned() -> list[int]:
        found = []
        for each in child.sync.map(range(10), concurrency=many[0]):
            many[0] = 2
            leave()
            found.append(each)
        return found

    exits[0].left = 1
    assert tuned.start().result() == [n * 2 for n in range(10)]
    assert sorted(ran) == list(range(10))


@FLOWS
def test_the_first_ends_are_not_waited_for_again(engine: Stepwell, flow: Any) -> None:
    """Recorded ends need no children: they may be gone when the run is replayed."""
    gates[3] = Gate()
    exits[0].left = 0
    handle = flow.options(id="p").start(4, 4, True)
    gates[3].reached.wait()
    eventually(lambda: [each.kind for each in handle.steps()].count("result") == 3)
    exits[0].left = 1
    gates[3].open()
    assert handle.result() == [0, 2, 4, 6]
    assert sorted(ran) == [0, 1, 2, 3]


# -- thousands ------------------------------------------------------------------------------------------------


class Item:
    """Something whose life a weak reference can watch."""

    def __init__(self, n: int) -> None:
        self.n = n


@workflow
async def many_bytes(n: int) -> bytes:
    return b"x" * 10_000


@pytest.mark.parametrize("colour", ["threads", "async"])
def test_thousands_of_children_are_not_held_in_memory(lab: Lab, colour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = lab.launch(max_async=200)
    live: weakref.WeakSet[Item] = weakref.WeakSet()
    most = 0
    kept = 0

    def items() -> Iterator[int]:
        nonlocal most
        for n in range(3000):
            item = Item(n)
            live.add(item)
            most = max(most, len(live))
            yield item.n

    def noted(self: Ends, place: int) -> Any:
        nonlocal kept
        kept = max(kept, sum(len(each.output or "") for each in self._kept.values()))
        return take(self, place)

    take = Ends.take
    monkeypatch.setattr(Ends, "take", noted)

    @workflow(name="thousands", replace=True)
    def thousands() -> int:
        return sum(len(each) for each in many_bytes.sync.map(items(), concurrency=100))

    @workflow(name="thousands-async", replace=True)
    async def thousands_async() -> int:
        return sum([len(each) async for each in many_bytes.map(items(), concurrency=100)])

    flow = thousands if colour == "threads" else thousands_async.sync
    assert flow.start().result(timeout=120) == 3000 * 10_000
    assert engine.count(name=many_bytes.definition.name, status="SUCCESS") == 3000
    assert most < 10
    assert 0 < kept <= 1 << 20, "of 40 million characters"
    gc.collect()
    assert engine.runtime.watch._waiters == {}


def test_a_window_costs_few_statements(engine: Stepwell, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    send_all = bulk._send_all

    async def counted(runtime: Any, starts: Any, *, outside: bool) -> Any:
        sizes.append(len(starts))
        return await send_all(runtime, starts, outside=outside)

    monkeypatch.setattr(bulk, "_send_all", counted)
    gates.update((n, Gate()) for n in range(40))
    handle = parent.start(40, 40, True)
    for gate in gates.values():
        gate.open()
    assert handle.result() == [n * 2 for n in range(40)]
    assert sizes == [40]
    assert threading.active_count() < 50
