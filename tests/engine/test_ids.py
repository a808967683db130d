"""The id is the idempotency key: the row is the only gate to execution."""

import threading
from collections.abc import Callable

import pytest

from stepwell import InvalidArgument, Stepwell, WorkflowConflict, step, workflow
from tests.engine.kit import Background, Gate, Lab, in_thread

bodies: list[int] = []


@pytest.fixture(autouse=True)
def no_bodies_yet() -> None:
    bodies.clear()


@step
def count(n: int) -> int:
    bodies.append(n)
    return len(bodies)


@workflow
def counted(n: int) -> int:
    return count(n)


@workflow
async def counted_async(n: int) -> int:
    return await count.aio(n)


@workflow
def other(n: int) -> int:
    return n


def test_the_same_id_is_the_same_run(engine: Stepwell) -> None:
    first = counted.options(id="c").start(1)
    second = counted.options(id="c").start(1)
    assert first.run_id == second.run_id
    assert first.result() == second.result() == counted.options(id="c")(1) == 1
    assert bodies == [1]


@pytest.mark.parametrize("call", [counted, counted_async.sync], ids=["def", "async"])
def test_many_callers_at_once_run_it_once(engine: Stepwell, call: Callable[[int], int]) -> None:
    together = threading.Barrier(8)

    def caller() -> int:
        together.wait(10)
        return call.options(id="c")(7)  # type: ignore[attr-defined, no-any-return]

    callers: list[Background] = [in_thread(caller) for _ in range(8)]
    assert [each.result() for each in callers] == [1] * 8
    assert bodies == [7]


def test_callers_in_two_engines_run_it_once(lab: Lab) -> None:
    one, two = lab.launch("default"), lab.launch("default")
    handles = [counted.options(id="c", engine=each).start(7) for each in (one, two, one, two)]
    assert {each.run_id for each in handles} == {handles[0].run_id}
    assert [each.result() for each in handles] == [1] * 4
    assert bodies == [7]


def test_another_workflow_or_other_inputs_conflict(engine: Stepwell) -> None:
    counted.options(id="c").start(1).result()
    with pytest.raises(WorkflowConflict, match="counted"):
        other.options(id="c").start(1)
    with pytest.raises(WorkflowConflict, match="other inputs"):
        counted.options(id="c").start(2)
    with pytest.raises(WorkflowConflict, match="other inputs"):
        counted.options(id="c")(2)
    with pytest.raises(WorkflowConflict, match="other inputs"):
        counted_async.sync.options(id="d").start(1) and counted_async.sync.options(id="d")(2)
    assert bodies.count(2) == 0


def test_reject_refuses_any_run_of_that_id(engine: Stepwell) -> None:
    assert counted.options(id="c", on_conflict="reject")(1) == 1
    for call in (counted.options(id="c", on_conflict="reject"), counted.options(id="c", on_conflict="reject").start):
        with pytest.raises(WorkflowConflict, match="SUCCESS"):
            call(1)
    assert bodies == [1]


def test_replace_takes_the_id_of_an_ended_run(engine: Stepwell) -> None:
    counted.options(id="c").start(1).result()
    replaced = counted.options(id="c", on_conflict="replace").start(2)
    assert replaced.result() == 2
    assert bodies == [1, 2]
    assert counted.handle("c").run_id == replaced.run_id


def test_replace_attaches_to_a_run_that_has_not_ended(engine: Stepwell) -> None:
    gate = Gate()

    @step
    def hold() -> None:
        gate.hold()

    @workflow(name="held", replace=True)
    def held() -> str:
        hold()
        return "once"

    first = held.options(id="h").start()
    gate.reached.wait()
    second = held.options(id="h", on_conflict="replace").start()
    assert second.run_id == first.run_id
    gate.open()
    assert second.result() == "once"


def test_attaching_to_a_failure_raises_it(engine: Stepwell) -> None:
    @workflow(name="failing", replace=True)
    def failing() -> None:
        bodies.append(1)
        raise LookupError("gone")

    for _ in range(2):
        with pytest.raises(LookupError, match="gone"):
            failing.options(id="f")()
    assert bodies == [1]


@pytest.mark.parametrize("id", ["", "a/b", "x" * 256, "nul\0", "\udc80", 7])
def test_ids_out_of_bounds_are_refused(engine: Stepwell, id: str) -> None:
    with pytest.raises(InvalidArgument, match="id"):
        counted.options(id=id)
    assert engine.count() == 0


def test_the_longest_id(engine: Stepwell) -> None:
    assert counted.options(id="ü" * 255)(1) == 1
    assert engine.handle("ü" * 255).result() == 1


def test_start_many_starts_each(engine: Stepwell) -> None:
    handles = counted.start_many([counted.bind(1), counted.options(id="two").bind(2), counted.bind(3)])
    assert sorted(each.result() for each in handles) == [1, 2, 3]
    assert handles[1].id == "two"
    assert sorted(bodies) == [1, 2, 3]


async def test_start_many_async(lab: Lab) -> None:
    async with lab.engine():
        handles = await counted_async.start_many(counted_async.bind(n) for n in range(5))
        assert sorted([await each.result() for each in handles]) == [1, 2, 3, 4, 5]
    assert sorted(bodies) == [0, 1, 2, 3, 4]


def test_start_many_of_nothing(engine: Stepwell) -> None:
    assert counted.start_many([]) == []
