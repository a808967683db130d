"""What becomes free is taken at once, and nothing is asked for again and again: these engines look once a minute."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from stepwell import Client, Queue, Rate, Settings, Stepwell, sleep, step, workflow
from stepwell.model.rows import NewRun, Taken
from stepwell.model.status import Status
from tests.engine.kit import Gate, Lab, eventually, reaches

DEAF: dict[str, Any] = {"poll_interval": 60.0, "sweep_interval": 60.0, "lease": 180.0, "drain": 0.5}
gates: dict[str, Gate] = {}


@step
async def stand(name: str) -> str:
    await gates[name].hold_async()
    return name


@step
def stand_in_thread(name: str) -> str:
    gates[name].hold()
    return name


@workflow(name="wakeup_held")
async def held(name: str) -> str:
    return await stand(name)


@workflow(name="wakeup_quick")
async def quick(number: int) -> int:
    return number


@workflow(name="wakeup_thread")
def in_thread(number: int) -> int:
    return number


@workflow(name="wakeup_parks")
def parks(name: str) -> str:
    stand_in_thread(name)
    sleep(3600)
    return name


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with Client(database_url, settings=Settings(poll_interval=60.0)) as client:
        yield client


class Claims:
    """The store of an engine: counts its claims, and may hold up an answer."""

    def __init__(self, engine: Stepwell) -> None:
        self._store = engine.runtime.store
        self.number = 0
        self.after: Callable[[Taken], Awaitable[None]] | None = None
        engine.runtime.store = self  # it has all verbs, by __getattr__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def claim(self, *args: Any) -> Taken:
        self.number += 1
        taken = await self._store.claim(*args)
        if self.after is not None:
            await self.after(taken)
        return taken

    def within(self, seconds: float) -> int:
        """How many there are in so many seconds from now."""
        before = self.number
        time.sleep(seconds)
        return self.number - before


def test_a_place_that_becomes_free_while_a_claim_is_on_its_way(lab: Lab, client: Client) -> None:
    """The claim has found the queue full, and its answer comes after the end that made it untrue."""
    client.queues.create(Queue("narrow", concurrency=1))
    engine = lab.launch(**DEAF, notify=False)
    claims = Claims(engine)
    gates.update({name: Gate() for name in "ab"})
    first = held.sync.options(engine=engine, queue="narrow").start("a")
    gates["a"].reached.wait()

    async def free_the_place(taken: Taken) -> None:
        if taken.held and engine.runtime.executions:
            gates["a"].open()
            while engine.runtime.executions:
                await asyncio.sleep(0.005)
            for _ in range(20):
                await asyncio.sleep(0.005)  # all that follows the end

    claims.after = free_the_place
    second = held.sync.options(engine=engine, queue="narrow").start("b")
    assert first.result(timeout=10) == "a"
    gates["b"].reached.wait()
    gates["b"].open()
    assert second.result(timeout=10) == "b"


def test_a_run_that_cannot_be_executed_gives_its_place_back(lab: Lab, client: Client) -> None:
    client.queues.create(Queue("narrow", concurrency=1, paused=True))
    engine = lab.launch(**DEAF)
    good = quick.sync.options(engine=client, queue="narrow").start(1)
    runtime = engine.runtime
    bad = NewRun(
        run_id=runtime.env.uuid7(),
        workflow_id="unreadable",
        name="wakeup_quick",
        route="wakeup_quick||",
        status=Status.ENQUEUED,
        owner=None,
        input='{"args":["no number"]}',
        input_digest="d",
        queue="narrow",
        priority=-1,
    )
    asyncio.run_coroutine_threadsafe(runtime.store.start([bad]), runtime.loop).result(10)
    client.queues.resume("narrow")
    assert good.result(timeout=10) == 1
    assert reaches(client.handle("unreadable"), "BLOCKED") == "BLOCKED"


def test_the_place_of_a_run_that_parks_is_taken_elsewhere(lab: Lab, client: Client) -> None:
    """By another app: its process has found the queue full."""
    client.queues.create(Queue("narrow", concurrency=1))
    gates["park"] = Gate()
    lab.launch(**DEAF, park_after=0.2)
    claims = Claims(lab.launch("other", **DEAF))  # the runs of one app are not claimed by another
    parked = parks.options(engine=client, queue="narrow").start("park")
    gates["park"].reached.wait()
    with Client(lab.url, name="other", settings=Settings(poll_interval=60.0)) as other:
        waiting = quick.sync.options(engine=other, queue="narrow").start(1)
        eventually(lambda: claims.number > 0)
        gates["park"].open()
        assert waiting.result(timeout=10) == 1
    assert reaches(parked, "WAITING") == "WAITING"


def test_a_single_thread_serves_a_limited_queue_and_others_in_turn(lab: Lab, client: Client) -> None:
    """Beside many free places for async runs, of which none waits."""
    client.queues.create(Queue("long", concurrency=1000))
    runs = [in_thread.options(engine=client, queue="long").start(number) for number in range(12)]
    direct = in_thread.options(engine=client, queue="plain").start(99)
    engine = lab.launch(**DEAF, max_threads=1)
    for run in (*runs, direct):
        run.result(timeout=20)
    ended = {run.id: run.status().completed_at for run in (*runs, direct)}
    order = sorted(range(13), key=lambda number: ended[(*runs, direct)[number].id] or datetime.max)
    assert order.index(12) < 8, order
    assert engine.health() is not None


@pytest.mark.parametrize(
    "queue",
    [
        Queue("q", concurrency=1),
        Queue("q", worker_concurrency=1),
        Queue("q", rate=Rate(1, per=3600)),
        Queue("q", partition_concurrency=1),
        Queue("q", partition_rate=Rate(1, per=3600)),
        Queue("q", concurrency=1, rate=Rate(1, per=3600), partition_concurrency=1),
    ],
    ids=str,
)
def test_nobody_claims_while_nothing_can_start(lab: Lab, client: Client, queue: Queue) -> None:
    client.queues.create(queue)
    gates["first"] = Gate()
    fn = held.sync.options(engine=client, queue="q", partition="p")
    first = fn.start("first")
    claims = [Claims(lab.launch(**DEAF)) for _ in range(2)]
    gates["first"].reached.wait()
    if queue.worker_concurrency is not None:
        gates["second"] = Gate()
        fn.start("second")
        gates["second"].reached.wait()
    for _ in range(3):
        fn.start("never")
    time.sleep(0.3)
    assert sum(each.within(1.0) for each in claims) <= 2
    for gate in gates.values():
        gate.open()
    assert first.result(timeout=10) == "first"
