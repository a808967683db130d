"""Colour: `.aio` awaits, `.sync` blocks, and a call that would block a loop is refused with the fix in its message."""

import asyncio
import threading
from typing import Any

import pytest

import stepwell
from stepwell import AsyncMismatch, Stepwell, step, workflow
from tests.engine.kit import Lab


@step
def shout(text: str) -> str:
    return text.upper()


@step
async def whisper(text: str) -> str:
    await asyncio.sleep(0)
    return text.lower()


@workflow
def said(text: str) -> list[str]:
    return [shout(text), whisper.sync(text)]


@workflow
async def heard(text: str) -> list[str]:
    return [await shout.aio(text), await whisper(text)]


@workflow
def told(text: str) -> list[str]:
    return [*said(text), *heard.sync(text)]


@workflow
async def repeated(text: str) -> list[str]:
    return [*await said.aio(text), *await heard(text)]


BOTH = ["AB", "ab"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [(said, BOTH), (heard.sync, BOTH), (told, BOTH * 2), (repeated.sync, BOTH * 2)],
    ids=["def", "async", "def-of-both", "async-of-both"],
)
def test_blocking_views(engine: Stepwell, call: Any, expected: list[str]) -> None:
    assert call("Ab") == expected
    assert call.start("Ab").result() == expected
    assert call.options(id="x").start("Ab").result() == expected
    assert call.handle("x").result() == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [(said.aio, BOTH), (heard, BOTH), (told.aio, BOTH * 2), (repeated, BOTH * 2)],
    ids=["def", "async", "def-of-both", "async-of-both"],
)
async def test_awaited_views(lab: Lab, call: Any, expected: list[str]) -> None:
    async with lab.engine():
        assert await call("Ab") == expected
        assert await (await call.start("Ab")).result() == expected
        assert await (await call.options(id="x").start("Ab")).result() == expected
        assert await call.handle("x").result() == expected


async def test_awaited_views_from_another_loop(engine: Stepwell) -> None:
    """The engine has a loop of its own; this test's loop is another."""
    assert await heard("Ab") == BOTH
    assert await said.aio("Ab") == BOTH
    handle = await heard.start("Ab")
    assert await handle.result() == BOTH
    assert (await handle.status()).status == "SUCCESS"
    assert len((await engine.aio.find()).items) == 3


def test_asyncio_run_of_an_async_workflow(engine: Stepwell) -> None:
    assert asyncio.run(heard("Ab")) == BOTH  # type: ignore[arg-type]


def test_views_of_views(engine: Stepwell) -> None:
    assert said.aio.sync("Ab") == heard.sync.aio.sync("Ab") == BOTH
    assert said.aio.options(id="v").sync.start("Ab").id == "v"


def test_a_def_body_under_aio_runs_on_a_worker_thread(lab: Lab) -> None:
    threads: list[int] = []

    @workflow(name="where", replace=True)
    def where() -> None:
        threads.append(threading.get_ident())

    async def main() -> int:
        async with lab.engine():
            await where.aio()
            return threading.get_ident()

    assert asyncio.run(main()) not in threads
    assert len(threads) == 1


def test_all_async_bodies_run_on_one_loop(engine: Stepwell) -> None:
    loops: set[int] = set()

    @step
    async def look() -> None:
        loops.add(id(asyncio.get_running_loop()))

    @workflow(name="where", replace=True)
    async def where() -> None:
        loops.add(id(asyncio.get_running_loop()))
        await look()

    @workflow(name="where_def", replace=True)
    def where_def() -> None:
        look.sync()

    where.sync()
    where.sync.start().result()
    where_def()
    asyncio.run(where())  # type: ignore[arg-type]
    assert len(loops) == 1


async def test_under_async_with_that_loop_is_the_callers(lab: Lab) -> None:
    loops: set[int] = set()

    @workflow(name="where", replace=True)
    async def where() -> None:
        loops.add(id(asyncio.get_running_loop()))

    async with lab.engine():
        await where()
        await (await where.start()).result()
    assert loops == {id(asyncio.get_running_loop())}


# -- AsyncMismatch -------------------------------------------------------------------------------------------


