"""A child workflow that was renamed: parents that recorded its old name go on with `aliases=`."""

from typing import Any

import pytest

from stepwell import step, workflow
from stepwell.core.registry import REGISTRY
from tests.engine.kit import Gate, Lab, forget, reaches

gates: list[Gate] = []
ran: list[str] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    gates[:] = [Gate()]
    ran.clear()
    forget("child-before", "child-after")


@step
async def hold() -> None:
    await gates[0].hold_async()


@step
def note(what: str) -> str:
    ran.append(what)
    return what


def define(child_name: str, aliases: tuple[str, ...], is_async: bool, starts: bool) -> Any:
    """A parent that calls (or starts) its child and then holds."""

    @workflow(name=child_name, aliases=aliases, replace=True)
    def child(what: str) -> str:
        return note(what)

    @workflow(name="renaming-parent", replace=True)
    def parent_def() -> list[str]:
        found = [child.start("one").result() if starts else child("one")]
        hold.sync()
        return [*found, child("two")]

    @workflow(name="renaming-parent", replace=True)
    async def parent_async() -> list[str]:
        found = [await (await child.aio.start("one")).result() if starts else await child.aio("one")]
        await hold()
        return [*found, await child.aio("two")]

    if is_async:
        return parent_async
    define_last(parent_def)
    return parent_def


def define_last(found: Any) -> None:
    """Both parents have one name: the one defined last is served."""
    REGISTRY.add(found.definition, replace=True)


@pytest.mark.parametrize("starts", [False, True], ids=["called", "started"])
@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async"])
def test_an_alias_matches_what_is_recorded(lab: Lab, is_async: bool, starts: bool) -> None:
    with lab.engine() as engine:
        define("child-before", (), is_async, starts).sync.options(id="p").start()
        gates[0].reached.wait()
        engine.close(drain=0)
    gates[0].open()
    forget("child-before")
    define("child-after", ("child-before",), is_async, starts)
    with lab.engine() as engine:
        handle = engine.handle("p")
        assert handle.result(timeout=15) == ["one", "two"]
        assert ran == ["one", "two"]
        kinds = {"child", "start"}
        assert [each.name for each in handle.steps() if each.kind in kinds] == ["child-before", "child-after"]


def test_without_the_alias_the_parent_waits_for_matching_code(lab: Lab) -> None:
    with lab.engine() as engine:
        define("child-before", (), True, False).sync.options(id="p").start()
        gates[0].reached.wait()
        engine.close(drain=0)
    gates[0].open()
    forget("child-before")
    define("child-after", (), True, False)
    with lab.engine() as engine:
        handle = engine.handle("p")
        reaches(handle, "BLOCKED")
        assert "child-after" in str(handle.status().reason)
