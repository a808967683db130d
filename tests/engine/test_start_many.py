"""Bulk starts: in order, each once, in few statements, and all refused if one of them cannot work."""

from typing import Any

import pytest

from stepwell import (
    Client,
    InvalidArgument,
    NotSerializable,
    Stepwell,
    StepwellError,
    WorkflowConflict,
    step,
    workflow,
)
from stepwell.core import bulk
from stepwell.model.looking import RunFilter
from stepwell.store.api import Store
from tests.engine.kit import Exits, Lab, Tap, eventually


@workflow
def double(n: Any) -> Any:
    return n * 2


@workflow
async def double_async(n: int) -> int:
    return n * 2


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK_ROWS", 4)


class Starts:
    """How many rows each call of the store's `start` carried; in the hand of a test it may fail."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def __call__(self, verb: str, argument: Any) -> None:
        if verb == "start":
            self.sizes.append(len(argument))


@pytest.fixture
def starts() -> Starts:
    return Starts()


@pytest.fixture
def engine(lab: Lab, starts: Starts) -> Stepwell:
    class Tapped(Stepwell):
        def _open_store(self) -> Store:
            return Tap(super()._open_store(), starts)  # type: ignore[return-value]

    return lab.launch(make=Tapped)


def test_handles_come_in_the_order_of_the_calls(engine: Stepwell, starts: Starts) -> None:
    handles = double.start_many(double.bind(n) for n in range(10))
    assert [each.result() for each in handles] == [n * 2 for n in range(10)]
    assert sorted(starts.sizes) == [2, 4, 4], "one statement for each chunk"


async def test_of_an_async_workflow(lab: Lab) -> None:
    async with lab.engine():
        handles = await double_async.start_many([double_async.bind(n) for n in range(9)])
        assert [await each.result() for each in handles] == [n * 2 for n in range(9)]
        others = await double.aio.start_many([double.bind(3)])
        assert await others[0].result() == 6


def test_each_call_has_its_own_options(engine: Stepwell) -> None:
    calls = [
        double.options(id="a", attributes={"n": 1}, priority=7).bind(1),
        double.options(id="b", queue="other").bind(2),
        double.bind(3),
    ]
    first, second, third = (each.status() for each in double.options(queue="nobody").start_many(calls))
    assert (first.workflow_id, first.priority, first.attributes, first.queue) == ("a", 7, {"n": 1}, "nobody")
    assert (second.workflow_id, second.queue) == ("b", "other")
    assert (third.queue, third.attributes) == ("nobody", {})
    assert [each.workflow_id for each in engine.find(attributes={"n": 1})] == ["a"]


def test_an_id_starts_once_however_often_it_is_started(engine: Stepwell) -> None:
    calls = [double.options(id=f"o-{n % 5}").bind(n % 5) for n in range(10)]
    first = double.start_many(calls)
    again = double.start_many(calls)
    assert [each.run_id for each in first] == [each.run_id for each in again]
    assert len({each.run_id for each in first}) == engine.count() == 5
    assert [each.result() for each in again] == [n % 5 * 2 for n in range(10)]


def test_one_that_cannot_work_refuses_all_before_any_effect(engine: Stepwell, starts: Starts) -> None:
    calls = [double.bind(n) for n in range(9)] + [double.bind(lambda: None)]
    with pytest.raises(NotSerializable):
        double.start_many(calls)
    assert (engine.count(), starts.sizes) == (0, [])


def test_one_whose_id_is_anothers_keeps_nobody_else_from_starting(engine: Stepwell) -> None:
    double.options(id="o-2")("taken")
    with pytest.raises(WorkflowConflict, match="o-2"):
        double.start_many([double.options(id=f"o-{n}").bind(n) for n in range(6)])
    assert [engine.handle(f"o-{n}").result() for n in (0, 1, 3, 4, 5)] == [0, 2, 6, 8, 10]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a start that passes every check of the call, here; what a database refuses is not known before."""
    whole = bulk.row_of

    def row_of(*args: Any) -> Any:
        row = whole(*args)
        if row.workflow_id == "o-1":
            row.priority = 2**80
        return row

    monkeypatch.setattr(bulk, "row_of", row_of)
    return "o-1"


def test_what_the_database_refuses_spoils_only_itself(engine: Stepwell, refused: str) -> None:
    with pytest.raises(Exception, match=refused):
        double.start_many(double.options(id=f"o-{n}").bind(n) for n in range(3))
    assert [engine.handle(f"o-{n}").result() for n in (0, 2)] == [0, 4]


def test_all_in_one_transaction(engine: Stepwell, starts: Starts) -> None:
    handles = double.start_many((double.bind(n) for n in range(10)), atomic=True)
    assert [each.result() for each in handles] == [n * 2 for n in range(10)]
    assert starts.sizes == [10]


