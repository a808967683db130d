"""Page 4: workflows within workflows, and several things at once."""

import asyncio
from typing import Any

import pytest

import stepwell
from stepwell import Stepwell, WorkflowCancelled, step, workflow
from tests.engine.kit import eventually


@step
def pick(sku: str) -> str:
    return f"picked {sku}"


@workflow
def parcel(skus: list[str]) -> list[str]:
    return pick.map(skus)  # on worker threads, results in order


@workflow
def order(parcels: list[list[str]]) -> list[list[str]]:
    handles = [parcel.start(skus) for skus in parcels]  # children: each is started once
    return [each.result() for each in handles]  # and their results are recorded here


def test_a_workflow_calls_and_starts_others(database_url: str) -> None:
    with Stepwell(database_url) as engine:
        assert order.options(id="o")([["a", "b"], ["c"]]) == [["picked a", "picked b"], ["picked c"]]
        assert engine.count() == 3
        children = engine.find(name="tests.guide.test_4_composing:parcel")
        assert {each.parent_id for each in children} == {"o"}


async def test_the_first_of_several(database_url: str) -> None:
    @step
    async def ask(shop: str, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return shop

    @workflow(name="guide:race", replace=True)
    async def race() -> Any:
        return await stepwell.aio.first(ask("slow", 30), ask("quick", 0.01))  # replays pick the same

    async with Stepwell(database_url):
        assert await race() == (1, "quick")


def test_a_run_can_be_cancelled_and_cleans_up(database_url: str) -> None:
    undone: list[str] = []

    @step
    def undo(what: str) -> None:
        undone.append(what)

    @workflow(name="guide:patient", replace=True)
    def patient() -> None:
        try:
            stepwell.sleep(3600)
        finally:
            undo("reservation")  # outside effects in `finally` belong into steps

    with Stepwell(database_url) as engine:
        handle = patient.options(id="p").start()
        eventually(lambda: "sleep" in engine.explain("p"))
        handle.cancel()
        with pytest.raises(WorkflowCancelled):
            handle.result()
    assert undone == ["reservation"]


def test_a_deadline_is_a_cancellation(database_url: str) -> None:
    @workflow(name="guide:late", replace=True)
    def late() -> None:
        stepwell.sleep(3600)

    with Stepwell(database_url), pytest.raises(WorkflowCancelled, match="deadline"):
        late.options(timeout=0.1)()


def test_values_of_the_moment_are_recorded(database_url: str) -> None:
    """Whatever differs from one execution to the next must come from a step, or from these."""

    @workflow(name="guide:moment", replace=True)
    def moment() -> bool:
        return stepwell.now() <= stepwell.now() and stepwell.uuid4() != stepwell.uuid4() and stepwell.random() < 1

    with Stepwell(database_url):
        handle = moment.start()
        assert handle.result() is True
        assert [each.name for each in handle.steps()] == ["now", "now", "uuid4", "uuid4", "random"]
