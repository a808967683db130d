"""`now`, `uuid4`, `random`, `patched` and `run_step`: what a run has seen once it sees again."""

import asyncio
import functools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

import stepwell
from stepwell import Retry, StepTimeout, Stepwell, step, workflow
from tests.engine.kit import Exits, Gate, Lab, names, reaches


@pytest.fixture
def seen() -> list[Any]:
    return []


def test_a_replay_sees_the_same_values(engine: Stepwell, seen: list[Any]) -> None:
    exits = Exits(2)

    @step
    def leave() -> None:
        exits()

    @workflow(name="values", replace=True)
    def values() -> None:
        drawn = [stepwell.now(), stepwell.uuid4(), stepwell.random(), stepwell.uuid4(), stepwell.now()]
        seen.append(drawn)
        leave()

    handle = values.start()
    handle.result()
    assert len(seen) == 3
    assert seen[0] == seen[1] == seen[2]
    assert names(handle) == ["now", "uuid4", "random", "uuid4", "now", "leave"]


def test_an_async_replay_sees_the_same_values_in_each_branch(engine: Stepwell, seen: list[Any]) -> None:
    exits = Exits(2)

    @step
    async def leave() -> None:
        exits()

    async def branch() -> list[Any]:
        return [stepwell.uuid4(), stepwell.random(), stepwell.now()]

    @workflow(name="values", replace=True)
    async def values() -> None:
        seen.append([await branch(), *await asyncio.gather(branch(), branch()), await branch()])
        await leave()

    values.sync.start().result()
    assert len(seen) == 3
    assert seen[0] == seen[1] == seen[2]


def test_they_are_what_their_names_say(engine: Stepwell) -> None:
    @workflow(name="values", replace=True)
    def values() -> list[Any]:
        before = stepwell.now()
        drawn = [stepwell.uuid4() for _ in range(20)]
        rolled = [stepwell.random() for _ in range(20)]
        assert before.utcoffset() == timedelta(0)
        assert abs(before - datetime.now(UTC)) < timedelta(minutes=1)
        assert before <= stepwell.now()
        assert len(set(drawn)) == 20
        assert all(each.version == 4 for each in drawn)
        assert len(set(rolled)) > 1
        assert all(0 <= each < 1 for each in rolled)
        return [str(each) for each in drawn]

    assert len(values()) == 20
    assert isinstance(uuid.UUID(values()[0]), uuid.UUID)


# -- patched -------------------------------------------------------------------------------------------------


@step
def old_way() -> str:
    return "old"


@step
def new_way() -> str:
    return "new"


def test_a_new_run_goes_the_new_way_and_says_so_again(engine: Stepwell, seen: list[Any]) -> None:
    exits = Exits(2)

    @step
    def leave() -> None:
        exits()

    @workflow(name="patchy", replace=True)
    def patchy() -> list[str]:
        answers = []
        for _ in range(2):
            answers.append(new_way() if stepwell.patched("v2") else old_way())
            leave()
        seen.append(stepwell.patched("v2"))
        return answers

    assert patchy.start().result() == ["new", "new"]
    assert seen == [True]


def test_a_run_from_before_the_patch_goes_the_old_way(lab: Lab) -> None:
    gate = Gate()

    @step
    async def hold() -> None:
        await gate.hold_async()

    @workflow(name="patchy", replace=True)
    async def before() -> list[str]:
        first = await old_way.aio()
        await hold()
        return [first]

    with lab.engine() as first:
        before.sync.options(id="p").start()
        gate.reached.wait()
        first.close(drain=0)

    @workflow(name="patchy", replace=True)
    async def after() -> list[str]:
        first = await (new_way.aio() if stepwell.patched("v2") else old_way.aio())
        await hold()
        second = await (new_way.aio() if stepwell.patched("v2") else old_way.aio())
        third = await (new_way.aio() if stepwell.patched("v3") else old_way.aio())
        return [first, second, third]

    gate.open()
    with lab.engine() as second:
        assert second.handle("p").result() == ["old", "old", "new"]
        assert after.sync() == ["new", "new", "new"]


