"""More names and partitions than one claim looks at: none is hidden by those that nobody here may take."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from uuid import UUID

import pytest

from stepwell.model.queues import Queue
from stepwell.model.rows import Claimed
from tests.store.conformance.kit import ROUTE, World
from tests.store.conformance.queue_kit import NAME, ids, limited, put, runs_of, take, take_all

OTHER = "other||"
#: More than one claim looks at.
MANY = 1100
PARTITIONS = 3000
#: Its name comes last.
LAST = "zzz"


async def put_each(world: World, fields: Iterable[Mapping[str, object]]) -> list[UUID]:
    """A run that waits for each of these."""
    runs = [world.new(status="ENQUEUED", **{"queue": NAME, **each}) for each in fields]
    await world.store.start(runs)
    return [run.run_id for run in runs]


def names(number: int) -> list[str]:
    return [f"q{i:05}" for i in range(number)]


async def looks(world: World, queues: Sequence[str] | None = None) -> tuple[list[UUID], int]:
    """The runs of one look, as a process makes it: claims while they say that there may be more; and how many."""
    runs: list[UUID] = []
    for number in range(100):
        taken = await world.store.claim(world.me, [ROUTE], queues, 100, number == 0)
        runs += ids(taken.runs)
        if not taken.again:
            return runs, number + 1
    raise AssertionError("claims say for ever that there may be more")


async def unserved_routes(world: World) -> None:
    await put_each(world, ({"route": f"r{i:05}||"} for i in range(MANY)))


async def unserved_queues(world: World) -> None:
    await put_each(world, ({"queue": name, "route": OTHER} for name in names(MANY)))


async def unserved_partitions(world: World) -> None:
    await put_each(world, ({"queue": name, "route": OTHER, "partition_key": "p"} for name in names(MANY)))


async def paused_queues(world: World) -> None:
    for name in names(MANY):
        await world.store.set_queue(Queue(name, paused=True))
    await put_each(world, ({"queue": name} for name in names(MANY)))


@pytest.mark.parametrize("hide", [unserved_routes, unserved_queues, unserved_partitions, paused_queues])
@pytest.mark.parametrize("hidden", [{}, {"partition_key": "p"}], ids=["no partition", "partition"])
@pytest.mark.parametrize("concurrency", [None, 3])
async def test_what_nobody_here_may_take_hides_nothing(
    world: World, hide: Callable[[World], Awaitable[None]], hidden: dict[str, object], concurrency: int | None
) -> None:
    await hide(world)
    await limited(world, LAST, concurrency=concurrency)
    (late,) = await put_each(world, [{"queue": LAST, **hidden}])
    runs, number = await looks(world)
    assert (runs, number <= 4) == ([late], True)
    assert await looks(world) == ([], 2)


async def test_queues_that_nobody_here_listens_to_hide_nothing(world: World) -> None:
    await put_each(world, ({"queue": name} for name in names(MANY)))
    (late,) = await put_each(world, [{"queue": LAST}])
    assert (await looks(world, queues=[LAST]))[0] == [late]


async def test_each_look_is_at_everything(world: World) -> None:
    """Wherever the one before has ended."""
    await put_each(world, ({"queue": name, "route": OTHER} for name in names(2 * MANY)))
    for where in ("", "a", LAST, "q00500", "q01500", "q02199x", ""):
        (run,) = await put_each(world, [{"queue": where}])
        runs, number = await looks(world)
        assert runs == [run]
        assert number <= 6


async def test_claims_of_different_routes_each_see_everything(world: World) -> None:
    """As a process makes them: one for all routes, then by turns for those that have free slots."""
    await put_each(world, ({"queue": name, "route": "third||"} for name in names(2 * MANY)))
    for where in ("a", LAST, "q00500", "q01500", "a"):
        for route in (ROUTE, OTHER):
            (run,) = await put_each(world, [{"queue": where, "route": route}])
            taken = [await world.store.claim(world.me, [ROUTE, OTHER], None, 10, True)]
            routes = [[ROUTE], [OTHER]] if taken[-1].again else []
            while routes:
                claims = [(each, await world.store.claim(world.me, each, None, 10)) for each in routes]
                taken += [each for _, each in claims]
                routes = [each for each, claim in claims if claim.again]
            assert ids(runs_of(taken)) == [run]


async def test_queues_that_always_have_work_do_not_hide_others(world: World) -> None:
    """Each claim could fill all places from the first thousand names."""
    (late,) = await put_each(world, [{"queue": LAST}])
    await world.clock.advance(1)
    await put_each(world, ({"queue": name} for name in names(MANY)))
    taken = [await take(world, 10) for _ in range(4)]
    assert late in ids(runs_of(taken))


@pytest.mark.parametrize("limit", [1, 3])
async def test_both_kinds_of_queues_have_places_among_all_names(world: World, limit: int) -> None:
    """There, limits: the first and the last; and none. Each would take all places of a claim."""
    await put_each(world, ({"queue": name, "route": OTHER} for name in names(MANY)))
    expected = set()
    for place in ("a", LAST):
        await limited(world, f"{place}-limited", concurrency=1000)
        for kind in ("limited", "free"):
            expected |= {(await put(world, 30, queue=f"{place}-{kind}"))[0]}
    taken = []
    for number in range(16):
        taken.append(await world.store.claim(world.me, [ROUTE], None, limit, number % 2 == 0))
    assert expected <= set(ids(runs_of(taken)))


async def full_partitions(world: World, fair: bool = True) -> dict[str, Claimed]:
    """In each one is executed, and one waits."""
    await limited(world, partition_concurrency=1, fair=fair)
    partitions = [f"p{i % PARTITIONS:05}" for i in range(2 * PARTITIONS)]
    where = dict(zip(await put_each(world, ({"partition_key": p} for p in partitions)), partitions, strict=True))
    running = {where[run.run_id]: run for run in await take_all(world, 1000)}
    assert len(running) == PARTITIONS
    return running


@pytest.mark.parametrize("fair", [True, False])
async def test_a_free_partition_is_found_among_thousands_that_are_full(world: World, fair: bool) -> None:
    running = await full_partitions(world, fair=fair)
    assert (await looks(world))[0] == []
    for partition in ("a", "p00500x", "p01500x", "p02500x", "z", None):
        (free,) = await put_each(world, [{"partition_key": partition}])
        runs, number = await looks(world)
        assert runs == [free]
        assert number <= 10
    for partition in ("p02999", "p00000", "p01500"):
        await world.end(running[partition])
        runs, number = await looks(world)
        assert len(runs) == 1
        assert number <= 10


async def test_a_process_with_a_single_slot_finds_it_too(world: World) -> None:
    await full_partitions(world)
    (free,) = await put_each(world, [{"partition_key": "p02500x"}])
    assert ids(await take_all(world, 1)) == [free]
