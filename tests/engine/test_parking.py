"""Parking: a `def` workflow that waits gives its thread back, and is replayed when the wait ends."""

import threading
from typing import Any

import pytest

import stepwell
from stepwell import Parked, Stepwell, step, workflow
from tests.engine.kit import Exits, Gate, Lab, eventually, reaches

ran: list[str] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()


@pytest.fixture
def engine(lab: Lab) -> Stepwell:
    return lab.launch(park_after=0.02, max_threads=1)


@step
def note(what: str) -> str:
    ran.append(what)
    return what


@workflow
def quick(what: str) -> str:
    return note(what)


def test_the_thread_is_released_and_the_run_goes_on(engine: Stepwell) -> None:
    @workflow(name="parking", replace=True)
    def parking() -> str:
        note("before")
        stepwell.sleep(0.5)
        return note("after")

    handle = parking.options(id="p").start()
    reaches(handle, "WAITING")
    info = handle.status()
    assert info.owner is None
    assert "sleep" in engine.explain("p")
    assert quick.start("meanwhile").result() == "meanwhile"  # on the only thread
    assert handle.result() == "after"
    assert ran == ["before", "meanwhile", "after"]


def test_a_called_workflow_keeps_its_callers_thread(engine: Stepwell) -> None:
    @workflow(name="parking", replace=True)
    def parking() -> int:
        ran.append("body")
        stepwell.sleep(0.1)
        return threading.get_ident()

    assert parking() == threading.get_ident()
    assert ran == ["body"]


def test_waiting_for_another_run_parks_too(engine: Stepwell) -> None:
    gate = Gate()

    @step
    async def hold() -> str:
        await gate.hold_async()
        return "child"

    @workflow(name="child", replace=True)
    async def child() -> str:
        return await hold()

    @workflow(name="parent", replace=True)
    def parent() -> str:
        ran.append("parent")
        handle = child.sync.start()
        return handle.result() + child.sync()

    handle = parent.options(id="p").start()
    reaches(handle, "WAITING")
    assert engine.explain("p").startswith("WAITING")
    assert quick.start("meanwhile").result() == "meanwhile"
    gate.open()
    assert handle.result() == "childchild"
    assert ran.count("parent") >= 2


def test_a_parked_run_is_woken_by_another_process(lab: Lab) -> None:
    @workflow(name="parking", replace=True)
    def parking() -> str:
        stepwell.sleep(0.4)
        return "woken"

    with lab.engine(park_after=0.02) as first:
        reaches(parking.options(id="p").start(), "WAITING")
        first.close(drain=0)
    with lab.engine(park_after=0.02) as second:
        assert second.handle("p").result() == "woken"


def test_finally_blocks_run_and_their_steps_do_not(engine: Stepwell) -> None:
    seen: list[str] = []

    @workflow(name="parking", replace=True)
    def parking() -> str:
        try:
            stepwell.sleep(0.1)
        except BaseException as error:
            seen.append(type(error).__mro__[1].__name__)
            raise
        finally:
            seen.append("finally")
            note("in finally")
        return "done"

    handle = parking.start()
    assert handle.result() == "done"
    assert seen == [Parked.__name__, "finally", "finally"]
    assert ran == ["in finally"]


def test_except_exception_lets_it_by(engine: Stepwell) -> None:
    @workflow(name="parking", replace=True)
    def parking() -> str:
        try:
            stepwell.sleep(0.1)
        except Exception as error:
            ran.append(repr(error))
        return "done"

    assert parking.start().result() == "done"
    assert ran == []


def test_what_a_parked_function_does_or_returns_is_ignored(engine: Stepwell) -> None:
    @workflow(name="stubborn", replace=True)
    def stubborn() -> str:
        try:
            stepwell.sleep(0.3)
        except BaseException:
            with pytest.raises(Parked):
                note("never")
            return "swallowed"
        return "slept"

    handle = stubborn.start()
    reaches(handle, "WAITING")
    assert handle.result() == "slept"
    assert ran == []


def test_a_function_that_swallows_it_again_and_again(engine: Stepwell) -> None:
    @workflow(name="stubborn", replace=True)
    def stubborn() -> int:
        swallowed = 0
        for n in range(60):
            try:
                stepwell.sleep(0.0 if n else 0.1)
            except BaseException:
                swallowed += 1
        return swallowed

    assert stubborn.start().result() == 0


def test_a_function_that_never_stops_swallowing_loses_its_thread(engine: Stepwell) -> None:
    given_up = Gate()

    @workflow(name="hopeless", replace=True)
    def hopeless() -> str:
        while True:
            try:
                stepwell.sleep(0.1)
                return "slept"
            except BaseException:
                if given_up.opened.is_set:
                    raise

    handle = hopeless.start()
    try:
        # On the engine's only thread, were it not replaced.
        assert quick.start("meanwhile").result(timeout=10) == "meanwhile"
        assert handle.result(timeout=10) == "slept"
    finally:
        given_up.open()


def test_recorded_steps_are_not_repeated_by_waking(engine: Stepwell) -> None:
    @workflow(name="often", replace=True)
    def often() -> int:
        for n in range(4):
            note(str(n))
            stepwell.sleep(0.06)
        return len(ran)

    assert often.start().result() == 4
    assert ran == ["0", "1", "2", "3"]


def test_a_retry_that_waits_long_parks(engine: Stepwell) -> None:
    @step(retry=stepwell.Retry(2, first=0.15, jitter=False))
    def flaky() -> str:
        ran.append("try")
        if len(ran) < 3:
            raise ConnectionError
        return "at last"

    @workflow(name="flaky", replace=True)
    def flow() -> str:
        return flaky()

    handle = flow.start()
    reaches(handle, "WAITING")
    assert handle.result() == "at last"
    assert ran == ["try"] * 3


def test_a_parked_run_can_be_cancelled(engine: Stepwell) -> None:
    @workflow(name="parking", replace=True)
    def parking() -> None:
        try:
            stepwell.sleep(3600)
        finally:
            note("cleanup")

    handle = parking.start()
    reaches(handle, "WAITING")
    handle.cancel()
    reaches(handle, "CANCELLED")
    assert ran == ["cleanup"]


def test_submitted_steps_keep_the_run(lab: Lab) -> None:
    """A run parks only when every branch waits."""
    gate = Gate()

    @step
    def hold() -> str:
        gate.hold()
        return "held"

    @workflow(name="busy", replace=True)
    def busy() -> str:
        ran.append("body")
        future: Any = hold.submit()
        stepwell.sleep(0.1)
        gate.open()
        return str(future.result())

    with lab.engine(park_after=0.02, max_threads=4):
        assert busy.start().result() == "held"
    assert ran == ["body"]


def test_parked_and_replayed_in_the_middle_of_a_takeover(engine: Stepwell) -> None:
    exits = Exits(3)

    @step
    def leave() -> None:
        exits()

    @workflow(name="both", replace=True)
    def both() -> str:
        note("one")
        stepwell.sleep(0.05)
        leave()
        stepwell.sleep(0.05)
        return note("two")

    assert both.start().result() == "two"
    assert ran == ["one", "two"]
    eventually(lambda: engine.health()["executing"] == 0)
