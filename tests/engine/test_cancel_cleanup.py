"""After a cancellation: cleanup runs its steps, for a while; and children follow."""

import asyncio

import pytest

import stepwell
from stepwell import (
    Stepwell,
    step,
    workflow,
)
from tests.engine.kit import Exits, Gate, Lab, eventually, names, reaches

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


# -- cleanup -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", ["def", "async"])
@pytest.mark.parametrize("replays", [0, 3])
def test_cleanup_steps_run_are_recorded_and_replayed(engine: Stepwell, colour: str, replays: int) -> None:
    exits = Exits(replays)

    @step
    def leave() -> None:
        exits()

    @workflow(name="cleaning", replace=True)
    def cleaning() -> None:
        try:
            note("work")
            stepwell.sleep(3600)
        finally:
            note("clean")
            leave()
            note("up")

    @workflow(name="cleaning_async", replace=True)
    async def cleaning_async() -> None:
        try:
            await note.aio("work")
            await stepwell.aio.sleep(3600)
        finally:
            await note.aio("clean")
            await leave.aio()
            await note.aio("up")

    handle = (cleaning if colour == "def" else cleaning_async.sync).options(id="c").start()
    eventually(lambda: "sleep" in engine.explain("c"))
    handle.cancel()
    assert reaches(handle, "CANCELLED")
    assert ran == ["work", "clean", "up"]
    assert [each for each in names(handle) if each in ("note", "leave")] == ["note", "note", "leave", "note"]
    assert [each.ended for each in handle.steps() if each.name == "sleep"] == ["abandoned"]


def test_branches_clean_up_too(engine: Stepwell) -> None:
    exits = Exits(3)

    @step
    async def leave() -> None:
        exits()

    @workflow(name="branches", replace=True)
    async def branches() -> None:
        async def branch(name: str) -> None:
            try:
                await stepwell.aio.sleep(3600)
            finally:
                await note.aio(f"clean {name}")

        try:
            async with asyncio.TaskGroup() as group:
                for name in "abc":
                    group.create_task(branch(name))
        finally:
            await leave()
            await note.aio("all clean")

    handle = branches.sync.options(id="b").start()
    eventually(lambda: sum(each.name == "sleep" for each in handle.steps()) == 3)
    handle.cancel()
    assert reaches(handle, "CANCELLED")
    assert sorted(ran[:3]) == ["clean a", "clean b", "clean c"]
    assert ran[3:] == ["all clean"]


def test_grace_is_limited(lab: Lab) -> None:
    @workflow(name="lingering", replace=True)
    async def lingering() -> None:
        try:
            await hold_async()
        finally:
            await stepwell.aio.sleep(3600)
            await note.aio("never")

    with lab.engine(cancel_grace=0.1):
        handle = lingering.sync.start()
        gates[0].reached.wait()
        handle.cancel()
        assert reaches(handle, "CANCELLED")
    assert ran == ["body interrupted"]


def test_grace_is_limited_for_def_code_too(lab: Lab) -> None:
    lingers = Gate()

    @workflow(name="lingering", replace=True)
    def lingering() -> None:
        try:
            stepwell.sleep(3600)
        finally:
            lingers.hold()
            note("never")

    with lab.engine(cancel_grace=0.1, park_after=7200) as engine:
        handle = lingering.options(id="l").start()
        eventually(lambda: "sleep" in engine.explain("l"))
        handle.cancel()
        lingers.reached.wait()
        assert reaches(handle, "CANCELLED")
        lingers.open()
    assert ran == []


def test_force_ends_it_at_once(engine: Stepwell) -> None:
    @workflow(name="forced", replace=True)
    def forced() -> None:
        try:
            hold()
        finally:
            note("never")

    handle = forced.options(id="f").start()
    gates[0].reached.wait()
    engine.cancel("f", force=True)
    assert handle.status().status == "CANCELLED"
    gates[0].open()
    eventually(lambda: engine.health()["executing"] == 0)
    assert ran == []
    assert handle.status().status == "CANCELLED"


# -- children ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("children", [True, False])
def test_children_follow_unless_told_not_to(engine: Stepwell, children: bool) -> None:
    @workflow(name="child", replace=True)
    async def child() -> str:
        await hold_async()
        return "child"

    @workflow(name="parent", replace=True)
    async def parent() -> None:
        await child.options(parent_close="abandon" if not children else "cancel", id="c").start()
        await stepwell.aio.sleep(3600)

    handle = parent.sync.options(id="p").start()
    gates[0].reached.wait()
    eventually(lambda: "sleep" in engine.explain("p"))
    engine.cancel("p", children=children)
    assert reaches(handle, "CANCELLED")
    if children:
        assert reaches(engine.handle("c"), "CANCELLED")
    else:
        gates[0].open()
        assert engine.handle("c").result() == "child"
