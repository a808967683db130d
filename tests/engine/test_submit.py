"""`step.submit` and `step.map`: steps of a `def` workflow on worker threads, however few there are."""

import asyncio
import threading

import pytest

from stepwell import Stepwell, gather, step, workflow
from tests.engine.kit import Exits, Lab, names


@step
def square(n: int) -> int:
    if n < 0:
        raise ValueError(f"{n} is negative")
    return n * n


@workflow
def squares(n: int) -> list[int]:
    return square.map(range(n))


def test_map_keeps_the_order(engine: Stepwell) -> None:
    assert squares.options(id="s")(20) == [n * n for n in range(20)]
    assert names(engine.handle("s")) == ["square"] * 20


async def test_an_async_map_keeps_the_order(lab: Lab) -> None:
    @step
    async def square_async(n: int) -> int:
        await asyncio.sleep(0.001 * (5 - n))
        return n * n

    @workflow(name="squares_async", replace=True)
    async def squares_async() -> list[int]:
        return [*await square_async.map(range(5)), *await square.aio.map(range(5))]

    async with lab.engine():
        assert await squares_async() == [n * n for n in range(5)] * 2


def test_submitted_steps_run_at_the_same_time(engine: Stepwell) -> None:
    together = threading.Barrier(3)

    @step
    def meet() -> int:
        return together.wait(10)

    @workflow(name="meeting", replace=True)
    def meeting() -> list[int]:
        return sorted(gather(meet.submit(), meet.submit(), meet.submit()))

    assert meeting() == [0, 1, 2]


def test_a_failure_is_raised_at_its_place(engine: Stepwell) -> None:
    @workflow(name="failing", replace=True)
    def failing() -> str:
        futures = [square.submit(n) for n in (1, -2, 3)]
        assert futures[0].result() == 1
        with pytest.raises(ValueError, match="-2 is negative"):
            futures[1].result()
        with pytest.raises(ValueError, match="-2 is negative"):
            gather(*futures)
        return str(futures[2].result())

    assert failing() == "9"


@pytest.mark.parametrize("size", [1, 2])
def test_a_pool_full_of_waiting_workflows_does_not_deadlock(lab: Lab, size: int) -> None:
    with lab.engine(max_threads=size):
        handles = [squares.start(4) for _ in range(5)]
        assert [each.result(timeout=15) for each in handles] == [[0, 1, 4, 9]] * 5


def test_a_pool_full_of_parents_does_not_deadlock(lab: Lab) -> None:
    @workflow(name="parent", replace=True)
    def parent(n: int) -> int:
        handle = squares.start(n)
        return sum(handle.result()) + sum(squares(n))

    with lab.engine(max_threads=1, park_after=0.05):
        handles = [parent.start(3) for _ in range(3)]
        assert [each.result(timeout=15) for each in handles] == [10] * 3


def test_an_async_workflow_uses_a_full_pool(lab: Lab) -> None:
    @workflow(name="many", replace=True)
    async def many(n: int) -> int:
        return sum(await square.aio.map(range(n))) + sum(await squares.aio(n))

    with lab.engine(max_threads=1):
        handles = [many.sync.start(3) for _ in range(3)]
        assert [each.result(timeout=15) for each in handles] == [10] * 3


def test_a_replay_runs_none_of_them_again(engine: Stepwell) -> None:
    exits = Exits(3)
    ran: list[int] = []

    @step
    def noted(n: int) -> int:
        ran.append(n)
        return n

    @step
    def leave() -> None:
        exits()

    @workflow(name="replayed", replace=True)
    def replayed() -> list[int]:
        found = noted.map(range(10))
        leave()
        return found

    assert replayed.start().result() == list(range(10))
    assert sorted(ran) == list(range(10))


def test_futures_in_any_order_of_results(engine: Stepwell) -> None:
    @workflow(name="backwards", replace=True)
    def backwards() -> list[int]:
        futures = [square.submit(n) for n in range(6)]
        return [each.result() for each in reversed(futures)]

    assert backwards() == [25, 16, 9, 4, 1, 0]
