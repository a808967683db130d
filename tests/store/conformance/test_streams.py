"""Streams: dense numbers, written under the fence, read by everybody without a gap."""

import asyncio

import pytest

from stepwell.model.messaging import Published, StreamEntry, StreamWrite
from tests.store.conformance.kit import START, World, draw, finish, step
from tests.store.conformance.talk import entries, entry, published, values

WRITTEN, LOST, CLOSED = Published.WRITTEN, Published.LOST, Published.CLOSED


async def test_entries_come_back_as_they_were_written(world: World) -> None:
    run = await world.begin()
    write = StreamWrite(run.run_id, 1, "0", 0, "log", '{"b":1,"a":2}', codec_id="zip")
    assert await published(world, write, entry(run, None)) == [WRITTEN, WRITTEN]
    assert await entries(world, run) == [
        StreamEntry(0, '{"b":1,"a":2}', "zip", START),
        StreamEntry(1, None, None, START),
    ]


async def test_numbers_are_dense_in_each_stream(world: World) -> None:
    one, two = await world.begin(), await world.begin()
    await published(world, entry(one, "1"), entry(two, "1"), entry(one, "1", "other"), entry(one, "2"))
    await published(world, entry(one, "3"), entry(two, "2"), entry(one, "4"))
    assert [(e.number, e.value) for e in await entries(world, one)] == [(0, "1"), (1, "2"), (2, "3"), (3, "4")]
    assert await values(world, two) == ["1", "2"]
    assert await values(world, one, "other") == ["1"]


async def test_reading_starts_anywhere_and_is_bounded(world: World) -> None:
    run, other = await world.begin(), await world.begin()
    await published(world, *(entry(run, str(n)) for n in range(10)), entry(other, "x"))
    wanted = [(run.run_id, "log", 7), (other.run_id, "log", 0), (run.run_id, "log", 2), (draw(), "log", 0)]
    found = await world.store.streams([*wanted, (run.run_id, "log", 10)], 4)
    assert [[e.value for e in one] for one in found] == [["7", "8", "9"], ["x"], ["2", "3", "4", "5"], [], []]
    assert await world.store.streams([], 4) == []
    assert await world.store.streams(wanted[:1], 0) == [[]]


async def test_a_place_appends_once_and_a_step_each_time(world: World) -> None:
    run = await world.begin()
    for _ in range(2):
        verdicts = await published(world, entry(run, "place", seq=0), entry(run, "step"), entry(run, "place", seq=0))
        assert verdicts == [WRITTEN] * 3
    assert await values(world, run) == ["place", "step", "step"]
    await world.release(run)
    again = await world.claim_one()
    assert await published(world, entry(again, "place", seq=0), entry(again, "next", seq=1)) == [WRITTEN] * 2
    assert await values(world, run) == ["place", "step", "step", "next"]


async def test_nothing_follows_a_closing_entry(world: World) -> None:
    run = await world.begin()
    assert await published(world, entry(run, "1", seq=0), entry(run, None, seq=1), entry(run, "2", seq=2)) == [
        WRITTEN,
        WRITTEN,
        CLOSED,
    ]
    assert await published(world, entry(run, "3", seq=3), entry(run, None)) == [CLOSED, CLOSED]
    assert await values(world, run) == ["1", None]
    assert await published(world, entry(run, "x", "other", seq=3)) == [WRITTEN]


async def test_what_was_written_before_the_end_is_written_although_it_is_closed(world: World) -> None:
    """A lost answer: the same call again, after the stream has been closed."""
    run = await world.begin()
    batch = [entry(run, "1", seq=0), entry(run, None, seq=1)]
    assert await published(world, *batch) == [WRITTEN, WRITTEN]
    assert await published(world, *batch) == [WRITTEN, WRITTEN]
    assert await published(world, entry(run, "late", seq=2)) == [CLOSED]
    assert await published(world, entry(run, "late", seq=2)) == [CLOSED], "its place has written nothing"
    assert await values(world, run) == ["1", None]


async def test_a_batch_with_zombies_leaves_no_gap(world: World) -> None:
    run, other = await world.begin(), await world.begin()
    await published(world, entry(run, "1"))
    await world.release(run)
    owner = await world.claim_one()
    verdicts = await published(world, entry(run, "old"), entry(owner, "2"), entry(other, "x"), entry(run, None))
    assert verdicts == [LOST, WRITTEN, WRITTEN, LOST]
    await published(world, entry(owner, "3"))
    assert [(e.number, e.value) for e in await entries(world, owner)] == [(0, "1"), (1, "2"), (2, "3")]


async def test_writers_at_once_leave_neither_gaps_nor_duplicates(world: World) -> None:
    stores = [world.store, await world.another(), await world.another()]
    runs = [await world.begin() for _ in range(3)]
    written = 0
    for round_number in range(8):
        calls = []
        for who, store in enumerate(stores):
            order = runs if who % 2 else list(reversed(runs))
            writes = [entry(run, f"{round_number}-{who}-{n}") for n in range(4) for run in order]
            calls.append(published(world, *writes, store=store))
        answers = await asyncio.gather(*calls)
        written += sum(verdict is WRITTEN for answer in answers for verdict in answer)
    found = [await entries(world, run) for run in runs]
    for stream in found:
        assert [e.number for e in stream] == list(range(len(stream)))
        assert len({e.value for e in stream}) == len(stream)
        for who in range(3):
            mine = [e.value for e in stream if str(e.value).split("-")[1] == str(who)]
            assert mine == sorted(mine, key=lambda v: [int(part) for part in str(v).split("-")]), "in their order"
    assert sum(map(len, found)) == written == 8 * 3 * 4 * 3


async def test_a_reader_never_sees_a_gap(world: World) -> None:
    writer, run = await world.another(), await world.begin()
    done = asyncio.Event()

    async def writes() -> None:
        for n in range(20):
            await published(world, *(entry(run, f"{n}.{k}") for k in range(5)), store=writer)
        done.set()

    async def reads() -> None:
        seen: list[int] = []
        while not done.is_set():
            seen += [e.number for e in await entries(world, run, start=len(seen))]
            assert seen == list(range(len(seen)))
            assert len(seen) % 5 == 0, "a call's entries are there together"
            await asyncio.sleep(0)

    await asyncio.gather(writes(), reads())


@pytest.mark.parametrize("how", ["rewind", "resume"])
async def test_what_readers_have_seen_stays_and_what_runs_again_appends(world: World, how: str) -> None:
    run = await world.begin()
    await published(world, entry(run, "a", seq=0), entry(run, "b", seq=1), entry(run, "c", seq=3))
    cancel = step(run, 2, kind="cancel", ended="cancelled", output=None)
    await world.written(step(run, 0), step(run, 1), cancel, step(run, 3), finish(run, "CANCELLED"))
    if how == "rewind":
        assert await world.store.rewind(run.run_id, "0", 1)
    else:
        assert await world.store.resume(run.run_id)
    again = await world.claim_one()
    await published(world, entry(again, "A", seq=0), entry(again, "B", seq=1), entry(again, "C", seq=3))
    assert await values(world, run) == (["a", "b", "c", "B", "C"] if how == "rewind" else ["a", "b", "c", "C"])
