"""Handles: references to runs, bound to one run, in both colours."""

import datetime
from uuid import UUID, uuid4

import pytest

from stepwell import Stepwell, StepwellError, WaitTimeout, WorkflowNotFound, step, workflow
from tests.engine.kit import Gate, Lab, reaches


@step
def double(n: int) -> int:
    return 2 * n


@workflow
def twice(n: int) -> int:
    return double(double(n))


def test_a_handle_knows_its_run(engine: Stepwell) -> None:
    handle = twice.options(id="t-1", attributes={"customer": "ada"}).start(4)
    assert handle.id == "t-1"
    assert isinstance(handle.run_id, UUID)
    assert handle.result(timeout=10) == 16
    info = handle.status()
    assert (info.workflow_id, info.run_id, info.status) == ("t-1", handle.run_id, "SUCCESS")
    assert info.name == "tests.engine.test_handles:twice"
    assert info.attributes == {"customer": "ada"}
    assert info.attempts == 1
    assert info.completed_at is not None
    assert info.started_at is not None
    assert info.created_at <= info.completed_at
    assert info.created_at.utcoffset() == datetime.timedelta(0)


def test_steps_are_listed_in_order_with_ids(engine: Stepwell) -> None:
    handle = twice.start(4)
    handle.result()
    steps = handle.steps()
    assert [(each.name, each.output) for each in steps] == [("double", "8"), ("double", "16")]
    assert len({each.id for each in steps}) == 2
    assert all(each.started_at is not None and each.completed_at is not None for each in steps)


def test_without_an_id_it_is_a_uuid_of_time(engine: Stepwell) -> None:
    handle = twice.start(1)
    assert UUID(handle.id).version == 7
    handle.result()


async def test_an_async_handle(lab: Lab) -> None:
    async with lab.engine() as engine:
        handle = await twice.aio.options(id="t-1").start(4)
        assert await handle.result(timeout=10) == 16
        assert (await handle.status()).status == "SUCCESS"
        assert [each.name for each in await handle.steps()] == ["double", "double"]
        again = twice.aio.handle("t-1")
        assert await again.result() == 16
        assert again.run_id == handle.run_id
        assert await (await engine.aio.handle("t-1")).result() == 16


def test_a_typed_handle_by_id(engine: Stepwell) -> None:
    started = twice.options(id="t-1").start(4)
    handle = twice.handle("t-1")
    assert handle.run_id == started.run_id
    assert handle.result() == 16


def test_a_handle_in_another_engine(lab: Lab) -> None:
    with lab.engine("one"):
        twice.options(id="t-1").start(4).result()
    with lab.engine("two") as other:
        assert other.handle("t-1").result() == 16


def test_an_unknown_id(engine: Stepwell) -> None:
    for ask in (twice.handle, engine.handle, engine.explain, engine.cancel, engine.resume, engine.delete):
        with pytest.raises(WorkflowNotFound, match="nobody"):
            ask("nobody")  # type: ignore[operator]


async def test_an_unknown_id_shows_at_the_first_await(lab: Lab) -> None:
    async with lab.engine():
        handle = twice.aio.handle("nobody")
        for ask in (handle.result, handle.status, handle.steps, handle.cancel):
            with pytest.raises(WorkflowNotFound, match="nobody"):
                await ask()


def test_waiting_has_a_timeout_and_the_run_goes_on(engine: Stepwell) -> None:
    gate = Gate()

    @step
    def hold() -> str:
        gate.hold()
        return "done"

    @workflow(name="slow", replace=True)
    def slow() -> str:
        return hold()

    handle = slow.options(id="s").start()
    with pytest.raises(WaitTimeout, match="'s'") as caught:
        handle.result(timeout=0.05)
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, StepwellError)
    gate.open()
    assert handle.result(timeout=datetime.timedelta(seconds=10)) == "done"


async def test_awaiting_has_a_timeout_and_the_run_goes_on(lab: Lab) -> None:
    gate = Gate()

    @workflow(name="slow", replace=True)
    async def slow() -> str:
        await hold()
        return "done"

    @step
    async def hold() -> None:
        await gate.hold_async()

    async with lab.engine():
        handle = await slow.start()
        with pytest.raises(WaitTimeout):
            await handle.result(timeout=0.05)
        gate.open()
        assert await handle.result() == "done"


def test_a_handle_stays_with_its_run(engine: Stepwell) -> None:
    old = twice.options(id="t-1").start(1)
    assert old.result() == 4
    new = twice.options(id="t-1", on_conflict="replace").start(5)
    assert new.run_id != old.run_id
    assert new.result() == 20
    assert old.result() == 4
    assert twice.handle("t-1").run_id == new.run_id


def test_cancel_through_the_handle(engine: Stepwell) -> None:
    gate = Gate()

    @step
    def hold() -> None:
        gate.hold()

    @workflow(name="slow", replace=True)
    def slow() -> None:
        hold()
        double(1)

    handle = slow.start()
    gate.reached.wait()
    handle.cancel()
    gate.open()
    assert reaches(handle, "SUCCESS", "CANCELLED") == "CANCELLED"


def test_a_handle_of_an_uuid_that_was_never_drawn(engine: Stepwell) -> None:
    with pytest.raises(WorkflowNotFound):
        engine.handle(str(uuid4()))
