"""Steps that the workflow's own code interrupts are recorded as abandoned, and replay so."""

import asyncio
from typing import Any

import pytest

import stepwell
from stepwell import Handle, Stepwell, step, workflow
from tests.engine.kit import Exits, Signal

ran: list[str] = []
exits = Exits(0)


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()
    exits.left = 0


@step
async def quick(tag: str) -> str:
    ran.append(tag)
    return tag


@step
async def endless(tag: str) -> str:
    ran.append(f"{tag} begun")
    try:
        await asyncio.Event().wait()
    finally:
        ran.append(f"{tag} interrupted")
    return tag


@step
async def leave() -> None:
    exits()


def ends(handle: Handle[Any]) -> dict[str, str | None]:
    return {each.name + (each.output or ""): each.ended for each in handle.steps()}


def test_returning_with_live_tasks_cancels_and_records_them(engine: Stepwell) -> None:
    begun = Signal()

    @step
    async def live() -> None:
        begun.set()
        await asyncio.Event().wait()

    @workflow(name="hasty", replace=True)
    async def hasty() -> str:
        task = asyncio.create_task(live())  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await begun.wait_async()
        return f"returned, task {'done' if task.done() else 'pending'}"

    handle = hasty.sync.start()
    assert handle.result() == "returned, task pending"
    assert ends(handle) == {"live": "abandoned"}


def test_raising_with_live_tasks_too(engine: Stepwell) -> None:
    @workflow(name="hasty", replace=True)
    async def hasty() -> None:
        task = asyncio.create_task(endless("a"))  # type: ignore[arg-type]
        while not ran:
            await asyncio.sleep(0)
        raise LookupError(task.get_name())

    handle = hasty.sync.start()
    with pytest.raises(LookupError):
        handle.result()
    assert ends(handle) == {"endless": "abandoned"}
    assert ran == ["a begun", "a interrupted"]


def test_a_task_that_cleans_up_is_waited_for(engine: Stepwell) -> None:
    @workflow(name="hasty", replace=True)
    async def hasty() -> str:
        async def branch() -> None:
            try:
                await endless("a")
            finally:
                await quick("cleanup")

        task = asyncio.create_task(branch())
        while not ran:
            await asyncio.sleep(0)
        return str(task.done())

    handle = hasty.sync.start()
    assert handle.result() == "False"
    assert ran == ["a begun", "a interrupted", "cleanup"]
    assert ends(handle) == {"endless": "abandoned", 'quick"cleanup"': "ok"}


@pytest.mark.parametrize("replays", [0, 4])
def test_a_cancelled_step_is_not_run_again(engine: Stepwell, replays: int) -> None:
    exits.left = replays

    @workflow(name="cancelling", replace=True)
    async def cancelling() -> str:
        task = asyncio.create_task(endless("a"))  # type: ignore[arg-type]
        first = await quick("b")
        task.cancel()
        outcome = await asyncio.gather(task, return_exceptions=True)
        await leave()
        return f"{first} {type(outcome[0]).__name__}"

    handle = cancelling.sync.start()
    assert handle.result() == "b CancelledError"
    assert ran.count("a begun") <= 1
    assert ends(handle)["endless"] == "abandoned"


@pytest.mark.parametrize("replays", [0, 4])
def test_first_takes_one_and_abandons_the_rest(engine: Stepwell, replays: int) -> None:
    exits.left = replays

    @workflow(name="first", replace=True)
    async def first() -> list[Any]:
        index, value = await stepwell.aio.first(endless("a"), quick("b"), endless("c"))
        await leave()
        return [index, value]

    handle = first.sync.start()
    assert handle.result() == [1, "b"]
    assert ran.count("b") == 1
    if not replays:  # else the first execution has left before it could record what it interrupted
        assert sorted(str(each.ended) for each in handle.steps()) == ["abandoned", "abandoned", "ok", "ok"]


def test_first_of_submitted_steps_replays_the_same_winner(engine: Stepwell) -> None:
    exits.left = 3
    release = Signal()
    winners: list[Any] = []

    @step
    def waits(tag: str) -> str:
        release.wait()
        return tag

    @step
    def now(tag: str) -> str:
        return tag

    @step(name="leave")
    def leave_def() -> None:
        exits()

    @workflow(name="first def", replace=True)
    def first() -> list[Any]:
        futures = [waits.submit("a"), now.submit("b")]
        winner = stepwell.first(*futures)
        winners.append(winner)
        release.set()
        leave_def()
        return [*winner, futures[0].result()]

    assert first.start().result() == [1, "b", "a"]
    assert winners == [(1, "b")] * 4


def test_an_abandoned_child_goes_on_by_itself(engine: Stepwell) -> None:
    """A child that was called is bound to its parent: interrupting the call does not end it at once."""
    go = Signal()

    @step
    async def wait() -> str:
        await go.wait_async()
        return "child"

    @workflow(name="child", replace=True)
    async def child() -> str:
        return await wait()

    @workflow(name="parent", replace=True)
    async def parent() -> str:
        try:
            async with stepwell.aio.timeout(0.1):
                await child.options(id="c")()
        except stepwell.WaitTimeout:
            go.set()
            await leave()
            return str(await child.handle("c").result())
        return "in time"

    exits.left = 2
    assert parent.sync.start().result() == "child"
    assert engine.count() == 2
