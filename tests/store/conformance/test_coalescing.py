"""Starts that become one, when several processes say them at once, and when their answers are lost."""

import asyncio
import json
from typing import Any

import pytest

from stepwell.model.rows import NewRun
from tests.store.conformance.kit import World
from tests.store.conformance.queue_kit import take_all

MOST_BYTES = 1_000_000


def item_run(world: World, item: Any, **fields: Any) -> NewRun:
    words = {"status": "ENQUEUED", "queue": "mail", "dedup_key": "k", "delay": 60.0, **fields}
    return world.new(input=f'{{"args":[[{json.dumps(item)}]]}}', **words)


async def items_of(world: World, *runs: Any) -> list[Any]:
    """What the batches hold, in the order of the runs."""
    rows = [await world.row(run) for run in dict.fromkeys(runs)]
    return [item for row in rows for item in json.loads(row.input or "")["args"][0]]


async def test_no_item_is_lost_or_doubled_however_many_add_at_once(world: World) -> None:
    stores = [world.store, await world.another(), await world.another()]

    async def add(number: int) -> Any:
        store = stores[number % 3]
        started = await store.add_to_batch(item_run(world, number), str(number), 7, MOST_BYTES)
        return started.run_id

    runs = await asyncio.gather(*(add(number) for number in range(60)))
    assert sorted(await items_of(world, *runs)) == list(range(60))
    for run in set(runs):
        assert len(await items_of(world, run)) <= 7


async def test_items_meet_runs_that_are_claimed_meanwhile(world: World) -> None:
    """None is added to a run that a process has in hand."""
    store, taken = await world.another(), {}

    async def claims() -> None:
        for _ in range(60):
            for run in await take_all(world):
                taken[run.run_id] = json.loads(run.input)["args"][0]
            await asyncio.sleep(0)

    async def add(number: int) -> None:
        await store.add_to_batch(item_run(world, number, delay=0.0), str(number), 7, MOST_BYTES)

    async def adds() -> None:
        for number in range(60):
            await add(number)

    await asyncio.gather(claims(), adds())
    for run in await take_all(world):
        taken[run.run_id] = json.loads(run.input)["args"][0]
    assert sorted(item for items in taken.values() for item in items) == list(range(60))


async def test_the_last_input_of_a_debounced_run_is_one_that_was_given(world: World) -> None:
    """Whoever claims it meanwhile: each input is that of its run, or a later one is."""
    other, claimed = await world.another(), []

    async def say(number: int) -> Any:
        store = (world.store, other)[number % 2]
        run = world.new(status="ENQUEUED", queue="mail", dedup_key="k", delay=0.0, input=f'{{"args":[{number}]}}')
        return (await store.debounce(run, None)).run_id

    last = None
    for number in range(30):
        last = await say(number)
        if number % 7 == 6:
            claimed += await take_all(world)
    claimed += await take_all(world)
    (ended,) = [run for run in claimed if run.run_id == last]
    assert ended.input == '{"args":[29]}'
    assert len({run.run_id for run in claimed}) == len(claimed) == 5


async def test_of_those_that_supersede_each_other_at_once_one_is_left(world: World) -> None:
    stores = [world.store, await world.another(), await world.another()]

    async def start(number: int) -> Any:
        run = world.new(status="ENQUEUED", queue="mail", dedup_key="k")
        return (await stores[number % 3].supersede(run)).run_id

    runs = await asyncio.gather(*(start(number) for number in range(30)))
    assert len(set(runs)) == 30
    assert sorted([await world.status(run) for run in runs]) == ["CANCELLED"] * 29 + ["ENQUEUED"]


# -- an answer was lost: the same start is made again --------------------------------------------------------------


async def test_an_item_of_a_start_that_was_not_answered_is_there_once(world: World) -> None:
    run = item_run(world, "a")
    first = await world.store.add_to_batch(run, '"a"', 7, MOST_BYTES)
    again = await world.store.add_to_batch(run, '"a"', 7, MOST_BYTES)
    assert first.run_id == again.run_id == run.run_id
    assert await items_of(world, run.run_id) == ["a"]
    assert (again.created, again.deduplicated) == (True, False)


async def test_a_batch_that_has_begun_since_is_answered_too(world: World) -> None:
    run = item_run(world, "a", delay=0.0)
    await world.store.add_to_batch(run, '"a"', 7, MOST_BYTES)
    (claimed,) = await take_all(world)
    later = await world.store.add_to_batch(item_run(world, "b"), '"b"', 7, MOST_BYTES)
    again = await world.store.add_to_batch(run, '"a"', 7, MOST_BYTES)
    assert again.run_id == claimed.run_id
    assert await items_of(world, run.run_id, later.run_id) == ["a", "b"]
    assert (await world.row(later.run_id)).status == "ENQUEUED"


async def test_a_start_that_was_superseded_since_does_not_supersede_again(world: World) -> None:
    first, second = [world.new(status="ENQUEUED", queue="mail", dedup_key="k") for _ in range(2)]
    await world.store.supersede(first)
    await world.store.supersede(second)
    again = await world.store.supersede(first)
    assert again.run_id == first.run_id
    assert [await world.status(run.run_id) for run in (first, second)] == ["CANCELLED", "ENQUEUED"]


async def test_an_input_that_was_debounced_since_does_not_come_back(world: World) -> None:
    words: dict[str, Any] = {"status": "ENQUEUED", "queue": "mail", "dedup_key": "k", "delay": 0.0}
    first, second = world.new(input='{"args":[1]}', **words), world.new(input='{"args":[2]}', **words)
    await world.store.debounce(first, None)
    assert len(await take_all(world)) == 1
    await world.store.debounce(second, None)
    again = await world.store.debounce(first, None)
    assert again.run_id == first.run_id
    (run,) = await take_all(world)
    assert (run.run_id, run.input) == (second.run_id, '{"args":[2]}')


@pytest.mark.parametrize("size", [2, 3])
async def test_a_full_batch_may_start_at_once(world: World, size: int) -> None:
    for number in range(size):
        await world.store.add_to_batch(item_run(world, number), str(number), size, MOST_BYTES)
    assert len(await take_all(world)) == 1
