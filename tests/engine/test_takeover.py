"""A run goes on elsewhere from its last recorded step: what is recorded is not repeated."""

import asyncio
from typing import Any

import pytest

from stepwell import Stepwell, step, workflow
from tests.engine.kit import Exits, Gate, Lab, eventually, names

ran: list[str] = []
gates: list[Gate] = []
exits: list[Exits] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()
    gates[:] = [Gate()]
    exits[:] = [Exits(0)]


@step
def note(what: str) -> str:
    ran.append(what)
    return what.upper()


@step
async def hold_async(what: str) -> str:
    await gates[0].hold_async()
    ran.append(what)
    return what.upper()


@step
def hold(what: str) -> str:
    gates[0].hold()
    ran.append(what)
    return what.upper()


@step
def leave() -> None:
    exits[0]()


@workflow(max_recoveries=1000)
def three() -> list[str]:
    found = [note("a"), note("b")]
    leave()
    found.append(hold("c"))
    return found


@workflow(max_recoveries=1000)
async def three_async() -> list[str]:
    found = [await note.aio("a"), await note.aio("b")]
    await leave.aio()
    found.append(await hold_async("c"))
    return found


FLOWS = pytest.mark.parametrize("flow", [three, three_async.sync], ids=["def", "async"])


@FLOWS
def test_system_exit_in_a_step_releases_the_run(engine: Stepwell, flow: Any) -> None:
    exits[0].left = 30
    gates[0].open()
    handle = flow.start()
    assert handle.result() == ["A", "B", "C"]
    assert ran == ["a", "b", "c"]
    assert handle.status().attempts == 31
    assert names(handle) == ["note", "note", "leave", "hold" if flow is three else "hold_async"]


@FLOWS
def test_a_second_engine_goes_on_where_the_first_was(lab: Lab, flow: Any) -> None:
    first = lab.launch()
    flow.options(id="t").start()
    gates[0].reached.wait()
    first.close(drain=0)
    second = lab.launch()
    gates[0].open()
    assert second.handle("t").result() == ["A", "B", "C"]
    # The first owner's body went on to its end on its thread; only its async twin could be interrupted.
    assert [each for each in ran if each != "c"] == ["a", "b"]
    assert [each.ended for each in second.handle("t").steps()] == ["ok"] * 4


@FLOWS
def test_the_late_outcome_of_a_lost_body_is_not_recorded(lab: Lab, flow: Any) -> None:
    old, new = Gate(), Gate()
    gates[0] = old
    first = lab.launch()
    flow.options(id="t").start()
    old.reached.wait()
    first.close(drain=0)
    gates[0] = new
    second = lab.launch()
    new.reached.wait()
    old.open()
    if flow is three:
        eventually(lambda: "c" in ran)
    assert len(names(second.handle("t"))) == 3
    new.open()
    assert second.handle("t").result() == ["A", "B", "C"]


def test_two_engines_share_the_work_of_a_third(lab: Lab) -> None:
    gates[0].open()
    first = lab.engine()
    with first:
        handles = [three_async.sync.options(id=f"t-{n}", delay=0.05).start() for n in range(20)]
        first.close(drain=0)
    one, two = lab.launch(), lab.launch()
    for handle in handles:
        assert one.handle(handle.id).result() == ["A", "B", "C"]
        assert two.handle(handle.id).result() == ["A", "B", "C"]
    assert len(ran) == 60


def test_too_many_takeovers_without_progress_are_the_end(engine: Stepwell) -> None:
    exits[0].left = 1000

    @workflow(name="hopeless", max_recoveries=3, replace=True)
    def hopeless() -> None:
        note("a")
        leave()

    handle = hopeless.options(id="h").start()
    eventually(lambda: handle.status().status == "DEAD")
    assert "DEAD" in engine.explain("h")
    assert ran == ["a"]
    exits[0].left = 0
    assert engine.resume("h").result() is None
    assert ran == ["a"]


def test_progress_starts_the_count_again(engine: Stepwell) -> None:
    @workflow(name="slow but sure", max_recoveries=2, replace=True)
    def slowly() -> int:
        for n in range(10):
            note(str(n))
            if exits[0].left == 10 - n:
                leave()
        return len(ran)

    exits[0].left = 10
    handle = slowly.start()
    assert handle.result() == 10
    assert ran == [str(n) for n in range(10)]


def test_a_long_history_is_replayed_whole(engine: Stepwell) -> None:
    exits[0].left = 2

    @workflow(name="long", replace=True)
    def long() -> int:
        total = sum(len(note(str(n))) for n in range(1500))
        leave()
        return total

    @workflow(name="long_async", replace=True)
    async def long_async() -> int:
        pages = await asyncio.gather(*(note.aio(str(n)) for n in range(1500)))
        await leave.aio()
        return sum(map(len, pages))

    expected = sum(len(str(n)) for n in range(1500))
    handle = long.start()
    assert handle.result() == expected
    assert len(ran) == 1500
    assert len(handle.steps()) == 1501
    exits[0].left = 2
    assert long_async.sync.start().result() == expected
    assert len(ran) == 3000
