"""Streams: in order, without a gap, each value once; they end with their run."""

import asyncio
import itertools
from typing import Any

import pytest

import stepwell
from stepwell import (
    InvalidArgument,
    Stepwell,
    StreamClosed,
    UnreadablePayload,
    WorkflowNotFound,
    close_stream,
    read_stream,
    step,
    workflow,
    write_stream,
)
from tests.engine.kit import Exits, Gate, Lab


@workflow
def writer(count: int, closes: bool) -> None:
    for n in range(count):
        write_stream("s", n)
    if closes:
        close_stream("s")


@workflow
async def writer_async(count: int, closes: bool) -> None:
    for n in range(count):
        await stepwell.aio.write_stream("s", n)
    if closes:
        await stepwell.aio.close_stream("s")


@workflow
def reader(of: str, start: int) -> list[int]:
    return list(read_stream(of, "s", type=int, start=start))


@workflow
async def reader_async(of: str, start: int) -> list[int]:
    return [n async for n in stepwell.aio.read_stream(of, "s", type=int, start=start)]


WRITERS = pytest.mark.parametrize("writing", [writer, writer_async.sync], ids=["def", "async"])
READERS = pytest.mark.parametrize("reading", [reader, reader_async.sync], ids=["def", "async"])


@WRITERS
@pytest.mark.parametrize("closes", [True, False])
def test_outside(engine: Stepwell, writing: Any, closes: bool) -> None:
    handle = writing.options(id="w").start(10, closes)
    assert list(handle.read_stream("s", type=int)) == list(range(10))
    assert list(read_stream("w", "s", start=7)) == [7, 8, 9]
    assert list(engine.read_stream("w", "s", start=10)) == []
    assert list(engine.read_stream("w", "nothing")) == []


@WRITERS
@READERS
@pytest.mark.parametrize("start", [0, 3])
def test_from_a_workflow(engine: Stepwell, writing: Any, reading: Any, start: int) -> None:
    first = writing.options(id="w").start(60, True)
    got = reading.start("w", start)
    assert got.result(timeout=20) == list(range(start, 60))
    assert {each.kind for each in got.steps()} == {"read_stream"}
    again = reading.start("w", start)
    assert again.result(timeout=10) == list(range(start, 60))
    assert len(again.steps()) <= 4, "what is there is recorded many values at once"
    first.result(timeout=10)


async def test_outside_awaited(engine: Stepwell) -> None:
    handle = await writer_async.options(id="w").start(5, True)
    assert [n async for n in handle.read_stream("s", type=int)] == list(range(5))
    assert [n async for n in stepwell.aio.read_stream("w", "s", start=4)] == [4]
    assert [n async for n in engine.aio.read_stream("w", "s", start=4)] == [4]
    with pytest.raises(WorkflowNotFound):
        await anext(stepwell.aio.read_stream("nobody", "s"))


@READERS
def test_a_value_is_there_before_the_next_is_written(engine: Stepwell, reading: Any) -> None:
    gate = Gate()

    @step
    def hold() -> None:
        gate.hold()

    @workflow(name="slow", replace=True)
    def slow() -> None:
        write_stream("s", 1)
        hold()
        write_stream("s", 2)

    handle = slow.options(id="w").start()
    waiting = reading.start("w", 0)
    values = handle.read_stream("s")
    assert next(values) == 1
    gate.open()
    assert list(values) == [2]
    assert waiting.result(timeout=10) == [1, 2]


def test_a_replay_reads_the_same(engine: Stepwell) -> None:
    exits = Exits(2)

    @step
    def leave() -> None:
        exits()

    @workflow(name="half", replace=True)
    def half() -> list[Any]:
        values = read_stream("w", "s")
        some = list(itertools.islice(values, 2))
        leave()
        return some + list(values)

    writer.options(id="w").start(5, True).result(timeout=10)
    assert half.start().result(timeout=10) == [0, 1, 2, 3, 4]


@WRITERS
def test_after_the_end(engine: Stepwell, writing: Any) -> None:
    @workflow(name="after", replace=True)
    def after() -> str:
        close_stream("s")
        close_stream("s")
        with pytest.raises(StreamClosed, match="closed"):
            write_stream("s", 1)
        return "closed"

    handle = after.start()
    assert handle.result(timeout=10) == "closed"
    assert list(handle.read_stream("s")) == []
    assert [each.ended for each in handle.steps()] == ["ok", "ok", "error"]


def test_values_of_every_kind(engine: Stepwell) -> None:
    values = [None, {"a": [1]}, (1, 2), {3}, b"x", "nul \0", "\ud800", float("inf")]

    @workflow(name="kinds", replace=True)
    def kinds() -> None:
        for value in values:
            write_stream("s", value)

    @workflow(name="kinds_again", replace=True)
    async def kinds_again() -> list[Any]:
        return [value async for value in stepwell.aio.read_stream("k", "s")]

    handle = kinds.options(id="k").start()
    assert list(handle.read_stream("s")) == values
    assert kinds_again.sync() == values
    with pytest.raises(UnreadablePayload):
        list(handle.read_stream("s", type=int))


@pytest.mark.parametrize("bad", [-1, 1.5, "0", True, 2**40])
def test_bad_starts(engine: Stepwell, bad: Any) -> None:
    with pytest.raises(InvalidArgument, match="start"):
        read_stream("w", "s", start=bad)


def test_large_values_make_several_records(engine: Stepwell) -> None:
    @workflow(name="large", replace=True)
    def large() -> None:
        for _ in range(5):
            write_stream("s", "x" * 600_000)

    large.options(id="w").start().result(timeout=10)

    @workflow(name="reads", replace=True)
    def reads() -> int:
        return sum(len(value) for value in read_stream("w", "s"))

    handle = reads.start()
    assert handle.result(timeout=10) == 3_000_000
    assert len(handle.steps()) >= 5


def test_several_writers_and_readers(engine: Stepwell) -> None:
    """Numbers are dense whoever writes: no reader sees a gap, and all see the same."""

    @step
    async def pours(n: int) -> None:
        for m in range(10):
            await stepwell.aio.write_stream("s", [n, m])

    @workflow(name="pouring", replace=True)
    async def pouring() -> None:
        await asyncio.gather(*(pours(n) for n in range(5)))

    handle = pouring.sync.options(id="p").start()
    first = list(handle.read_stream("s"))
    assert sorted(first) == [[n, m] for n in range(5) for m in range(10)]
    assert list(handle.read_stream("s")) == first
    for n in range(5):
        assert [m for k, m in first if k == n] == list(range(10))


def test_between_two_engines(lab: Lab) -> None:
    first, second = lab.launch(), lab.launch("second")
    with first.use():
        writer.options(id="w").start(20, False)
    assert list(second.read_stream("w", "s")) == list(range(20))