@pytest.mark.usefixtures("refused")
def test_what_the_database_refuses_in_one_transaction_is_none(engine: Stepwell) -> None:
    with pytest.raises(StepwellError, match="refuses one of 6 starts, and so all"):
        double.start_many((double.options(id=f"o-{n}").bind(n) for n in range(6)), atomic=True)
    assert engine.count(id_prefix="o-") == 0


def test_too_many_for_one_transaction_are_refused(engine: Stepwell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST_AT_ONCE", 5)
    with pytest.raises(InvalidArgument, match="at most 5 calls, not 6"):
        double.start_many((double.bind(n) for n in range(6)), atomic=True)


def test_a_client_enqueues(lab: Lab, engine: Stepwell) -> None:
    engine.close()
    with Client(lab.url) as client:
        handles = double.start_many([double.bind(n) for n in range(5)])
        assert client.count(status="ENQUEUED") == 5
        with lab.engine():
            assert [client.handle(each.id).result() for each in handles] == [0, 2, 4, 6, 8]


def test_engines_may_differ(lab: Lab) -> None:
    one, two = lab.launch("one"), lab.launch("two")
    calls = [double.options(engine=(one, two)[n % 2]).bind(n) for n in range(4)]
    handles = double.start_many(calls)
    assert [each.result() for each in handles] == [0, 2, 4, 6]
    assert {row.app for row in one.runtime.inbox.run(one.runtime.store.list_runs(RunFilter()))} == {"one", "two"}


def test_more_than_this_process_can_execute(lab: Lab) -> None:
    """What has no slot waits in the database, not in memory."""
    engine = lab.launch(max_threads=2)
    handles = double.start_many(double.bind(n) for n in range(12))
    assert [each.result() for each in handles] == [n * 2 for n in range(12)]
    assert engine.runtime.reserved == [0, 0]


# -- within workflows ----------------------------------------------------------------------------------------


def test_children_of_a_def_workflow_go_in_together(engine: Stepwell, starts: Starts) -> None:
    @workflow(name="parent", replace=True)
    def parent() -> list[int]:
        return [each.result() for each in double.start_many([double.bind(n) for n in range(10)])]

    starts.sizes.clear()
    assert parent.options(id="p")() == [n * 2 for n in range(10)]
    assert starts.sizes[0] == 1, "the parent's own start"
    assert sorted(starts.sizes[1:]) == [2, 4, 4]
    kinds = [each.kind for each in engine.handle("p").steps()]
    assert kinds == ["start"] * 10 + ["result"] * 10
    assert {each.parent_id for each in engine.find(name=double.definition.name)} == {"p"}


def test_a_replay_meets_the_children_that_were_started(engine: Stepwell, starts: Starts) -> None:
    exits = Exits(1)

    @step
    def leave() -> None:
        exits()

    @workflow(name="parent", replace=True)
    def parent() -> list[str]:
        handles = double.start_many([double.bind(n) for n in range(6)])
        leave()
        return [each.id for each in handles] if sum(each.result() for each in handles) == 30 else []

    assert len(set(parent.options(id="p").start().result())) == 6
    assert engine.count(name=double.definition.name) == 6
    assert sum(starts.sizes) == 7, "what is recorded is not sent again"


def test_a_child_that_is_refused_is_recorded_and_the_others_start(engine: Stepwell) -> None:
    @workflow(name="parent", replace=True)
    def parent() -> str:
        try:
            double.start_many([double.bind(1), double.bind(lambda: None), double.bind(3)])
        except NotSerializable:
            return "refused"
        return "started"

    assert parent.options(id="p")() == "refused"
    assert [each.ended for each in engine.handle("p").steps()] == ["ok", "error", "ok"]
    eventually(lambda: engine.count(name=double.definition.name, status="SUCCESS") == 2)


async def test_children_of_an_async_workflow(lab: Lab) -> None:
    @workflow(name="parent_async", replace=True)
    async def parent() -> list[int]:
        handles = await double_async.start_many([double_async.bind(n) for n in range(6)])
        return [await each.result() for each in handles]

    async with lab.engine():
        assert await parent() == [n * 2 for n in range(6)]


def test_from_a_step_they_are_runs_of_their_own(engine: Stepwell) -> None:
    @step
    def fan_out() -> list[str]:
        return [each.id for each in double.start_many([double.bind(n) for n in range(3)])]

    @workflow(name="parent", replace=True)
    def parent() -> list[str]:
        return fan_out()

    assert [engine.handle(each).status().parent_id for each in parent()] == [None] * 3
