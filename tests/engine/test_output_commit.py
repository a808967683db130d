"""Nothing outside a run may depend on an outcome before it is committed; the workflow's own code may go on."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from stepwell import Client, Stepwell, current, step, workflow
from stepwell.core.unsent import FUSED_START_SECONDS
from stepwell.store.api import Store
from tests.engine.kit import Gate, Lab, Signal, Tap, eventually, in_thread

ran: list[str] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()


class Valve:
    """Holds commits of outcomes up, once it is shut."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.shut_for: Callable[[str, Any], bool] = lambda verb, argument: False
        self.calls: list[tuple[str, Any]] = []

    async def __call__(self, verb: str, argument: Any) -> None:
        self.calls.append((verb, argument))
        if self.shut_for(verb, argument):
            await self.gate.hold_async()


@pytest.fixture
def valve() -> Valve:
    return Valve()


@pytest.fixture
def engine(lab: Lab, valve: Valve) -> Stepwell:
    class Tapped(Stepwell):
        def _open_store(self) -> Store:
            return Tap(super()._open_store(), valve)  # type: ignore[return-value]

    return lab.launch(make=Tapped)


def outcome_of(name: str) -> Callable[[str, Any], bool]:
    return lambda verb, batch: verb == "commit" and any(each.name == name for each in batch.checkpoints)


@step
def note(what: str) -> str:
    ran.append(what)
    return what


@step
def second(what: str) -> str:
    ran.append(what)
    return what


@workflow
def two(call: str) -> str:
    note("one")
    ran.append("own code")
    return second("two")


@workflow
async def two_async(call: str) -> str:
    await note.aio("one")
    ran.append("own code")
    return await second.aio("two")


FLOWS = pytest.mark.parametrize("flow", [two, two_async.sync], ids=["def", "async"])


@FLOWS
def test_the_next_body_waits_and_the_workflows_own_code_does_not(engine: Stepwell, valve: Valve, flow: Any) -> None:
    valve.shut_for = outcome_of("note")
    handle = flow.start("x")
    valve.gate.reached.wait()
    eventually(lambda: "own code" in ran)
    assert ran == ["one", "own code"]
    assert [each for each in handle.steps() if each.ended] == []
    valve.gate.open()
    assert handle.result() == "two"
    assert ran == ["one", "own code", "two"]


@FLOWS
@pytest.mark.parametrize("start", [True, False])
def test_the_result_waits(engine: Stepwell, valve: Valve, flow: Any, start: bool) -> None:
    valve.shut_for = lambda verb, batch: verb == "commit" and bool(batch.finishes)
    told = Signal()

    def caller() -> str:
        result: str = flow.start("x").result() if start else flow("x")
        told.set()
        return result

    calling = in_thread(caller)
    valve.gate.reached.wait()
    assert not told.is_set
    with Client(engine._url) as other:
        assert other.find(status="SUCCESS").items == []
    valve.gate.open()
    assert calling.result() == "two"


def test_a_child_waits(engine: Stepwell, valve: Valve) -> None:
    @workflow(name="child", replace=True)
    def child() -> str:
        ran.append("child")
        return "child"

    @workflow(name="parent", replace=True)
    def parent() -> str:
        note("one")
        return child()

    @workflow(name="parent_async", replace=True)
    async def parent_async() -> str:
        await note.aio("one")
        return await (await child.aio.start()).result()

    for flow in (parent, parent_async.sync):
        ran.clear()
        valve.gate = Gate()
        valve.shut_for = outcome_of("note")
        handle: Any = flow.start()
        valve.gate.reached.wait()
        assert engine.find(name="child", status="PENDING").items == []
        assert ran == ["one"]
        valve.gate.open()
        assert handle.result() == "child"


def test_what_ends_while_a_commit_is_under_way_shares_the_next(engine: Stepwell, valve: Valve) -> None:
    @workflow(name="wide", replace=True)
    async def wide() -> int:
        return len(await asyncio.gather(*(note.aio(str(n)) for n in range(50))))

    valve.shut_for = lambda verb, _: verb == "commit"
    running = in_thread(wide.sync)
    eventually(lambda: len(engine.runtime.journal._waiting) >= 45)
    assert len(ran) == 50
    valve.gate.open()
    assert running.result() == 50
    rows = [len(batch.checkpoints) for verb, batch in valve.calls if verb == "commit" and batch.checkpoints]
    assert sum(rows) == 50
    assert max(rows) >= 45


