"""resume, rewind, fork, delete: what an operator does with a run that has stopped."""

from typing import Any

import pytest

from stepwell import InvalidArgument, Stepwell, UsageError, WorkflowNotFound, step, workflow
from tests.engine.kit import Gate, Lab, names, reaches

ran: list[str] = []
broken: list[bool] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()
    broken[:] = [True]


@step
def note(what: str) -> str:
    ran.append(what)
    return what


@step
def fragile(what: str) -> str:
    ran.append(what)
    if broken[0]:
        raise ConnectionError(what)
    return what


@workflow
def child(what: str) -> str:
    return note(f"child {what}")


@workflow
def flow(what: str) -> list[str]:
    return [note("one"), child(what), fragile("two"), note("three")]


@workflow
async def flow_async(what: str) -> list[str]:
    return [await note.aio("one"), await child.aio(what), await fragile.aio("two"), await note.aio("three")]


FLOWS = pytest.mark.parametrize("call", [flow, flow_async.sync], ids=["def", "async"])
DONE = ["one", "child x", "two", "three"]


def failed(call: Any, engine: Stepwell) -> Any:
    """A run that has ended with the failure of its third operation."""
    with pytest.raises(ConnectionError):
        call.options(id="f")("x")
    return engine.handle("f")


# -- resume --------------------------------------------------------------------------------------------------


def cancelled_while_holding() -> Any:
    """A run that was cancelled in its second step, and has cleaned up. The step would go on now."""
    gate = Gate()

    @step
    async def hold() -> str:
        await gate.hold_async()
        return "held"

    @workflow(name="holding", replace=True)
    async def holding() -> list[str]:
        try:
            return [await note.aio("one"), await hold(), await note.aio("two")]
        finally:
            await note.aio("cleanup")

    handle = holding.sync.options(id="h").start()
    gate.reached.wait()
    handle.cancel()
    reaches(handle, "CANCELLED")
    gate.open()
    return handle


def test_a_cancelled_run_goes_on_where_it_was(engine: Stepwell) -> None:
    handle = cancelled_while_holding()
    assert engine.resume("h").result() == ["one", "held", "two"]
    assert handle.status().status == "SUCCESS"
    assert ran == ["one", "cleanup", "two", "cleanup"]


def test_there_is_nothing_to_resume_in_a_success(engine: Stepwell) -> None:
    child.options(id="c")("x")
    with pytest.raises(UsageError, match="SUCCESS"):
        engine.resume("c")


# -- rewind --------------------------------------------------------------------------------------------------


@FLOWS
def test_rewind_runs_that_step_again(engine: Stepwell, call: Any) -> None:
    handle = failed(call, engine)
    broken[0] = False
    [step_id] = [each.id for each in handle.steps() if each.name == "fragile"]
    again = engine.rewind("f", step_id)
    assert again.run_id == handle.run_id
    assert again.result() == DONE
    assert ran == ["one", "child x", "two", "two", "three"]
    assert len(names(handle)) == 4


@FLOWS
def test_rewind_before_a_child_starts_another(engine: Stepwell, call: Any) -> None:
    broken[0] = False
    call.options(id="f")("x")
    handle = engine.handle("f")
    first = handle.steps()[1]
    again = engine.rewind("f", first.id)
    assert again.result() == DONE
    assert ran == [*DONE, "child x", "two", "three"]
    assert handle.steps()[1].child_run != first.child_run


def test_rewind_to_the_beginning(engine: Stepwell) -> None:
    broken[0] = False
    flow.options(id="f")("x")
    handle = engine.handle("f")
    assert engine.rewind("f", handle.steps()[0].id).result() == DONE
    assert ran == DONE * 2


def test_a_running_run_cannot_be_rewound(engine: Stepwell) -> None:
    gate = Gate()

    @step
    async def hold() -> None:
        await gate.hold_async()

    @workflow(name="holding", replace=True)
    async def holding() -> None:
        await note.aio("one")
        await hold()

    handle = holding.sync.options(id="h").start()
    gate.reached.wait()
    with pytest.raises(UsageError, match="running"):
        engine.rewind("h", handle.steps()[0].id)
    gate.open()
    handle.result()


