"""Cancellation: requested once, delivered at the current wait or next step, and recorded."""

import asyncio
from typing import Any

import pytest

import stepwell
from stepwell import (
    Cancelled,
    Client,
    Stepwell,
    WorkflowCancelled,
    current,
    step,
    workflow,
)
from tests.engine.kit import Gate, Lab, eventually, in_thread, reaches

ran: list[str] = []
gates: list[Gate] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()
    gates[:] = [Gate()]


@step
def note(what: str) -> str:
    ran.append(what)
    return what


@step
def hold() -> str:
    gates[0].hold()
    return "held"


@step
async def hold_async() -> str:
    try:
        await gates[0].hold_async()
    except asyncio.CancelledError:
        ran.append("body interrupted")
        raise
    return "held"


# -- where it is delivered -----------------------------------------------------------------------------------


def test_a_running_async_step_is_interrupted(engine: Stepwell) -> None:
    @workflow(name="running", replace=True)
    async def running() -> None:
        await hold_async()
        await note.aio("never")

    handle = running.sync.start()
    gates[0].reached.wait()
    handle.cancel()
    with pytest.raises(WorkflowCancelled) as caught:
        handle.result()
    assert caught.value.reason == "cancel"
    assert ran == ["body interrupted"]
    assert [(each.name, each.ended) for each in handle.steps() if each.kind == "step"] == [("hold_async", "abandoned")]


def test_a_running_def_step_ends_and_the_next_raises(engine: Stepwell) -> None:
    @workflow(name="running", replace=True)
    def running() -> None:
        ran.append(hold())
        note("never")

    handle = running.start()
    gates[0].reached.wait()
    handle.cancel()
    gates[0].open()
    reaches(handle, "CANCELLED")
    assert ran == ["held"]


def test_a_long_def_step_can_look(engine: Stepwell) -> None:
    looked = Gate()

    @step
    def long() -> str:
        looked.reached.set()
        here = current()
        eventually(lambda: here.cancelled)
        return "saw it"

    @workflow(name="running", replace=True)
    def running() -> None:
        ran.append(long())
        note("never")

    handle = running.start()
    looked.reached.wait()
    handle.cancel()
    reaches(handle, "CANCELLED")
    assert ran == ["saw it"]


@pytest.mark.parametrize("park_after", [0.02, 60])
def test_waiting_ones_are_woken(lab: Lab, park_after: float) -> None:
    @workflow(name="waiting", replace=True)
    def waiting() -> None:
        stepwell.sleep(3600)

    @workflow(name="waiting_async", replace=True)
    async def waiting_async() -> None:
        await stepwell.aio.sleep(3600)

    with lab.engine(park_after=park_after) as engine:
        handles = [waiting.options(id="d").start(), waiting_async.sync.options(id="a").start()]
        for handle in handles:
            eventually(lambda handle=handle: "sleep" in engine.explain(handle.id))
            handle.cancel()
            assert reaches(handle, "CANCELLED")


def test_an_enqueued_one_never_starts(lab: Lab) -> None:
    @workflow(name="queued", replace=True)
    def queued() -> None:
        note("never")

    with Client(lab.url) as client:
        handle = queued.start()
        handle.cancel()
        assert handle.status().status == "CANCELLED"
        assert client.count(status="CANCELLED") == 1
    with lab.engine() as engine, pytest.raises(WorkflowCancelled):
        engine.handle(handle.id).result()
    assert ran == []


def test_a_delayed_one_never_starts(engine: Stepwell) -> None:
    @workflow(name="queued", replace=True)
    def queued() -> None:
        note("never")

    handle = queued.options(delay=3600).start()
    engine.cancel(handle.id)
    assert handle.status().status == "CANCELLED"