# -- starts --------------------------------------------------------------------------------------------------


@FLOWS
def test_start_returns_after_its_commit(engine: Stepwell, valve: Valve, flow: Any) -> None:
    valve.shut_for = lambda verb, _: verb == "start"
    starting = in_thread(lambda: flow.options(id="s").start("x"))
    valve.gate.reached.wait()
    with Client(engine._url) as other:
        assert other.count() == 0
        assert ran == []
        valve.gate.open()
        starting.result()
        assert other.count() == 1


@FLOWS
def test_with_an_id_of_the_users_the_row_comes_before_the_body(engine: Stepwell, valve: Valve, flow: Any) -> None:
    valve.shut_for = lambda verb, _: verb == "start"
    calling = in_thread(lambda: flow.options(id="s")("x"))
    valve.gate.reached.wait()
    assert ran == []
    valve.gate.open()
    assert calling.result() == "two"


def starts_sent(valve: Valve) -> int:
    return sum(len(batch.starts) for verb, batch in valve.calls if verb == "commit")


@FLOWS
def test_a_fused_start_rides_with_the_first_checkpoint(engine: Stepwell, valve: Valve, flow: Any) -> None:
    assert flow("x") == "two"
    assert [verb for verb, _ in valve.calls if verb == "start"] == []
    carrying = [batch for verb, batch in valve.calls if verb == "commit" and batch.starts]
    assert len(carrying) == 1
    assert carrying[0].checkpoints or carrying[0].finishes


@pytest.mark.parametrize("colour", ["def", "async"])
def test_it_waits_no_longer_than_fifty_milliseconds(engine: Stepwell, valve: Valve, colour: str) -> None:
    gate = Gate()
    began: list[float] = []

    @step
    def hold() -> None:
        gate.hold()

    @step
    async def hold_async() -> None:
        await gate.hold_async()

    @workflow(name="slow", replace=True)
    def slow() -> None:
        began.append(time.monotonic())
        hold()

    @workflow(name="slow_async", replace=True)
    async def slow_async() -> None:
        began.append(time.monotonic())
        await hold_async()

    calling = in_thread(slow if colour == "def" else slow_async.sync)
    gate.reached.wait()
    eventually(lambda: starts_sent(valve))
    assert time.monotonic() - began[0] < FUSED_START_SECONDS + 0.5  # a busy machine's share
    assert FUSED_START_SECONDS == 0.05
    [found] = eventually(lambda: engine.find().items)
    assert found.status == "PENDING"
    gate.open()
    calling.result()


def test_it_is_sent_when_user_code_reads_the_id(engine: Stepwell, valve: Valve) -> None:
    gate = Gate()
    seen: list[str] = []

    @workflow(name="reading", replace=True)
    def reading() -> None:
        seen.append(current().id)
        gate.hold()

    calling = in_thread(reading)
    gate.reached.wait()
    handle = engine.handle(seen[0])  # found: it was committed before the id was given out
    assert handle.status().status == "PENDING"
    gate.open()
    calling.result()


def test_it_comes_before_an_at_most_once_body(engine: Stepwell, valve: Valve) -> None:
    found: list[int] = []

    @step(at_most_once=True)
    def pay() -> None:
        with Client(engine._url) as other:
            found.append(other.count(status="PENDING"))

    @workflow(name="paying", replace=True)
    def paying() -> None:
        pay()

    paying()
    assert found == [1]


def test_it_comes_before_a_child(engine: Stepwell, valve: Valve) -> None:
    found: list[int] = []

    @workflow(name="child", replace=True)
    def child() -> None:
        with Client(engine._url) as other:
            found.append(other.count(status="PENDING"))

    @workflow(name="parent", replace=True)
    def parent() -> None:
        child()

    parent()
    assert found == [2]
