"""A process whose runs send and receive; it can be told to die between a receipt and its checkpoint."""

import sys
import threading
from typing import Any

import stepwell
from stepwell import Stepwell, recv, workflow
from stepwell.model.rows import Batch
from stepwell.store.api import Store
from stepwell.testing.store_proxy import gated
from tests.faults.kit import child
from tests.faults.kit.child import obey, role, say


@workflow
def receives(count: int) -> list[Any]:
    """On a thread."""
    return [recv("t") for _ in range(count)]


@workflow
async def receives_async(count: int) -> list[Any]:
    """On the loop."""
    return [await stepwell.aio.recv("t") for _ in range(count)]


@workflow
async def echoes(to: str, count: int) -> None:
    """What it receives it sends on."""
    for _ in range(count):
        await stepwell.aio.send(to, await stepwell.aio.recv("t"), "t")


class _Doomed:
    """Says that a receive is about to be recorded, and is never heard of again."""

    async def around(self, verb: str, call: Any) -> Any:
        return await call()

    def around_beat(self, call: Any) -> Any:
        return call()


class _BeforeCheckpoint(_Doomed):
    def __init__(self, store: Store) -> None:
        self.store = store

    def wrapped(self) -> Store:
        commit = self.store.commit

        async def never(batch: Batch) -> Any:
            if any(each.consumes for each in batch.checkpoints):
                say("received")
                threading.Event().wait()
            return await commit(batch)

        self.store.commit = never  # type: ignore[method-assign]
        return gated(self.store, self)


class Doomed(child.Announcing):
    """An engine that does not get past a receipt."""

    def _open_store(self) -> Store:
        return _BeforeCheckpoint(super()._open_store()).wrapped()


def start(flow: str, run: str, *arguments: Any) -> None:
    """Start it here."""
    engine.start({"def": receives, "async": receives_async.sync}[flow].options(id=run), *arguments)


if role() == "doomed":
    child.Announcing = Doomed  # type: ignore[misc]
engine: Stepwell = child.make_engine()

if __name__ == "__main__":
    sys.modules.setdefault("tests.faults.apps.talking", sys.modules["__main__"])
    obey(engine, start=start)