def test_a_blocked_one_cleans_up_if_it_can(lab: Lab) -> None:
    @workflow(name="blocking", replace=True)
    async def before() -> None:
        await note.aio("one")
        await hold_async()

    with lab.engine() as first:
        before.sync.options(id="b").start()
        gates[0].reached.wait()
        first.close(drain=0)

    @workflow(name="blocking", replace=True)
    async def wrong() -> None:
        await note.options(name="two").aio("two")

    with lab.engine() as second:
        handle = second.handle("b")
        reaches(handle, "BLOCKED")

        @workflow(name="blocking", replace=True)
        async def right() -> None:
            try:
                await note.aio("one")
                await hold_async()
            finally:
                await note.aio("cleanup")

        second.cancel("b")
        assert reaches(handle, "CANCELLED")
    assert ran[0] == "one"
    assert ran[-1] == "cleanup"


def test_by_a_process_that_does_not_run_it(lab: Lab) -> None:
    @workflow(name="running", replace=True)
    async def running() -> None:
        await hold_async()

    with lab.engine(lease=5, sweep_interval=0.1) as engine:
        handle = running.sync.options(id="r").start()
        gates[0].reached.wait()
        with Client(lab.url) as client:
            client.cancel("r")
            with pytest.raises(WorkflowCancelled):
                client.handle("r").result(timeout=10)
        assert engine.handle("r").status().status == handle.status().status == "CANCELLED"


def test_ended_runs_are_left_alone(engine: Stepwell) -> None:
    @workflow(name="quick", replace=True)
    def quick() -> str:
        return "done"

    handle = quick.start()
    handle.result()
    handle.cancel()
    engine.cancel(handle.id, force=True)
    assert handle.status().status == "SUCCESS"


# -- what user code sees -------------------------------------------------------------------------------------


def test_except_exception_lets_it_by(engine: Stepwell) -> None:
    @workflow(name="catching", replace=True)
    def catching() -> None:
        try:
            hold()
            note("next")
        except Exception:
            ran.append("caught")
        ran.append("went on")

    @workflow(name="catching_async", replace=True)
    async def catching_async() -> None:
        try:
            await hold_async()
        except Exception:
            ran.append("caught")

    for flow in (catching, catching_async.sync):
        gates[:] = [Gate()]
        handle: Any = flow.start()
        gates[0].reached.wait()
        handle.cancel()
        gates[0].open()
        reaches(handle, "CANCELLED", "SUCCESS")
        assert handle.status().status == "CANCELLED"
    assert [each for each in ran if each != "body interrupted"] == []


def test_it_is_like_asyncios_own(engine: Stepwell) -> None:
    @workflow(name="catching", replace=True)
    async def catching() -> None:
        try:
            await hold_async()
        except Cancelled as error:
            assert isinstance(error, asyncio.CancelledError)
            ran.append("ours")
            raise

    handle = catching.sync.start()
    gates[0].reached.wait()
    handle.cancel()
    reaches(handle, "CANCELLED")
    assert ran == ["body interrupted", "ours"]


def test_a_workflow_may_end_with_a_result_all_the_same(engine: Stepwell) -> None:
    @workflow(name="stoic", replace=True)
    async def stoic() -> str:
        try:
            await hold_async()
        except Cancelled:
            return await note.aio("partial")
        return "whole"

    handle = stoic.sync.start()
    gates[0].reached.wait()
    handle.cancel()
    assert handle.result() == "partial"


def test_awaiting_a_cancelled_run_is_an_ordinary_error(engine: Stepwell) -> None:
    @workflow(name="other", replace=True)
    async def other() -> None:
        await hold_async()

    @workflow(name="waiter", replace=True)
    async def waiter() -> str:
        try:
            await other.handle("o").result()
        except Exception as error:
            return type(error).__name__
        return "never"

    handle = other.sync.options(id="o").start()
    gates[0].reached.wait()
    waiting = waiter.sync.start()
    handle.cancel()
    assert waiting.result() == "WorkflowCancelled"
    with pytest.raises(WorkflowCancelled):
        other.sync.options(id="o")()


def test_a_caller_of_the_run_sees_the_same(engine: Stepwell) -> None:
    @workflow(name="called", replace=True)
    def called() -> None:
        hold()
        note("never")

    calling = in_thread(called.options(id="c"))
    gates[0].reached.wait()
    engine.cancel("c")
    gates[0].open()
    with pytest.raises(WorkflowCancelled):
        calling.result()
