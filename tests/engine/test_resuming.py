"""Resuming a run in ERROR: what failed is tried again, with what the run did because of it; all else stays."""

import asyncio
from typing import Any

import pytest

import stepwell
from stepwell import Stepwell, WaitTimeout, step, workflow
from tests.engine.kit import Lab

ran: list[str] = []
broken: set[str] = set()


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()
    broken.clear()


@step
def note(what: str) -> str:
    ran.append(what)
    return what


@step
def fragile(what: str) -> str:
    ran.append(what)
    if what in broken:
        raise ConnectionError(f"{what} is broken")
    return what


@step
async def fragile_async(what: str) -> str:
    ran.append(what)
    if what in broken:
        raise ConnectionError(f"{what} is broken")
    return what


def fails(call: Any, error: type[BaseException], *args: Any) -> None:
    with pytest.raises(error):
        call.options(id="f")(*args)


def resumed(engine: Stepwell) -> Any:
    """The result of the run after it was resumed with nothing broken any more; `ran` tells what ran then."""
    broken.clear()
    ran.clear()
    return engine.resume("f").result(timeout=15)


@workflow
def plain_def() -> list[str]:
    return [note("one"), fragile("two"), note("three")]


@workflow
async def plain_async() -> list[str]:
    return [await note.aio("one"), await fragile.aio("two"), await note.aio("three")]


@pytest.mark.parametrize("call", [plain_def, plain_async.sync], ids=["def", "async"])
def test_the_failed_step_runs_again(engine: Stepwell, call: Any) -> None:
    broken.add("two")
    fails(call, ConnectionError)
    assert resumed(engine) == ["one", "two", "three"]
    assert ran == ["two", "three"]
    assert engine.handle("f").status().status == "SUCCESS"


def test_it_may_fail_again_and_be_resumed_again(engine: Stepwell) -> None:
    broken.add("two")
    fails(plain_def, ConnectionError)
    with pytest.raises(ConnectionError):
        engine.resume("f").result(timeout=15)
    assert ran == ["one", "two", "two"]
    assert resumed(engine) == ["one", "two", "three"]


@workflow
def cleaning() -> list[str]:
    try:
        return [note("one"), fragile("two"), note("three")]
    except ConnectionError:
        note("cleanup")
        raise


@workflow
def wrapping() -> list[str]:
    try:
        return [note("one"), fragile("two"), note("three")]
    except ConnectionError as error:
        note("cleanup")
        raise RuntimeError("the order failed") from error


@pytest.mark.parametrize("call", [cleaning, wrapping])
def test_what_was_done_because_of_the_failure_is_forgotten(engine: Stepwell, call: Any) -> None:
    broken.add("two")
    fails(call, Exception)
    assert ran == ["one", "two", "cleanup"]
    assert resumed(engine) == ["one", "two", "three"]
    assert ran == ["two", "three"]


@workflow
def falling_back() -> str:
    try:
        return fragile("main")
    except ConnectionError:
        note("fallback")
    if broken:
        raise ValueError("a bug in the workflow")
    return "fixed"


def test_a_failure_that_was_handled_stays_recorded(engine: Stepwell) -> None:
    broken.add("main")
    fails(falling_back, ValueError)
    assert resumed(engine) == "fixed"
    assert ran == []


@workflow
async def gathering() -> list[str]:
    return list(await asyncio.gather(*(fragile_async(what) for what in ("a", "b", "c"))))


@step
async def slow(what: str) -> str:
    await asyncio.sleep(30.0 if broken else 0.0)
    ran.append(what)
    return what


@workflow
async def grouping() -> list[str]:
    async def line(what: str) -> str:
        return await slow(await fragile_async(what))

    async with asyncio.TaskGroup() as group:
        first, second = group.create_task(line("a")), group.create_task(line("b"))
    return [first.result(), second.result()]


def test_siblings_that_were_interrupted_run_again(engine: Stepwell) -> None:
    broken.add("b")
    with pytest.raises(ExceptionGroup):
        grouping.sync.options(id="f")()
    assert resumed(engine) == ["a", "b"]
    assert sorted(ran) == ["a", "b", "b"]  # the step of the failed line, and the two that were never done


@workflow
async def collecting() -> list[str]:
    async def line(what: str) -> str:
        return await note.aio(f"{await fragile_async(what)}!")

    found = await asyncio.gather(*(line(what) for what in "abcd"), return_exceptions=True)
    failed = sum(isinstance(each, Exception) for each in found)
    if failed:
        raise RuntimeError(f"{failed} have failed")
    return [str(each) for each in found]


def test_of_many_at_once_those_that_failed_run_again(engine: Stepwell) -> None:
    broken.update(("b", "d"))
    fails(collecting.sync, RuntimeError)
    assert sorted(ran) == ["a", "a!", "b", "c", "c!", "d"]
    assert resumed(engine) == ["a!", "b!", "c!", "d!"]
    assert sorted(ran) == ["b", "b!", "d", "d!"]


@workflow
def mapping() -> list[str]:
    return fragile.map(["a", "b", "c"])


@pytest.mark.parametrize("call", [gathering.sync, mapping], ids=["gather", "map"])
def test_a_failed_one_of_several_calls(engine: Stepwell, call: Any) -> None:
    broken.add("b")
    fails(call, ConnectionError)
    assert resumed(engine) == ["a", "b", "c"]
    assert "b" in ran
    assert "a" not in ran or call is not mapping


@workflow
def child(what: str) -> str:
    return note(f"before {what}") + fragile(what)


@workflow
def calling() -> str:
    return note("one") + child("two")


@workflow
async def starting() -> str:
    handle = await child.aio.start("two")
    return await note.aio("one") + await handle.result()


@pytest.mark.parametrize("call", [calling, starting.sync], ids=["called", "started"])
def test_a_failed_child_goes_on_too(engine: Stepwell, call: Any) -> None:
    """It is the same child: what it had recorded stays."""
    broken.add("two")
    fails(call, ConnectionError)
    before = engine.find(name=child.definition.name).items
    assert resumed(engine) == "onebefore twotwo"
    assert ran == ["two"]
    after = engine.find(name=child.definition.name).items
    assert [each.run_id for each in after] == [each.run_id for each in before]


@workflow
async def limited() -> str:
    async with stepwell.aio.timeout(0.2 if broken else 60):
        return await slow("done")


def test_a_timeout_block_has_its_time_again(engine: Stepwell) -> None:
    broken.add("all")
    fails(limited.sync, WaitTimeout)
    assert resumed(engine) == "done"


def test_an_awaited_resume_by_another_process(lab: Lab) -> None:
    broken.add("two")
    with lab.engine():
        fails(plain_def, ConnectionError)
    broken.clear()

    async def go() -> Any:
        async with lab.engine() as engine:
            return await (await engine.aio.resume("f")).result(timeout=15)

    assert asyncio.run(go()) == ["one", "two", "three"]