async def test_a_blocking_call_on_a_loops_thread_is_refused(lab: Lab) -> None:
    async with lab.engine() as engine:
        handle = await said.aio.start("a")
        await handle.result()
        blocking = said.handle
        refused: list[tuple[Any, str]] = [
            (lambda: said("a"), r"said.*await .*\.aio"),
            (lambda: heard.sync("a"), r"heard.*await"),
            (lambda: said.start("a"), r"await .*\.aio"),
            (lambda: said.start_many([said.bind("a")]), r"await .*\.aio"),
            (lambda: engine.find(), r"engine\.aio"),
            (lambda: engine.count(), r"engine\.aio"),
            (lambda: engine.handle(handle.id), r"engine\.aio"),
            (lambda: engine.cancel(handle.id), r"engine\.aio"),
            (lambda: engine.explain(handle.id), r"engine\.aio"),
            (lambda: engine.run_until_idle(), r"engine\.aio"),
            (lambda: blocking(handle.id), r"aio"),
        ]
        for call, fix in refused:
            with pytest.raises(AsyncMismatch, match=fix):
                call()
        assert await engine.aio.count() == 1


async def test_a_blocking_handle_on_a_loops_thread_is_refused(lab: Lab) -> None:
    async with lab.engine():
        await heard.options(id="h")("a")
        handle = await asyncio.to_thread(heard.sync.handle, "h")
        for ask in (handle.result, handle.status, handle.steps, handle.cancel):
            with pytest.raises(AsyncMismatch, match="aio"):
                ask()
        assert await asyncio.to_thread(handle.result) == ["A", "a"]


async def test_launching_an_engine_that_blocks_is_refused_on_a_loop(lab: Lab) -> None:
    engine = lab.engine()
    with pytest.raises(AsyncMismatch, match="async with"):
        engine.launch()
    with pytest.raises(AsyncMismatch, match="async with"), engine:
        pass


async def test_closing_by_blocking_is_refused_on_the_engines_loop(lab: Lab) -> None:
    async with lab.engine() as engine:
        with pytest.raises(AsyncMismatch, match="async with"):
            engine.close()
        assert await said.aio("a") == ["A", "a"]


def refusal(call: Any) -> str:
    """What the workflow's own code was told."""
    try:
        call()
    except AsyncMismatch as error:
        return str(error)
    return "not refused"


def test_an_async_call_in_a_def_workflow_is_refused(engine: Stepwell) -> None:
    calls = {
        "step": lambda: whisper("a"),
        "workflow": lambda: heard("a"),
        "start": lambda: heard.start("a"),
        "view": lambda: shout.aio("a"),
    }

    @workflow(name="mixed", replace=True)
    def mixed() -> dict[str, str]:
        return {what: refusal(call) for what, call in calls.items()}

    told = mixed()
    assert "whisper.sync(" in told["step"]
    assert ".sync(" in told["workflow"]
    assert ".sync" in told["start"]
    assert "AsyncMismatch" not in told["view"]
    assert all("not refused" not in text for text in told.values())
    assert engine.count() == 1


def test_an_async_call_in_a_def_step_is_refused(engine: Stepwell) -> None:
    @step
    def mixing() -> str:
        return refusal(lambda: whisper("a"))

    @workflow(name="mixed", replace=True)
    def mixed() -> str:
        return mixing()

    assert "whisper" in mixed()
    assert "not refused" not in mixed()


def test_a_blocking_call_in_an_async_workflow_is_refused(engine: Stepwell) -> None:
    calls = {
        "step": lambda: shout("a"),
        "async step": lambda: whisper.sync("a"),
        "workflow": lambda: said("a"),
        "start": lambda: said.start("a"),
        "sleep": lambda: stepwell.sleep(1),
        "submit": lambda: shout.submit("a"),
        "map": lambda: shout.map(["a"]),
    }

    @workflow(name="mixed", replace=True)
    async def mixed() -> dict[str, str]:
        return {what: refusal(call) for what, call in calls.items()}

    told = mixed.sync()
    assert all("not refused" not in text for text in told.values()), told
    assert "shout.aio(" in told["step"]
    assert ".aio(" in told["workflow"]
    assert ".aio" in told["start"]
    assert "stepwell.aio.sleep" in told["sleep"]
    assert "gather" in told["submit"]
    assert engine.count() == 1


def test_an_awaited_verb_in_a_def_workflow_is_refused(engine: Stepwell) -> None:
    @workflow(name="mixed", replace=True)
    def mixed() -> str:
        async def main() -> str:
            try:
                await stepwell.aio.sleep(1)
            except AsyncMismatch as error:
                return str(error)
            return "not refused"

        return asyncio.run(main())

    assert "stepwell.sleep(" in mixed()
