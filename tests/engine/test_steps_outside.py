"""A step outside any workflow is a plain call, and says so while an engine runs."""

import asyncio
import threading
import warnings

import pytest

from stepwell import NotDurableWarning, Stepwell, UsageError, step, workflow
from tests.engine.kit import Lab, in_thread


@step
def add(a: int, b: int) -> int:
    return a + b


@step
async def add_async(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


def test_without_an_engine_it_is_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert add(1, 2) == 3
        assert add_async.sync(1, 2) == 3
        assert asyncio.run(add_async(1, 2)) == 3  # type: ignore[arg-type]
        assert add.submit(1, 2).result() == 3
        assert add.map([]) == []


def test_while_an_engine_runs_it_warns(engine: Stepwell) -> None:
    for call in (lambda: add(1, 2), lambda: add_async.sync(1, 2), lambda: add.submit(1, 2).result()):
        with pytest.warns(NotDurableWarning, match=r"add.*submit"):
            assert call() == 3


async def test_awaited_it_warns_too(lab: Lab) -> None:
    async with lab.engine():
        for call in (add_async, add.aio):
            with pytest.warns(NotDurableWarning, match="add"):
                assert await call(1, 2) == 3


def test_once_per_call_site(engine: Stepwell) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            add(1, 2)
        add(1, 2)
    mine = [each for each in caught if each.category is NotDurableWarning]
    assert len(mine) == 2
    assert {each.filename for each in mine} == {__file__}


def test_strictly_it_raises(lab: Lab) -> None:
    with lab.engine(strict_steps=True):
        for call in (lambda: add(1, 2), lambda: add_async.sync(1, 2), lambda: add.submit(1, 2)):
            with pytest.raises(UsageError, match="add"):
                call()
        with pytest.raises(UsageError, match="add_async"):
            add_async(1, 2)


def test_a_thread_made_inside_a_workflow_has_lost_it(engine: Stepwell) -> None:
    found: list[int] = []

    @workflow(name="threading", replace=True)
    def threading_() -> int:
        thread = threading.Thread(target=lambda: found.append(add(1, 2)))
        thread.start()
        thread.join()
        return len(found)

    with pytest.warns(NotDurableWarning, match="submit"):
        assert threading_.options(id="t")() == 1
    assert found == [3]
    assert engine.handle("t").steps() == []


def test_in_a_workflow_nobody_warns(engine: Stepwell) -> None:
    @workflow(name="adding", replace=True)
    def adding() -> int:
        return add(1, 2) + add_async.sync(3, 4)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert in_thread(adding).result() == 10
