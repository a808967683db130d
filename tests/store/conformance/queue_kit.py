"""What the tests of queues say things with."""

import itertools
from collections.abc import Sequence
from uuid import UUID

from stepwell.model.queues import Queue
from stepwell.model.rows import Claimed, Taken
from stepwell.store.api import Store
from tests.store.conformance.kit import ROUTE, World

#: The queue of these tests.
NAME = "mail"


async def limited(world: World, name: str = NAME, **settings: object) -> Queue:
    """A queue with these settings."""
    queue = Queue(name).changed(**settings)
    await world.store.set_queue(queue)
    return queue


async def put(world: World, number: int = 1, **fields: object) -> list[UUID]:
    """Runs that wait in the queue `NAME`, unless another is named; their ids grow."""
    runs = [world.new(status="ENQUEUED", **{"queue": NAME, **fields}) for _ in range(number)]
    await world.store.start(runs)
    return [run.run_id for run in runs]


async def take(
    world: World,
    limit: int = 100,
    *,
    by: UUID | None = None,
    store: Store | None = None,
    queues: Sequence[str] | None = None,
    routes: Sequence[str] = (ROUTE,),
) -> Taken:
    """One claim: of all queues, unless some are named."""
    return await (store or world.store).claim(by or world.me, routes, queues, limit)


async def take_all(
    world: World,
    limit: int = 100,
    *,
    by: UUID | None = None,
    store: Store | None = None,
    queues: Sequence[str] | None = None,
    routes: Sequence[str] = (ROUTE,),
) -> list[Claimed]:
    """Claims as long as they bring something, as a process with free slots does."""
    runs: list[Claimed] = []
    for _ in range(1000):
        taken = await take(world, limit, by=by, store=store, queues=queues, routes=routes)
        runs += taken.runs
        if not taken.runs and not taken.again:
            return runs
    raise AssertionError("claims say for ever that there may be more")


def ids(runs: Sequence[Claimed]) -> list[UUID]:
    return [run.run_id for run in runs]


def runs_of(taken: Sequence[Taken]) -> list[Claimed]:
    return list(itertools.chain.from_iterable(each.runs for each in taken))
