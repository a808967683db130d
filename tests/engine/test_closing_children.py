"""Children that end with their parent do so although its process dies, or nobody else would tell them."""

import asyncio
from typing import Any

import pytest

import stepwell
from stepwell import Stepwell, step, workflow
from stepwell.store.api import Store
from tests.engine.kit import Gate, Lab, eventually, reaches

gates: list[Gate] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    gates[:] = [Gate()]


@step
async def hold() -> None:
    await gates[0].hold_async()


@workflow
async def child() -> None:
    await stepwell.aio.sleep(3600)


@workflow
def parent() -> str:
    return child.sync.start().id


@workflow
async def holding_parent() -> None:
    await child.start()
    await hold()


class Watched:
    """A store that counts how often it was asked for children without a parent."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.looked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def children_left(self, *args: Any) -> Any:
        self.looked += 1
        return await self._store.children_left(*args)


class Mute(Watched):
    """A store over which nobody is asked to stop."""

    async def request_cancel(self, *args: Any) -> Any:
        await asyncio.Event().wait()


class Dying(Stepwell):
    """Its process ends between the outcome of a parent and the word to its children."""

    def _open_store(self) -> Any:
        return Mute(super()._open_store())


class Sweeping(Stepwell):
    """One whose sweeps can be counted."""

    def _open_store(self) -> Any:
        return Watched(super()._open_store())


def test_the_sweep_repeats_what_a_dead_process_did_not_say(lab: Lab) -> None:
    with lab.engine(make=Dying) as dying:
        child_id = parent()
        assert dying.handle(child_id).status().status in ("PENDING", "ENQUEUED")
        dying.close(drain=0)
    with lab.engine() as engine:
        assert reaches(engine.handle(child_id), "CANCELLED")
        assert engine.handle(child_id).status().reason == "parent closed"


@pytest.mark.parametrize("force", [False, True], ids=["asked", "forced"])
def test_children_that_were_to_be_left_alone_outlive_a_cancelled_parent(lab: Lab, force: bool) -> None:
    engine = lab.launch(make=Sweeping)
    handle = holding_parent.sync.options(id="p").start()
    gates[0].reached.wait()
    child_id = engine.find(name=child.definition.name).items[0].workflow_id
    engine.cancel("p", force=force, children=False)
    reaches(handle, "CANCELLED")
    store: Any = engine.runtime.store
    looked = store.looked
    eventually(lambda: store.looked > looked + 2)
    assert engine.handle(child_id).status().status == "PENDING"
    engine.cancel(child_id)
    reaches(engine.handle(child_id), "CANCELLED")
