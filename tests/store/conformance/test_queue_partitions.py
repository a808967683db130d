"""Partitions of a queue: limits of each, and turns among them."""

import pytest

from stepwell.model.queues import Rate
from stepwell.model.rows import Claimed
from tests.store.conformance.kit import ROUTE, World, draw
from tests.store.conformance.queue_kit import ids, limited, put, take, take_all


async def put_in(world: World, partition: str | None, number: int = 1, **fields: object) -> dict[object, str]:
    """Runs that wait in a partition: their ids, and its name."""
    return dict.fromkeys(await put(world, number, partition_key=partition, **fields), partition or "")


def partitions(runs: list[Claimed], where: dict[object, str]) -> list[str]:
    return [where[run.run_id] for run in runs]


async def test_each_partition_has_its_own_concurrency(world: World) -> None:
    await limited(world, partition_concurrency=2)
    where = await put_in(world, "a", 5) | await put_in(world, "b", 5) | await put_in(world, "c", 1)
    runs = await take_all(world)
    assert sorted(partitions(runs, where)) == ["a", "a", "b", "b", "c"]
    taken = await take(world, by=draw())
    assert (taken.runs, taken.again, taken.held) == ([], False, True)
    ended = next(run for run in runs if where[run.run_id] == "b")
    await world.end(ended)
    assert partitions(await take_all(world), where) == ["b"]


async def test_the_limits_of_queue_and_partitions_hold_at_once(world: World) -> None:
    await limited(world, concurrency=5, worker_concurrency=4, partition_concurrency=2)
    for name in "abcd":
        await put_in(world, name, 5)
    assert [len(await take_all(world, by=draw())) for _ in range(3)] == [4, 1, 0]


async def test_each_partition_has_its_own_rate(world: World) -> None:
    await limited(world, partition_rate=Rate(2, per=10))
    where = await put_in(world, "a", 5) | await put_in(world, "b", 1)
    assert sorted(partitions(await take_all(world), where)) == ["a", "a", "b"]
    where |= await put_in(world, "b", 5)
    await world.clock.advance(4)
    assert partitions(await take_all(world), where) == ["b"]
    taken = await take(world)
    assert (taken.runs, taken.held, taken.opens_in) == ([], True, 6.0)
    await world.clock.advance(6)
    assert sorted(partitions(await take_all(world), where)) == ["a", "a", "b"]


async def test_a_rate_of_the_queue_and_of_its_partitions(world: World) -> None:
    await limited(world, rate=Rate(3, per=20), partition_rate=Rate(2, per=10))
    where = await put_in(world, "a", 5) | await put_in(world, "b", 5)
    assert sorted(partitions(await take_all(world), where)) in (["a", "a", "b"], ["a", "b", "b"])
    assert (await take(world)).opens_in == 20.0


async def test_what_a_shut_partition_resumes_passes_its_rate(world: World) -> None:
    await limited(world, partition_rate=Rate(1, per=10))
    await put_in(world, "a", 3)
    (run,) = await take_all(world)
    await world.release(run)
    (again,) = await take_all(world)
    assert again.run_id == run.run_id


async def test_what_is_resumed_counts_in_its_partition(world: World) -> None:
    await limited(world, partition_concurrency=1)
    await put_in(world, "a", 3)
    (run,) = await take_all(world)
    await world.release(run)
    (again,) = await take_all(world)
    assert again.run_id == run.run_id
    assert await take_all(world) == []


async def test_many_that_go_on_in_a_full_partition_hold_no_other_back(world: World) -> None:
    """They have been parked, one after the other, and are all awake now."""
    await limited(world, partition_concurrency=1)
    await put_in(world, "a", 6)
    parked = []
    for _ in range(6):
        (run,) = await take_all(world)
        await world.park(run)
        parked.append(run.run_id)
    await world.clock.advance(1)
    where = await put_in(world, "b")
    (other,) = await take_all(world)
    await world.clock.advance(1)
    await world.release(other)
    await world.store.request_cancel(parked, "enough", force=False, children=False)
    runs = await take_all(world, 2)
    assert len(runs) == 2
    assert [run.run_id for run in runs if run.run_id in where] == [other.run_id]


async def test_partitions_of_a_queue_that_nobody_declared_are_served_in_turn(world: World) -> None:
    where = await put_in(world, "hot", 50)
    await world.clock.advance(1)
    where |= await put_in(world, "b", 2) | await put_in(world, "c", 2)
    first = partitions((await take(world, 6)).runs, where)
    assert sorted(first) == ["b", "b", "c", "c", "hot", "hot"]


async def test_one_slot_goes_around(world: World) -> None:
    """Also when each claim has room for a single run, and a process comes anew each time."""
    await limited(world, concurrency=1)
    where = await put_in(world, "hot", 50)
    await world.clock.advance(1)
    for name in "bcd":
        where |= await put_in(world, name, 3)
    served = []
    for _ in range(12):
        (run,) = await take_all(world, by=draw())
        served.append(where[run.run_id])
        await world.end(run)
    assert [sorted(served[i : i + 4]) for i in (0, 4, 8)] == [["b", "c", "d", "hot"]] * 3


