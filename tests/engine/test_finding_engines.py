"""Which engine a call means: asked for, the running workflow's, the one in use, the only one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from stepwell import AmbiguousEngine, NoRunningEngine, Stepwell, UsageError, step, workflow
from tests.engine.kit import Lab, in_thread


@workflow
def inner() -> str:
    return "inner"


@workflow
def outer() -> str:
    return inner()


@workflow
async def outer_async() -> str:
    handle = await inner.aio.start()
    return await inner.aio() + await handle.result()


@pytest.fixture
def two(lab: Lab) -> tuple[Stepwell, Stepwell]:
    return lab.launch("one", namespace="one"), lab.launch("two", namespace="two")


def ran_in(engine: Stepwell) -> int:
    """How many runs this engine has executed: each has a namespace of its own here."""
    return sum(1 for each in engine.find() if each.name.endswith("inner"))


def test_the_only_one_is_found_from_any_thread(engine: Stepwell) -> None:
    assert inner() == in_thread(inner).result() == "inner"
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(inner).result() == "inner"
    assert in_thread(lambda: asyncio.run(outer_async())).result() == "innerinner"  # type: ignore[arg-type]
    assert ran_in(engine) == 5


def test_none_is_running() -> None:
    with pytest.raises(NoRunningEngine, match="with engine"):
        inner.start()
    with pytest.raises(NoRunningEngine):
        asyncio.run(outer_async())  # type: ignore[arg-type]


def test_of_several_none_is_guessed(two: tuple[Stepwell, Stepwell]) -> None:
    calls: list[Callable[[], object]] = [inner, inner.start, lambda: inner.handle("x"), outer_async.sync]
    for call in calls:
        with pytest.raises(AmbiguousEngine, match=r"'one'.*'two'.*options\(engine="):
            call()


def test_asked_for(two: tuple[Stepwell, Stepwell]) -> None:
    one, other = two
    assert inner.options(engine=one)() == "inner"
    assert inner.options(engine=other).start().result() == "inner"
    assert one.start(inner).result() == "inner"
    assert outer_async.sync.options(engine=other)() == "innerinner"
    assert (ran_in(one), ran_in(other)) == (2, 3)


def test_the_running_workflows(two: tuple[Stepwell, Stepwell]) -> None:
    one, other = two
    assert outer.options(engine=one)() == "inner"
    with other.use():
        assert outer.options(engine=one)() == "inner"
    assert (ran_in(one), ran_in(other)) == (2, 0)


def test_a_step_finds_the_engine_of_its_workflow(two: tuple[Stepwell, Stepwell]) -> None:
    one, other = two

    @step
    def starting() -> str:
        return inner.start().result()

    @workflow(name="starter", replace=True)
    def starter() -> str:
        return starting()

    assert starter.options(engine=one)() == "inner"
    assert (ran_in(one), ran_in(other)) == (1, 0)


def test_in_use_innermost_first(two: tuple[Stepwell, Stepwell]) -> None:
    one, other = two
    with one.use():
        inner()
        with other.use() as used:
            assert used is other
            inner()
            inner.options(engine=one)()
        inner()
    assert (ran_in(one), ran_in(other)) == (3, 1)
    with pytest.raises(AmbiguousEngine):
        inner()


def test_in_use_is_for_this_context_only(two: tuple[Stepwell, Stepwell]) -> None:
    one, _ = two
    with one.use(), pytest.raises(AmbiguousEngine):
        in_thread(inner).result()


async def test_in_use_is_inherited_by_tasks_and_to_thread(lab: Lab) -> None:
    async with lab.engine("one", namespace="one") as one, lab.engine("two", namespace="two"):
        with one.use():
            assert await asyncio.create_task(outer_async()) == "innerinner"  # type: ignore[arg-type]
            assert await asyncio.to_thread(inner) == "inner"
        with pytest.raises(AmbiguousEngine):
            await outer_async()
        assert len(await one.aio.find()) == 4


async def test_two_engines_on_one_loop(lab: Lab) -> None:
    async with lab.engine("one", namespace="one") as one:
        async with lab.engine("two", namespace="two") as other:
            results = await asyncio.gather(
                *(outer_async.options(engine=each)() for each in (one, other) for _ in range(5))
            )
            assert results == ["innerinner"] * 10
        assert await outer_async() == "innerinner"
        assert await one.aio.count() == 18  # 6 calls, each with two children


def test_engine_of_nothing(engine: Stepwell) -> None:
    with pytest.raises(UsageError, match="engine="):
        inner.options(engine="one")()


def test_verbs_of_an_engine_that_does_not_run(lab: Lab) -> None:
    engine = lab.engine("sleepy")
    for call in (engine.count, engine.find, lambda: engine.handle("x"), engine.health, lambda: engine.start(inner)):
        with pytest.raises(NoRunningEngine, match="sleepy"):
            call()


def test_two_services_share_a_schema_and_look_at_each_other(lab: Lab) -> None:
    one, other = lab.launch("one"), lab.launch("two")
    one.start(inner.options(id="i")).result()
    assert other.handle("i").result() == "inner"
    assert (one.count(), other.count()) == (1, 1)