# -- run_step ------------------------------------------------------------------------------------------------


def test_a_step_from_any_callable(engine: Stepwell, seen: list[Any]) -> None:
    exits = Exits(2)

    @workflow(name="inline", replace=True)
    def inline(n: int) -> int:
        doubled = stepwell.run_step(lambda: seen.append(n) or 2 * n, name="double")
        stepwell.run_step(exits, name="leave")
        return doubled

    handle = inline.start(21)
    assert handle.result() == 42
    assert seen == [21]
    assert names(handle) == ["double", "leave"]


def test_an_async_step_from_any_callable(engine: Stepwell, seen: list[Any]) -> None:
    @workflow(name="inline", replace=True)
    async def inline(n: int) -> int:
        async def double() -> int:
            return 2 * n

        both = await asyncio.gather(
            stepwell.aio.run_step(double, name="one"), stepwell.aio.run_step(double, name="two")
        )
        return sum(both)

    handle = inline.sync.start(21)
    assert handle.result() == 84
    assert sorted(names(handle)) == ["one", "two"]


class Doubler:
    def __init__(self, n: int) -> None:
        self.n = n

    def __call__(self) -> int:
        return 2 * self.n

    def double(self) -> int:
        return 2 * self.n

    async def double_async(self) -> int:
        return 2 * self.n


def test_any_callable_will_do(engine: Stepwell) -> None:
    it = Doubler(21)

    @workflow(name="inline", replace=True)
    def inline() -> list[int]:
        bodies: list[Any] = [it, it.double, functools.partial(max, 42, 1)]
        return [stepwell.run_step(each, name="double") for each in bodies]

    @workflow(name="inline_async", replace=True)
    async def inline_async() -> list[int]:
        bodies: list[Any] = [it.double_async, lambda: it.double_async(), functools.partial(it.double_async), it]
        return [await stepwell.aio.run_step(each, name="double") for each in bodies]

    assert inline() == [42] * 3
    assert inline_async.sync() == [42] * 4
    with pytest.raises(TypeError, match="call"):
        stepwell.run_step(42, name="no callable")  # type: ignore[arg-type]


def test_a_result_is_read_back_by_the_callables_annotation(engine: Stepwell) -> None:
    exits = Exits(1)

    class Made(NamedTuple):
        n: int

    def make() -> Made:
        return Made(42)

    @workflow(name="inline", replace=True)
    def inline() -> bool:
        made = stepwell.run_step(make, name="make")
        stepwell.run_step(exits, name="leave")
        return type(made) is Made

    assert inline.start().result() is True


def test_it_takes_retries_and_a_timeout(engine: Stepwell, seen: list[Any]) -> None:
    def flaky() -> str:
        seen.append(1)
        if len(seen) < 3:
            raise ConnectionError
        return "at last"

    async def endless() -> None:
        await asyncio.Event().wait()

    @workflow(name="inline", replace=True)
    def inline() -> str:
        return stepwell.run_step(flaky, name="flaky", retry=Retry(5, first=0.001))

    @workflow(name="inline_async", replace=True)
    async def inline_async() -> None:
        with pytest.raises(StepTimeout, match="endless"):
            await stepwell.aio.run_step(endless, name="endless", timeout=0.02)

    handle = inline.start()
    assert handle.result() == "at last"
    assert [each.attempts for each in handle.steps()] == [3]
    inline_async.sync()


def test_a_recorded_draw_is_no_other_draw(lab: Lab) -> None:
    """A replay that draws something else at that place has other code."""
    gate = Gate()

    @step
    async def hold() -> None:
        await gate.hold_async()

    @workflow(name="drawing", replace=True)
    async def before() -> None:
        stepwell.uuid4()
        await hold()

    with lab.engine() as first:
        before.sync.options(id="d").start()
        gate.reached.wait()
        first.close(drain=0)

    @workflow(name="drawing", replace=True)
    async def after() -> None:
        stepwell.random()
        await hold()

    gate.open()
    with lab.engine() as second:
        handle = second.handle("d")
        reaches(handle, "BLOCKED")
        assert "uuid4" in (handle.status().reason or "")
