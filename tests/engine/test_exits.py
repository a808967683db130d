"""KeyboardInterrupt and SystemExit release a run at once; a cancelled caller does not touch it."""

import asyncio
from typing import Any

import pytest

from stepwell import Stepwell, step, workflow
from stepwell.store.api import Store
from tests.engine.kit import Gate, Lab, Signal, Tap, eventually, eventually_async, in_thread, reaches

ran: list[str] = []
leaves: list[BaseException] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()
    leaves.clear()


@step
def leaving() -> str:
    ran.append("body")
    if leaves:
        raise leaves.pop()
    return "done"


@step
async def leaving_async() -> str:
    return leaving()


@workflow
def flow() -> str:
    return leaving()


@workflow
async def flow_async() -> str:
    return await leaving_async()


FLOWS = pytest.mark.parametrize("call", [flow, flow_async.sync], ids=["def", "async"])
EXITS = pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])


@FLOWS
@EXITS
def test_a_started_run_goes_on(engine: Stepwell, call: Any, kind: type[BaseException]) -> None:
    leaves.append(kind())
    handle = call.start()
    assert handle.result() == "done"
    assert handle.status().attempts == 2
    assert ran == ["body", "body"]


@FLOWS
@EXITS
@pytest.mark.parametrize("with_id", [True, False])
def test_a_caller_sees_it_and_the_run_goes_on(
    engine: Stepwell, call: Any, kind: type[BaseException], with_id: bool
) -> None:
    leaves.append(kind("leaving"))
    with pytest.raises(kind, match="leaving"):
        (call.options(id="c") if with_id else call)()
    [run] = eventually(lambda: engine.find().items)
    assert reaches(engine.handle(run.workflow_id), "SUCCESS")
    assert ran == ["body", "body"]


@EXITS
@pytest.mark.parametrize("colour", ["def", "async"])
def test_in_the_workflows_own_code(engine: Stepwell, kind: type[BaseException], colour: str) -> None:
    @workflow(name="own", replace=True)
    def own() -> str:
        ran.append("own")
        if leaves:
            raise leaves.pop()
        return "done"

    @workflow(name="own_async", replace=True)
    async def own_async() -> str:
        await leaving_async()
        if len(ran) == 1:
            ran.append("left")
            raise kind
        return "done"

    if colour == "def":
        leaves.append(kind())
    handle = (own if colour == "def" else own_async.sync).start()
    assert handle.result() == "done"
    # The engine's loop lives.
    assert flow_async.sync() == "done"


async def test_in_a_task_of_the_workflows_own_code(lab: Lab) -> None:
    left: list[int] = []

    @workflow(name="tasks", replace=True)
    async def tasks() -> str:
        async def branch() -> str:
            found = await leaving_async()
            if not left:
                left.append(1)
                raise SystemExit
            return found

        [found] = await asyncio.gather(branch())
        return found + await leaving_async()

    async with lab.engine():
        handle = await tasks.start()
        assert await handle.result() == "donedone"
    assert ran == ["body", "body"]


# -- callers -------------------------------------------------------------------------------------------------


async def test_a_cancelled_caller_does_not_cancel_the_run(lab: Lab) -> None:
    gate = Gate()

    @step
    async def hold() -> str:
        await gate.hold_async()
        return "held"

    @workflow(name="held", replace=True)
    async def held() -> str:
        return await hold()

    async with lab.engine() as engine:
        calling = asyncio.create_task(held.options(id="h")())  # type: ignore[arg-type]
        await gate.reached.wait_async()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        gate.open()
        assert await held.handle("h").result() == "held"
        assert (await engine.aio.count()) == 1


async def test_a_caller_out_of_time_does_not_either(lab: Lab) -> None:
    gate = Gate()

    @step
    def hold() -> str:
        gate.hold()
        return "held"

    @workflow(name="held", replace=True)
    def held() -> str:
        return hold()

    async def call_until_reached() -> None:
        async with asyncio.timeout(None) as limit:
            reaching = asyncio.create_task(until_reached(limit))  # not before: without a row there is no run
            try:
                await held.aio.options(id="h")()
            finally:
                await reaching

    async def until_reached(limit: asyncio.Timeout) -> None:
        await gate.reached.wait_async()
        limit.reschedule(asyncio.get_running_loop().time())

    async with lab.engine() as engine:
        with pytest.raises(TimeoutError):
            await call_until_reached()
        gate.open()
        assert await held.aio.handle("h").result() == "held"

        async def gone() -> bool:
            return engine.health()["executing"] == 0

        assert await eventually_async(gone)


def test_a_loop_that_ends_does_not_end_the_run(engine: Stepwell) -> None:
    """The caller's loop is not the engine's: what it awaited goes on without it."""
    gate, begun = Gate(), Signal()

    @step
    async def hold() -> str:
        begun.set()
        await gate.hold_async()
        return "held"

    @workflow(name="held", replace=True)
    async def held() -> str:
        return await hold()

    async def impatient() -> None:
        calling = asyncio.create_task(held.options(id="h")())  # type: ignore[arg-type]
        await begun.wait_async()
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)

    in_thread(lambda: asyncio.run(impatient())).result()
    gate.open()
    assert engine.handle("h").result() == "held"


@pytest.mark.parametrize("how", ["call", "start", "child"])
def test_a_caller_who_is_cancelled_while_the_start_is_on_its_way(lab: Lab, how: str) -> None:
    """The row is there, and belongs to this process: it must not lie there until the self-audit finds it."""
    gate = Gate()

    async def hold_starts(verb: str, argument: Any) -> None:
        if verb == "start" and any(each.workflow_id == "h" for each in argument):
            await gate.hold_async()

    class Tapped(Stepwell):
        def _open_store(self) -> Store:
            return Tap(super()._open_store(), hold_starts)  # type: ignore[return-value]

    @workflow(name="inner", replace=True)
    def inner() -> str:
        return "inner"

    @workflow(name="outer", replace=True)
    async def outer() -> str:
        child = asyncio.create_task(inner.aio.options(id="h")())
        await gate.reached.wait_async()
        child.cancel()
        await asyncio.gather(child, return_exceptions=True)
        return "outer"

    async def caller() -> None:
        if how == "child":
            assert await outer() == "outer"
            return
        calling = asyncio.create_task(
            inner.aio.options(id="h")() if how == "call" else inner.aio.options(id="h").start()
        )
        await gate.reached.wait_async()
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)

    async def main() -> None:
        async with lab.engine(make=Tapped) as engine:
            await caller()
            gate.open()

            async def ended() -> bool:
                return await engine.aio.count(id_prefix="h", status="SUCCESS") == 1

            assert await eventually_async(ended)

    asyncio.run(main())
