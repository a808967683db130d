"""debounce, batch and singleton: starts that become one."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from stepwell import (
    Client,
    InvalidArgument,
    Settings,
    Stepwell,
    UsageError,
    WorkflowCancelled,
    sleep,
    step,
    workflow,
)
from stepwell.model.queues import SINGLETONS
from tests.engine.kit import Lab, reaches


@workflow(name="coalesced_one")
def one(number: int) -> int:
    return number


@workflow(name="coalesced_many")
def many(items: list[str]) -> list[str]:
    return items


@workflow(name="coalesced_async")
async def many_async(items: list[int]) -> int:
    return sum(items)


@workflow(name="coalesced_long")
def long(seconds: float) -> float:
    sleep(seconds)
    return seconds


@step
def debounce_in_step(number: int) -> str:
    return one.debounce("in-step", delay=0.05).start(number).id


@workflow(name="coalesced_by_step")
def by_step(number: int) -> str:
    return debounce_in_step(number)


@workflow(name="coalesced_by_workflow")
def by_workflow() -> None:
    one.debounce("k", delay=1).start(1)


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with Client(database_url, settings=Settings(poll_interval=60.0)) as client:
        yield client


def test_the_last_of_several_starts_counts(engine: Stepwell) -> None:
    debounced = one.debounce("k", delay=0.3)
    handles = [debounced.start(number) for number in range(5)]
    assert len({handle.id for handle in handles}) == 1
    assert handles[0].result(timeout=10) == 4


def test_starts_that_go_on_and_on_are_limited(engine: Stepwell) -> None:
    debounced = one.debounce("k", delay=0.4, limit=0.8)
    began = time.monotonic()
    first = debounced.start(0)
    while debounced.start(1).id == first.id:
        assert time.monotonic() - began < 10, "the limit never came"
        time.sleep(0.05)
    assert time.monotonic() - began >= 0.75
    assert first.result(timeout=10) == 1


def test_a_start_after_the_run_has_begun_is_the_next_one(lab: Lab) -> None:
    engine = lab.launch()
    debounced = long.options(engine=engine).debounce("k", delay=0.05)
    first = debounced.start(30.0)
    reaches(first, "PENDING", "WAITING")
    second = debounced.start(0.0)
    assert second.id != first.id
    assert second.result(timeout=10) == 0.0
    first.cancel()


def test_keys_and_workflows_have_nothing_to_do_with_each_other(engine: Stepwell) -> None:
    ids = {
        one.debounce("a", delay=0.1).start(1).id,
        one.debounce("b", delay=0.1).start(1).id,
        long.debounce("a", delay=0.1).start(0.0).id,
        one.singleton("a").start(1).id,
    }
    assert len(ids) == 4


def test_a_batch_is_called_with_all_its_items(lab: Lab, client: Client) -> None:
    """Many callers at once: no item is lost or doubled, no batch is larger than it may be."""
    batch = many.options(engine=client).batch(max_size=7, max_wait=0.3)
    items = [f'"{number}" — ]]}}' for number in range(50)]
    with ThreadPoolExecutor(8) as threads:
        handles = list(threads.map(batch.start, items))
    lab.launch()
    batches = {handle.id: handle.result(timeout=20) for handle in handles}
    assert sorted(item for found in batches.values() for item in found) == sorted(items)
    assert all(len(found) <= 7 for found in batches.values())
    assert len(batches) >= 8
    for item, handle in zip(items, handles, strict=True):
        assert item in batches[handle.id]


def test_a_batch_does_not_wait_when_it_is_full(engine: Stepwell) -> None:
    batch = many.batch(max_size=2, max_wait=600)
    assert batch.start("a").id == (last := batch.start("b")).id
    assert last.result(timeout=10) == ["a", "b"]


def test_a_batch_ends_before_its_input_is_too_large(lab: Lab) -> None:
    engine = lab.launch(payload_cap=1000)
    batch = many.options(engine=engine).batch(max_size=100, max_wait=0.2)
    handles = [batch.start("x" * 400) for _ in range(5)]
    sizes = {handle.id: len(handle.result(timeout=20)) for handle in handles}
    assert sum(sizes.values()) == 5
    assert max(sizes.values()) == 2


def test_both_colours(lab: Lab) -> None:
    engine = lab.launch()

    async def run() -> int:
        batch = many_async.options(engine=engine).batch(max_size=3, max_wait=600)
        handles = [await batch.start(number) for number in (1, 2, 3)]
        debounced = await one.aio.options(engine=engine).debounce("k", delay=0.05).start(5)
        single = await one.aio.options(engine=engine).singleton("k").start(6)
        assert (await debounced.result(timeout=10), await single.result(timeout=10)) == (5, 6)
        return await handles[0].result(timeout=10)

    assert asyncio.run(run()) == 6


def test_another_start_of_a_singleton_is_the_one_that_runs(engine: Stepwell) -> None:
    first = long.singleton("k").start(30.0)
    again = long.singleton("k").start(0.0)
    assert again.id == first.id
    first.cancel()
    with pytest.raises(WorkflowCancelled):
        first.result(timeout=10)
    assert long.singleton("k").start(0.0).result(timeout=10) == 0.0


def test_another_start_takes_the_place_of_a_singleton(engine: Stepwell) -> None:
    first = long.singleton("k", mode="cancel").start(30.0)
    reaches(first, "PENDING", "WAITING")
    second = long.singleton("k", mode="cancel").start(0.0)
    assert second.id != first.id
    assert second.result(timeout=10) == 0.0
    with pytest.raises(WorkflowCancelled, match="superseded"):
        first.result(timeout=10)


def test_starts_of_a_singleton_wait_for_each_other(lab: Lab, client: Client) -> None:
    """Parked, the first one has its place all the same; others have nothing to do with it, nor has a list of queues."""
    picky = lab.engine(park_after=0.05)
    picky._queues = ()
    picky.launch()
    single = long.options(engine=client)
    first = single.singleton("k", mode="queue").start(30.0)
    second = single.singleton("k", mode="queue").start(0.0)
    third = single.singleton("k", mode="queue").start(0.1)
    assert len({first.id, second.id, third.id}) == 3
    assert reaches(first, "WAITING") == "WAITING"
    assert single.singleton("other", mode="queue").start(0.0).result(timeout=10) == 0.0
    assert [handle.status().status for handle in (second, third)] == ["ENQUEUED", "ENQUEUED"]
    assert first.id in client.explain(second.id)
    first.cancel()
    assert third.result(timeout=10) == 0.1
    ended = second.status().completed_at
    began = third.status().started_at
    assert ended is not None
    assert began is not None
    assert ended <= began


def test_what_people_have_set_for_singletons_stays(lab: Lab) -> None:
    """Each process that starts one makes their queue, which may be paused for a reason."""
    first = lab.launch()
    long.options(engine=first).singleton("k", mode="queue").start(0.0).result(timeout=10)
    first.queues.pause(SINGLETONS)
    second = lab.launch("second")
    handle = one.options(engine=second).singleton("k", mode="queue").start(1)
    assert first.queues.get(SINGLETONS).queue.paused
    first.queues.resume(SINGLETONS)
    assert handle.result(timeout=10) == 1


def test_one_of_many_at_once_is_left(lab: Lab, client: Client) -> None:
    single = long.options(engine=client).singleton("k", mode="cancel")
    with ThreadPoolExecutor(8) as threads:
        handles = list(threads.map(lambda _: single.start(0.0), range(16)))
    assert len({handle.id for handle in handles}) == 16
    left = [handle for handle in handles if handle.status().status == "ENQUEUED"]
    assert len(left) == 1
    lab.launch()
    assert left[0].result(timeout=10) == 0.0


def test_a_step_may_start_them(engine: Stepwell) -> None:
    assert one.handle(by_step(7)).result(timeout=10) == 7


def test_a_workflow_may_not(engine: Stepwell) -> None:
    with pytest.raises(UsageError, match="in a step"):
        by_workflow()


@pytest.mark.parametrize("option", [{"id": "x"}, {"dedup": "x"}, {"delay": 3}])
def test_options_that_make_no_sense_are_refused(engine: Stepwell, option: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=next(iter(option))):
        one.options(**option).debounce("k", delay=1).start(1)  # type: ignore[arg-type]


def test_bad_arguments_are_refused_at_once() -> None:
    for wrong in (
        lambda: one.debounce("", delay=1),
        lambda: one.debounce("k", delay=0),
        lambda: one.debounce("k", delay=2, limit=1),
        lambda: many.batch(max_size=0, max_wait=1),
        lambda: many.batch(max_size=1, max_wait=-1),
        lambda: many.batch(max_size=10**9, max_wait=1),
        lambda: one.singleton("k", mode="both"),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidArgument):
            wrong()


def test_a_partition_of_no_queue_is_refused(engine: Stepwell) -> None:
    with pytest.raises(InvalidArgument, match="needs queue="):
        one.options(partition="p").start(1)


def test_a_batch_of_one_waits_for_nobody(engine: Stepwell) -> None:
    began = time.monotonic()
    handles = [many.batch(max_size=1, max_wait=60).start(item) for item in ("a", "b")]
    assert [handle.result(timeout=10) for handle in handles] == [["a"], ["b"]]
    assert time.monotonic() - began < 10
