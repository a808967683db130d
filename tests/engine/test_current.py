"""`current()`: what running code may know about its run and step."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from stepwell import InvalidArgument, NotInWorkflow, Retry, Stepwell, current, current_or_none, step, workflow
from tests.engine.kit import Exits, Lab, eventually


@step
def look(tag: str) -> dict[str, Any]:
    here = current()
    return {"id": here.id, "run_id": str(here.run_id), "step": here.step, "attempt": here.attempt}


@step
async def look_async(tag: str) -> dict[str, Any]:
    await asyncio.sleep(0)
    return look(tag)


@workflow
def looking() -> list[dict[str, Any]]:
    assert current().step is None
    assert current().attempt == 1
    return [look("a"), look_async.sync("b"), look.submit("c").result()]


@workflow
async def looking_async() -> list[dict[str, Any]]:
    assert current().step is None
    return [await look.aio("a"), *await asyncio.gather(look_async("b"), look_async("c"))]


@pytest.mark.parametrize("call", [looking, looking_async.sync], ids=["def", "async"])
def test_it_knows_run_and_step(engine: Stepwell, call: Any) -> None:
    found = call.options(id="x")()
    run_id = str(engine.handle("x").run_id)
    assert {(each["id"], each["run_id"], each["attempt"]) for each in found} == {("x", run_id, 1)}
    assert {each["step"] for each in found} <= {"look", "look_async"}


def test_outside_there_is_none(engine: Stepwell) -> None:
    assert current_or_none() is None
    with pytest.raises(NotInWorkflow):
        current()


def test_the_idempotency_key_is_stable_across_attempts_and_takeovers(engine: Stepwell) -> None:
    keys: list[str] = []
    exits = Exits(2)

    @step(retry=Retry(3, first=0.001))
    def pay(n: int) -> None:
        keys.append(current().idempotency_key)
        assert current().attempt <= 4
        if len(keys) == 1:
            raise ConnectionError
        exits()

    @workflow(name="paying", replace=True)
    def paying() -> None:
        pay(1)
        pay(2)

    paying.start().result()
    assert len(keys) == 5
    assert len(set(keys[:4])) == 1
    assert keys[4] != keys[0]
    assert {UUID(each).version for each in keys} == {5}


def test_other_runs_have_other_keys(engine: Stepwell) -> None:
    keys: list[str] = []

    @step
    def pay() -> None:
        keys.append(current().idempotency_key)

    @workflow(name="paying", replace=True)
    def paying() -> None:
        pay()

    paying()
    paying()
    assert len(set(keys)) == 2


def test_only_a_step_has_a_key(engine: Stepwell) -> None:
    @workflow(name="keyless", replace=True)
    def keyless() -> None:
        with pytest.raises(NotInWorkflow, match="step"):
            _ = current().idempotency_key

    keyless()


def test_the_fence_rises_with_every_execution(engine: Stepwell) -> None:
    fences: list[int] = []
    exits = Exits(3)

    @step
    def fenced() -> None:
        fences.append(current().fence)
        exits()

    @workflow(name="fencing", replace=True)
    def fencing() -> None:
        fenced()

    fencing.start().result()
    assert len(fences) == 4
    assert fences == sorted(set(fences))


def test_the_attempt_counts_failed_ones(engine: Stepwell) -> None:
    attempts: list[int] = []

    @step(retry=Retry(3, first=0.001))
    async def failing() -> None:
        attempts.append(current().attempt)
        if len(attempts) < 3:
            raise ConnectionError

    @workflow(name="attempts", replace=True)
    async def workflow_() -> None:
        await failing()

    workflow_.sync()
    assert attempts == [1, 2, 3]


def test_deadline_and_cancelled(engine: Stepwell) -> None:
    @workflow(name="deadline", replace=True)
    def deadline() -> datetime | None:
        assert current().cancelled is False
        assert current().scheduled_at is None
        return current().deadline

    assert deadline() is None
    due = datetime(2099, 1, 1, tzinfo=UTC)
    assert deadline.options(deadline=due)() == due
    soon = deadline.options(timeout=60)()
    assert soon is not None
    assert timedelta(seconds=30) < soon - datetime.now(UTC) <= timedelta(seconds=61)


@pytest.mark.parametrize("with_id", [True, False])
def test_attributes_are_searchable_and_can_be_updated(engine: Stepwell, with_id: bool) -> None:
    @workflow(name="attributes", replace=True)
    def attributes() -> dict[str, Any]:
        here = current()
        here.update_attributes(stage="paid", customer=None, cents=5)
        return here.attributes

    bound = attributes.options(attributes={"customer": "ada", "region": "eu"})
    expected = {"region": "eu", "stage": "paid", "cents": 5}
    assert (bound.options(id="a") if with_id else bound)() == expected
    [found] = eventually(lambda: engine.find(attributes={"stage": "paid"}).items)
    assert found.attributes == expected
    assert engine.find(attributes={"customer": "ada"}).items == []


def test_attributes_must_be_json(engine: Stepwell) -> None:
    @workflow(name="attributes", replace=True)
    def attributes() -> None:
        for bad in (object(), float("nan")):
            with pytest.raises(InvalidArgument, match="attributes"):
                current().update_attributes(bad=bad)

    attributes()
    with pytest.raises(InvalidArgument, match="attributes"):
        attributes.options(attributes={"bad": object()}).start()
    with pytest.raises(InvalidArgument, match="attributes"):
        attributes.options(attributes={1: 2})  # type: ignore[dict-item]


def test_the_logger_knows_the_run(engine: Stepwell, caplog: pytest.LogCaptureFixture) -> None:
    @step
    def logging_step() -> None:
        current().logger.info("in the step")

    @workflow(name="logged", replace=True)
    def logged() -> None:
        logging_step()

    with caplog.at_level(logging.INFO):
        logged.options(id="l")()
    [record] = [each for each in caplog.records if each.message == "in the step"]
    assert (record.workflow_id, record.step) == ("l", "logging_step")  # type: ignore[attr-defined]


def test_reading_the_id_commits_the_start(lab: Lab) -> None:
    """What user code may have told others must be found by them."""
    found: list[str] = []

    @step
    def tell() -> None:
        found.append(engine.handle(current().id).status().status)

    @workflow(name="telling", replace=True)
    def telling() -> None:
        tell()

    with lab.engine() as engine:
        telling()
    assert found == ["PENDING"]
