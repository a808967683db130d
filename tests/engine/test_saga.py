"""Sagas: what a block has done is undone in reverse if it fails or is cancelled, as steps; and only then."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import stepwell
from stepwell import Retry, Stepwell, WorkflowCancelled, step, workflow
from tests.engine.kit import Exits, Gate, Lab, eventually, names, reaches

ran: list[str] = []
gates: list[Gate] = []

both_colours = pytest.mark.parametrize("colour", ["def", "async"])


class Declined(Exception):
    """What makes the block fail."""


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()
    gates[:] = [Gate()]


@step
def do(what: str) -> str:
    if what.startswith("fails"):
        raise Declined(what)
    ran.append(what)
    return what


@step(retry=Retry(1, first=0.01))
def undo(what: str) -> None:
    ran.append(f"undo {what}")


@step(retry=Retry(1, first=0.01))
def cannot_undo(what: str) -> None:
    ran.append(f"try {what}")
    raise ConnectionError(f"no way to undo {what}")


@step
async def hold_async() -> None:
    await gates[0].hold_async()


def chosen(colour: str, flows: tuple[Any, Any]) -> Callable[..., Any]:
    """The def workflow, or the blocking view of the async one."""
    return flows[0] if colour == "def" else flows[1].sync


def reserving(leave: Exits | None = None) -> tuple[Any, Any]:
    """Two things done, the third one is `last`; what is undone first may end the execution."""

    @step(name="undo")
    def leaving(what: str) -> None:
        if leave is not None:
            leave()
        ran.append(f"undo {what}")

    @workflow(name="reserving", replace=True)
    def flow(last: str) -> str:
        with stepwell.saga() as s:
            s.push(undo, do("one"))
            s.push(leaving, do("two"))
            do(last)
        return "kept"

    @workflow(name="reserving_async", replace=True)
    async def flow_async(last: str) -> str:
        async with stepwell.aio.saga() as s:
            s.push(undo.aio, await do.aio("one"))
            s.push(leaving.aio, await do.aio("two"))
            await do.aio(last)
        return "kept"

    return flow, flow_async


@both_colours
def test_a_block_that_gets_to_its_end_is_kept(engine: Stepwell, colour: str) -> None:
    assert chosen(colour, reserving())("three") == "kept"
    assert ran == ["one", "two", "three"]


@both_colours
@pytest.mark.parametrize("exits", [0, 2])
def test_a_failure_undoes_in_reverse_and_goes_on(engine: Stepwell, colour: str, exits: int) -> None:
    handle = chosen(colour, reserving(Exits(exits))).start("fails")
    with pytest.raises(Declined, match="fails"):
        handle.result()
    assert ran == ["one", "two", "undo two", "undo one"]
    assert names(handle) == ["do", "do", "do", "undo", "undo"]


# -- cancellation ------------------------------------------------------------------------------------------------


@both_colours
@pytest.mark.parametrize("exits", [0, 2])
def test_a_cancellation_undoes(engine: Stepwell, colour: str, exits: int) -> None:
    leave = Exits(exits)

    @step(name="leave")
    def leaving() -> None:
        leave()

    @workflow(name="waiting", replace=True)
    def flow() -> None:
        with stepwell.saga() as s:
            s.push(undo, do("one"))
            s.push(leaving)
            stepwell.sleep(3600)

    @workflow(name="waiting_async", replace=True)
    async def flow_async() -> None:
        async with stepwell.aio.saga() as s:
            s.push(undo.aio, await do.aio("one"))
            s.push(leaving.aio)
            await stepwell.aio.sleep(3600)

    handle = chosen(colour, (flow, flow_async)).options(id="w").start()
    eventually(lambda: "sleep" in engine.explain("w"))
    handle.cancel()
    assert reaches(handle, "CANCELLED")
    assert ran == ["one", "undo one"]


@both_colours
def test_a_cancellation_while_undoing_waits_until_all_is_undone(engine: Stepwell, colour: str) -> None:
    """It is delivered once: it must not be lost, and must not leave anything as it is."""
    caught: list[BaseException] = []

    @step(name="undo", retry=Retry(1, first=0.01))
    def slowly(what: str) -> None:
        gates[0].hold()
        ran.append(f"undo {what}")

    @step(name="undo")
    async def slowly_async(what: str) -> None:
        await gates[0].hold_async()
        ran.append(f"undo {what}")

    @workflow(name="failing", replace=True)
    def flow() -> None:
        try:
            with stepwell.saga() as s:
                s.push(undo, do("one"))
                s.push(slowly, do("two"))
                do("fails")
        except BaseException as error:
            caught.append(error)
            raise

    @workflow(name="failing_async", replace=True)
    async def flow_async() -> None:
        try:
            async with stepwell.aio.saga() as s:
                s.push(undo.aio, await do.aio("one"))
                s.push(slowly_async, await do.aio("two"))
                await do.aio("fails")
        except BaseException as error:
            caught.append(error)
            raise

    handle = chosen(colour, (flow, flow_async)).options(id="f").start()
    gates[0].reached.wait()
    handle.cancel()
    gates[0].open()
    assert reaches(handle, "CANCELLED")
    assert ran == ["one", "two", "undo two", "undo one"]
    (cancelled,) = caught
    assert isinstance(cancelled, stepwell.Cancelled)
    assert isinstance(cancelled.__context__, Declined)
    with pytest.raises(WorkflowCancelled):
        handle.result()


def test_undoing_is_limited_by_the_grace(lab: Lab) -> None:
    @step
    async def for_ever() -> None:
        ran.append("begun")
        await asyncio.Event().wait()

    @workflow(name="lingering", replace=True)
    async def flow() -> None:
        async with stepwell.aio.saga() as s:
            s.push(undo.aio, "first")
            s.push(for_ever)
            await hold_async()

    with lab.engine(cancel_grace=0.1):
        handle = flow.sync.start()
        gates[0].reached.wait()
        handle.cancel()
        assert reaches(handle, "CANCELLED")
    assert ran == ["begun"]


# -- what is no failure ------------------------------------------------------------------------------------------


def test_parking_undoes_nothing(lab: Lab) -> None:
    @workflow(name="parking", replace=True)
    def parking(last: str) -> str:
        with stepwell.saga() as s:
            s.push(undo, do("one"))
            stepwell.sleep(0.3)
            do(last)
        return "kept"

    with lab.engine(park_after=0.02):
        kept = parking.start("two")
        reaches(kept, "WAITING")
        assert kept.result() == "kept"
        assert ran == ["one", "two"]
        ran.clear()
        failed = parking.start("fails")
        reaches(failed, "WAITING")
        with pytest.raises(Declined):
            failed.result()
        assert ran == ["one", "undo one"]
        ran.clear()
        cancelled = parking.start("never")
        reaches(cancelled, "WAITING")
        cancelled.cancel()
        assert reaches(cancelled, "CANCELLED")
        assert ran == ["one", "undo one"]


def test_what_undoes_may_park_too(lab: Lab) -> None:
    attempts: list[int] = []

    @step(retry=Retry(2, first=0.15, jitter=False))
    def flaky() -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise ConnectionError

    @workflow(name="undo_parks", replace=True)
    def flow() -> None:
        with stepwell.saga() as s:
            s.push(undo, do("one"))
            s.push(flaky)
            do("fails")

    with lab.engine(park_after=0.02):
        handle = flow.start()
        reaches(handle, "WAITING")
        with pytest.raises(Declined):
            handle.result()
    assert ran == ["one", "undo one"]
    assert len(attempts) == 3


@both_colours
def test_a_shutdown_undoes_nothing(lab: Lab, colour: str) -> None:
    @step
    def hold() -> None:
        gates[0].hold()

    @workflow(name="held", replace=True)
    def flow() -> str:
        with stepwell.saga() as s:
            s.push(undo, do("one"))
            hold()
            do("two")
        return "kept"

    @workflow(name="held_async", replace=True)
    async def flow_async() -> str:
        async with stepwell.aio.saga() as s:
            s.push(undo.aio, await do.aio("one"))
            await hold_async()
            await do.aio("two")
        return "kept"

    first = lab.launch()
    held = chosen(colour, (flow, flow_async)).options(id="h").start()
    gates[0].reached.wait()
    first.close(drain=0.0)
    gates[0].open()
    second = lab.launch()
    assert second.handle(held.id).result() == "kept"
    assert ran == ["one", "two"]


@both_colours
def test_a_process_that_leaves_undoes_nothing(engine: Stepwell, colour: str) -> None:
    leaves = Exits(2)

    @workflow(name="leaves", replace=True)
    def flow() -> str:
        with stepwell.saga() as s:
            s.push(undo, do("one"))
            leaves()
            do("two")
        return "kept"

    @workflow(name="leaves_async", replace=True)
    async def flow_async() -> str:
        async with stepwell.aio.saga() as s:
            s.push(undo.aio, await do.aio("one"))
            leaves()
            await do.aio("two")
        return "kept"

    assert chosen(colour, (flow, flow_async)).start().result() == "kept"
    assert ran == ["one", "two"]


# -- what cannot be undone ---------------------------------------------------------------------------------------


@both_colours
def test_what_cannot_be_undone_is_told_and_the_rest_is_undone(
    engine: Stepwell, colour: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []

    @workflow(name="half", replace=True)
    def flow() -> None:
        with stepwell.saga() as s:
            seen.append(s)
            s.push(undo, do("one"))
            s.push(cannot_undo, do("two"))
            s.push(undo, do("three"))
            do("fails")

    @workflow(name="half_async", replace=True)
    async def flow_async() -> None:
        async with stepwell.aio.saga() as s:
            seen.append(s)
            s.push(undo.aio, await do.aio("one"))
            s.push(cannot_undo.aio, await do.aio("two"))
            s.push(undo.aio, await do.aio("three"))
            await do.aio("fails")

    handle = chosen(colour, (flow, flow_async)).start()
    with pytest.raises(Declined) as failed:
        handle.result()
    assert ran == ["one", "two", "three", "undo three", "try two", "try two", "undo one"]
    ((name, error),) = seen[0].errors
    assert name == "cannot_undo"
    assert isinstance(error, ConnectionError)
    recorded = failed.value.__cause__
    assert "saga: 'cannot_undo' failed to undo: ConnectionError: no way to undo two" in recorded.traceback_text
    assert [each.ended for each in handle.steps() if each.name == "cannot_undo"] == ["error"]
    assert "'cannot_undo' could not be undone: ConnectionError" in caplog.text


# -- timeout blocks ----------------------------------------------------------------------------------------------


@both_colours
def test_a_timeout_around_does_not_end_the_undoing(engine: Stepwell, colour: str) -> None:
    @workflow(name="late", replace=True)
    def flow() -> str:
        try:
            with stepwell.timeout(0.1), stepwell.saga() as s:
                s.push(undo, do("one"))
                stepwell.sleep(3600)
        except stepwell.WaitTimeout:
            return do("late")
        return "in time"

    @workflow(name="late_async", replace=True)
    async def flow_async() -> str:
        try:
            async with stepwell.aio.timeout(0.1), stepwell.aio.saga() as s:
                s.push(undo.aio, await do.aio("one"))
                await stepwell.aio.sleep(3600)
        except stepwell.WaitTimeout:
            return await do.aio("late")
        return "in time"

    assert chosen(colour, (flow, flow_async)).start().result() == "late"
    assert ran == ["one", "undo one", "late"]


@pytest.mark.parametrize("exits", [0, 3])
def test_a_timeout_that_ends_while_undoing(engine: Stepwell, exits: int) -> None:
    """The body that it interrupts runs once more; then the timeout goes on its way."""
    leave = Exits(exits)
    begun: list[int] = []

    @step
    async def slowly() -> None:
        begun.append(1)
        if len(begun) == 1:
            await asyncio.Event().wait()
        ran.append("undo slowly")

    @step
    async def leaving() -> None:
        leave()

    @workflow(name="timeout_ends", replace=True)
    async def flow() -> str:
        try:
            async with stepwell.aio.timeout(0.1), stepwell.aio.saga() as s:
                s.push(leaving)
                s.push(slowly)
                await do.aio("fails")
        except stepwell.WaitTimeout as error:
            return type(error.__cause__.__context__).__name__
        return "in time"

    assert flow.sync.start().result() == "CancelledError"
    assert ran == ["undo slowly"]
    assert len(begun) == 2
