"""A run's timeout and deadline: an absolute database time, inherited by children, ending in CANCELLED."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import stepwell
from stepwell import Cancelled, Stepwell, WorkflowCancelled, current, step, workflow
from tests.engine.kit import Lab, eventually, reaches

ran: list[str] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()


@step
def note(what: str) -> None:
    ran.append(what)


@step
async def endless() -> None:
    await asyncio.Event().wait()


@workflow
def waiting() -> None:
    try:
        stepwell.sleep(3600)
    except Cancelled:
        ran.append("cancelled")
        raise
    finally:
        note("cleanup")


@workflow
async def waiting_async() -> None:
    try:
        await endless()
    except asyncio.CancelledError as error:
        ran.append("cancelled" if isinstance(error, Cancelled) else repr(error))
        raise
    finally:
        await note.aio("cleanup")


FLOWS = pytest.mark.parametrize("flow", [waiting, waiting_async.sync], ids=["def", "async"])


@FLOWS
@pytest.mark.parametrize("park_after", [0.02, 60])
def test_a_timeout_cancels_with_its_reason(lab: Lab, flow: Any, park_after: float) -> None:
    with lab.engine(park_after=park_after):
        handle = flow.options(timeout=0.15).start()
        with pytest.raises(WorkflowCancelled, match="deadline") as caught:
            handle.result()
        assert caught.value.reason == "deadline"
        info = handle.status()
        assert (info.status, info.reason) == ("CANCELLED", "deadline")
    assert ran == ["cancelled", "cleanup"]


@FLOWS
def test_a_called_one_too(engine: Stepwell, flow: Any) -> None:
    with pytest.raises(WorkflowCancelled, match="deadline"):
        flow.options(timeout=0.1)()
    assert ran == ["cancelled", "cleanup"]


def test_a_deadline_is_an_instant(engine: Stepwell) -> None:
    handle = waiting.options(deadline=datetime.now(UTC) + timedelta(seconds=0.2)).start()
    assert reaches(handle, "CANCELLED")
    assert handle.status().deadline is not None


def test_a_deadline_in_the_past(engine: Stepwell) -> None:
    handle = waiting.options(deadline=datetime(2001, 1, 1, tzinfo=UTC)).start()
    reaches(handle, "CANCELLED")
    assert handle.status().reason == "deadline"


def test_the_definition_may_have_one(engine: Stepwell) -> None:
    @workflow(name="impatient", timeout=0.1, replace=True)
    async def impatient() -> None:
        await endless()

    with pytest.raises(WorkflowCancelled, match="deadline"):
        impatient.sync()


def test_the_earlier_one_counts(engine: Stepwell) -> None:
    late, soon = datetime(2099, 1, 1, tzinfo=UTC), timedelta(seconds=0.1)
    handle = waiting.options(deadline=late, timeout=soon).start()
    assert reaches(handle, "CANCELLED")


def test_a_restart_in_the_middle_keeps_it(lab: Lab) -> None:
    with lab.engine() as first:
        handle = waiting_async.sync.options(id="w", timeout=0.5).start()
        deadline = handle.status().deadline
        first.close(drain=0)
    ran.clear()
    with lab.engine() as second:
        again = second.handle("w")
        assert again.status().deadline == deadline
        reaches(again, "CANCELLED")
    assert ran == ["cancelled", "cleanup"]


def test_over_while_nobody_was_there(lab: Lab) -> None:
    with lab.engine() as first:
        waiting_async.sync.options(id="w", timeout=0.1, delay=0.05).start()
        first.close(drain=0)
    ran.clear()
    eventually(lambda: datetime.now(UTC))
    with lab.engine() as second:
        reaches(second.handle("w"), "CANCELLED")
        assert second.handle("w").status().reason == "deadline"


def test_children_inherit(engine: Stepwell) -> None:
    @workflow(name="child", replace=True)
    def child() -> datetime | None:
        return current().deadline

    @workflow(name="parent", replace=True)
    def parent() -> list[datetime | None]:
        return [current().deadline, child(), child.start().result(), child.options(timeout=3600).start().result()]

    due = datetime.now(UTC) + timedelta(seconds=60)
    assert parent.options(deadline=due)() == [due] * 4


def test_in_time_nothing_happens(engine: Stepwell) -> None:
    @workflow(name="quick", replace=True)
    def quick() -> str:
        return "in time"

    assert quick.options(timeout=30)() == "in time"
    assert quick.options(timeout=30).start().result() == "in time"


# -- timeout(): a block within a workflow --------------------------------------------------------------------


def test_a_block_of_a_def_workflow(engine: Stepwell) -> None:
    exits = 2

    @step
    def leave() -> None:
        nonlocal exits
        if exits:
            exits -= 1
            raise SystemExit

    @workflow(name="limited", replace=True)
    def limited() -> str:
        try:
            with stepwell.timeout(0.1):
                stepwell.sleep(3600)
        except stepwell.WaitTimeout:
            ran.append("over")
        with stepwell.timeout(30):
            leave()
        return "done"

    assert limited.start().result() == "done"
    assert ran == ["over"] * 3


def test_a_block_of_an_async_workflow(engine: Stepwell) -> None:
    exits = 2

    @step
    async def leave() -> None:
        nonlocal exits
        if exits:
            exits -= 1
            raise SystemExit

    @workflow(name="limited", replace=True)
    async def limited() -> str:
        try:
            async with stepwell.aio.timeout(0.1):
                await asyncio.gather(endless(), stepwell.aio.sleep(3600))
        except stepwell.WaitTimeout:
            ran.append("over")
        async with stepwell.aio.timeout(30):
            await leave()
        return "done"

    assert limited.sync.start().result() == "done"
    assert ran == ["over"] * 3
