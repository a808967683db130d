"""What is recorded of results and failures, and what comes back of them: live, in a replay, in another engine."""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from stepwell import (
    NotSerializable,
    PayloadTooLarge,
    Stepwell,
    WorkflowFailed,
    step,
    workflow,
)
from tests.engine.kit import Exits, Lab

ran: list[str] = []
exits: list[Exits] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()
    exits[:] = [Exits(0)]


@step
def leave() -> None:
    exits[0]()


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Order:
    id: UUID
    price: Decimal
    when: datetime
    colours: set[Colour]


ORDER = Order(UUID(int=7), Decimal("1.10"), datetime(2030, 1, 1, tzinfo=UTC), {Colour.RED})


class Declined(Exception):
    def __init__(self, reason: str, *, code: int) -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code


# -- values --------------------------------------------------------------------------------------------------


@step
def make() -> Order:
    ran.append("make")
    return ORDER


@workflow
def ordering() -> Order:
    made = make()
    leave()
    assert made == ORDER
    assert type(made) is Order
    return made


def test_a_value_comes_back_as_its_annotation_says(lab: Lab) -> None:
    exits[0].left = 1
    with lab.engine():
        handle = ordering.options(id="o").start()
        assert handle.result() == ORDER
    with lab.engine("other"):
        assert ordering.handle("o").result() == ORDER
    assert ran == ["make"]


@pytest.mark.parametrize("value", [None, 0, "", [], False, float("inf"), b"\x00", "nul\0 ü \U0001f600", 2**70])
def test_plain_values(engine: Stepwell, value: Any) -> None:
    @step
    def give() -> Any:
        ran.append("give")
        return value

    @workflow(name="plain", replace=True)
    def plain() -> Any:
        given = give()
        leave()
        assert given == value
        return given

    exits[0].left = 1
    assert plain.start().result() == value
    assert ran == ["give"]


# -- step results that cannot be recorded --------------------------------------------------------------------


@pytest.mark.parametrize("colour", ["def", "async"])
def test_a_result_that_json_cannot_carry_is_the_steps_failure(engine: Stepwell, colour: str) -> None:
    class Lock:
        pass

    @step
    def unspeakable() -> Any:
        ran.append("body")
        return {"items": [1, 2, {"lock": Lock()}]}

    @workflow(name="unspeakable", replace=True)
    def flow() -> str:
        try:
            unspeakable()
        except NotSerializable as error:
            leave()
            return error.path
        return "recorded"

    @workflow(name="unspeakable_async", replace=True)
    async def flow_async() -> str:
        try:
            await unspeakable.aio()
        except NotSerializable as error:
            await leave.aio()
            return error.path
        return "recorded"

    exits[0].left = 2
    handle = (flow if colour == "def" else flow_async.sync).start()
    path = handle.result()
    assert path.startswith("result")
    assert "items" in path
    assert "[2]" in path
    assert "lock" in path
    assert ran == ["body"]
    assert [each.ended for each in handle.steps()] == ["error", "ok"]


def test_a_result_over_the_cap_is_the_steps_failure(lab: Lab) -> None:
    @step(retry=3)
    def huge() -> str:
        ran.append("body")
        return "x" * 5000

    @workflow(name="huge", replace=True)
    def flow() -> str:
        try:
            huge()
        except PayloadTooLarge as error:
            leave()
            return str(error)
        return "recorded"

    exits[0].left = 2
    with lab.engine(payload_cap=1000):
        assert "1000" in flow.start().result().replace(",", "")
    assert ran == ["body"]


@pytest.mark.parametrize("colour", ["def", "async"])
def test_a_workflows_own_result_too(engine: Stepwell, colour: str) -> None:
    @workflow(name="unspeakable", replace=True)
    def flow() -> Any:
        return object()

    @workflow(name="unspeakable_async", replace=True)
    async def flow_async() -> Any:
        return object()

    call: Any = flow if colour == "def" else flow_async.sync
    with pytest.raises(NotSerializable, match="object"):
        call.options(id="u")()
    assert engine.handle("u").status().status == "ERROR"
    with pytest.raises(NotSerializable):
        call.handle("u").result()


# -- failures ------------------------------------------------------------------------------------------------


@step
def decline() -> None:
    ran.append("decline")
    raise Declined("no money", code=51)


@workflow
def declining() -> str:
    try:
        decline()
    except Declined as error:
        leave()
        return f"{error.reason} {error.code} {error!s}"
    return "never"


@workflow
def declined() -> None:
    decline()


def test_a_failure_keeps_its_type_through_a_replay(engine: Stepwell) -> None:
    exits[0].left = 2
    assert declining.start().result() == "no money 51 no money"
    assert ran == ["decline"]


def test_a_failure_keeps_its_type_in_another_engine(lab: Lab) -> None:
    with lab.engine(), pytest.raises(Declined):
        declined.options(id="d")()
    with lab.engine("other") as other, pytest.raises(Declined, match="no money") as caught:
        other.handle("d").result()
    error = caught.value
    assert (error.reason, error.code) == ("no money", 51)
    recorded = error.__cause__
    assert isinstance(recorded, WorkflowFailed)
    assert recorded.type_name.endswith("Declined")
    assert recorded.message == "no money"
    assert "decline()" in recorded.traceback_text


def test_a_type_that_is_not_imported_is_a_workflow_failed(lab: Lab) -> None:
    def local() -> type[Exception]:
        class Vanished(Exception):
            pass

        return Vanished

    kind = local()

    @workflow(name="vanishing", replace=True)
    def vanishing() -> None:
        raise kind("gone")

    with lab.engine(), pytest.raises(kind):
        vanishing.options(id="v")()
    with lab.engine("other") as other, pytest.raises(WorkflowFailed, match="gone") as caught:
        other.handle("v").result()
    assert "Vanished" in caught.value.type_name


def test_builtin_failures_and_groups(engine: Stepwell) -> None:
    @workflow(name="group", replace=True)
    def group() -> None:
        raise ExceptionGroup("several", [ValueError("one"), KeyError("two")])

    with pytest.raises(ExceptionGroup) as caught:
        group.start().result()
    assert [type(each) for each in caught.value.exceptions] == [ValueError, KeyError]


def test_a_failure_that_cannot_be_described_is_recorded_all_the_same(engine: Stepwell) -> None:
    class Awful(Exception):
        def __str__(self) -> str:
            raise RuntimeError("not even this")

    @step
    def awful() -> None:
        ran.append("awful")
        raise Awful(object())

    @workflow(name="awful", replace=True)
    def flow() -> str:
        try:
            awful()
        except Exception as error:
            leave()
            return type(error).__name__
        return "never"

    exits[0].left = 1
    assert flow.start().result() in ("Awful", "WorkflowFailed")
    assert ran == ["awful"]


def test_payloads_are_not_in_logs(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    @workflow(name="secretive", replace=True)
    def secretive(card: str) -> str:
        leave()
        return card

    exits[0].left = 1
    with caplog.at_level(0), lab.engine():
        assert secretive.start("4111-1111").result() == "4111-1111"
    assert "4111" not in caplog.text