def test_steps_that_are_not_there(engine: Stepwell) -> None:
    child.options(id="c")("x")
    for act in (engine.rewind, engine.fork):
        with pytest.raises(UsageError, match=r"no such step|no step"):
            act("c", ":99")
        for bad in ("", "one", ":x", ":-1"):
            with pytest.raises(InvalidArgument, match="step"):
                act("c", bad)
        with pytest.raises(WorkflowNotFound):
            act("nobody", ":0")


# -- fork ----------------------------------------------------------------------------------------------------


@FLOWS
def test_fork_keeps_what_came_before(engine: Stepwell, call: Any) -> None:
    handle = failed(call, engine)
    broken[0] = False
    [step_id] = [each.id for each in handle.steps() if each.name == "fragile"]
    forked = engine.fork("f", step_id)
    assert forked.run_id != handle.run_id
    assert forked.result() == DONE
    assert ran == ["one", "child x", "two", "two", "three"]
    assert handle.status().status == "ERROR"


def test_a_fork_from_the_cleanup_of_a_cancelled_run_is_not_cancelled(engine: Stepwell) -> None:
    """What the cancellation made of the run is not kept: the new run goes on from where that met the old one."""
    cleanup = cancelled_while_holding().steps()[-1]
    assert cleanup.output == '"cleanup"'
    forked = engine.fork("h", cleanup.id)
    assert forked.result(timeout=15) == ["one", "held", "two"]
    assert forked.status().status == "SUCCESS"
    assert ran == ["one", "cleanup", "two", "cleanup"]


@FLOWS
def test_fork_with_another_input(engine: Stepwell, call: Any) -> None:
    broken[0] = False
    call.options(id="f")("x")
    handle = engine.handle("f")
    forked = engine.fork("f", handle.steps()[1].id, input=(("y",), {}), new_id="g")
    assert forked.id == "g"
    assert forked.result() == ["one", "child y", "two", "three"]
    assert engine.fork("f", handle.steps()[0].id, input="z").result() == ["one", "child z", "two", "three"]
    assert handle.result() == DONE


def test_a_fork_needs_a_free_id(engine: Stepwell) -> None:
    broken[0] = False
    flow.options(id="f")("x")
    first = engine.handle("f").steps()[0].id
    with pytest.raises(UsageError, match="taken"):
        engine.fork("f", first, new_id="f")
    with pytest.raises(InvalidArgument, match="id"):
        engine.fork("f", first, new_id="a/b")


async def test_the_awaited_twins(lab: Lab) -> None:
    async with lab.engine() as engine:
        with pytest.raises(ConnectionError):
            await flow_async.options(id="f")("x")
        broken[0] = False
        steps = await flow_async.handle("f").steps()
        forked = await engine.aio.fork("f", steps[2].id)
        assert await forked.result() == DONE
        rewound = await engine.aio.rewind("f", steps[2].id)
        assert await rewound.result() == DONE
        with pytest.raises(UsageError):
            await engine.aio.resume("f")
        await engine.aio.cancel("f")
        await engine.aio.delete("f")
        with pytest.raises(WorkflowNotFound):
            await engine.aio.explain("f")
        assert (await engine.aio.find(name=flow_async.definition.name)).items[0].workflow_id == forked.id
        await engine.aio.run_until_idle(10)


# -- delete --------------------------------------------------------------------------------------------------


def test_delete_removes_an_ended_run(engine: Stepwell) -> None:
    child.options(id="c")("x")
    engine.delete("c")
    with pytest.raises(WorkflowNotFound):
        engine.handle("c")
    assert engine.count() == 0
    assert child.options(id="c")("x") == "child x"
    assert ran == ["child x"] * 2


def test_a_running_run_is_not_deleted(engine: Stepwell) -> None:
    gate = Gate()

    @step
    async def hold() -> None:
        await gate.hold_async()

    @workflow(name="holding", replace=True)
    async def holding() -> None:
        await hold()

    handle = holding.sync.options(id="h").start()
    gate.reached.wait()
    with pytest.raises(UsageError, match="not ended"):
        engine.delete("h")
    gate.open()
    handle.result()
    engine.delete("h")