async def test_a_new_partition_has_its_turn_at_once(world: World) -> None:
    await limited(world, concurrency=1)
    where = await put_in(world, "hot", 50)
    (run,) = await take_all(world)
    where |= await put_in(world, "young")
    await world.end(run)
    (run,) = await take_all(world)
    assert where[run.run_id] == "young"


async def test_thousands_of_rows_of_one_partition_do_not_hide_others(world: World) -> None:
    await limited(world, concurrency=4)
    where = await put_in(world, "hot", 3000)
    where |= await put_in(world, "zoe") | await put_in(world, "amy")
    assert {"amy", "zoe"} <= set(partitions(await take_all(world), where))


async def test_many_full_partitions_do_not_hide_others(world: World) -> None:
    await limited(world, partition_concurrency=1)
    for number in range(150):
        await put_in(world, f"p{number:03}", 2)
    assert len(await take_all(world)) == 150
    where = await put_in(world, "q")
    assert partitions(await take_all(world), where) == ["q"]


async def test_runs_without_a_partition_take_their_turn_as_one(world: World) -> None:
    await limited(world, concurrency=1)
    where = await put_in(world, "a", 4) | await put_in(world, None, 4)
    served = []
    for _ in range(8):
        (run,) = await take_all(world)
        served.append(where[run.run_id])
        await world.end(run)
    assert [sorted(served[i : i + 2]) for i in (0, 2, 4, 6)] == [["", "a"]] * 4


async def test_the_limits_of_partitions_are_not_for_runs_without_one(world: World) -> None:
    await limited(world, partition_concurrency=1, partition_rate=Rate(1, per=60))
    where = await put_in(world, None, 3) | await put_in(world, "a", 3)
    assert sorted(partitions(await take_all(world), where)) == ["", "", "", "a"]


async def test_runs_of_an_undeclared_queue_without_a_partition_are_not_taken_twice(world: World) -> None:
    where = await put_in(world, None, 5) | await put_in(world, "a", 5)
    runs = await take_all(world, 20)
    assert sorted(partitions(runs, where)) == [""] * 5 + ["a"] * 5


async def test_within_a_partition_priority_and_age_decide(world: World) -> None:
    await limited(world, concurrency=100)
    (late,) = await put_in(world, "a", priority=1)
    (first,) = await put_in(world, "a")
    await world.clock.advance(1)
    (second,) = await put_in(world, "a")
    order = []
    while runs := await take_all(world, 1):
        order += ids(runs)
    assert order == [first, second, late]


async def test_without_fairness_priority_and_age_decide_alone(world: World) -> None:
    await limited(world, concurrency=1, fair=False)
    expected: list[object] = []
    for name in "caab":
        expected += await put_in(world, name)
        await world.clock.advance(1)
    urgent = list(await put_in(world, "d", priority=-10))
    served: list[object] = []
    while runs := await take_all(world):
        served += ids(runs)
        await world.end(runs[0])
    assert served == urgent + expected


async def test_without_fairness_full_partitions_are_stepped_over(world: World) -> None:
    await limited(world, partition_concurrency=1, fair=False)
    where = await put_in(world, "hot", 20)
    await world.clock.advance(1)
    where |= await put_in(world, "b", 2)
    assert sorted(partitions(await take_all(world), where)) == ["b", "hot"]


async def test_free_places_that_few_partitions_leave_go_to_a_hot_one(world: World) -> None:
    await limited(world, concurrency=10)
    where = await put_in(world, "hot", 50) | await put_in(world, "b")
    assert sorted(partitions(await take_all(world), where)) == ["b"] + ["hot"] * 9


async def test_partitions_of_routes_that_nobody_here_serves_have_no_turn(world: World) -> None:
    await limited(world, concurrency=1)
    await put_in(world, "a", 5, route="other||")
    where = await put_in(world, "b", 2)
    for _ in range(2):
        (run,) = await take_all(world)
        assert where[run.run_id] == "b"
        await world.end(run)
    assert not (await take(world)).held


async def test_a_partition_of_several_routes_is_one(world: World) -> None:
    await limited(world, partition_concurrency=1)
    await put_in(world, "a", 2)
    await put_in(world, "a", 2, route="other||")
    assert len(await take_all(world, routes=[ROUTE, "other||"])) == 1
    assert await take_all(world, routes=["other||"], by=draw()) == []


async def test_a_process_with_a_single_slot_reaches_all_partitions(world: World) -> None:
    where: dict[object, str] = {}
    for name in "abcde":
        where |= await put_in(world, name, 2)
    first: list[str] = []
    while len(first) < 5:
        first += partitions((await take(world, 1)).runs, where)
    assert sorted(first) == list("abcde")


@pytest.mark.parametrize("name", ["", "\u00e9\u00e9 \U0001f600", "a" * 255, "it's", "a/b:c"])
async def test_a_partition_may_have_any_name(world: World, name: str) -> None:
    await limited(world, partition_concurrency=1)
    await put_in(world, name or "0", 2)
    assert len(await take_all(world)) == 1
