"""Code that no longer matches the history: the run is BLOCKED with a reason, and goes on with the right code."""

from collections.abc import Callable
from typing import Any

import pytest

import stepwell
from stepwell import step, workflow
from tests.engine.kit import Gate, Lab, reaches

gates: list[Gate] = []
ran: list[str] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    gates[:] = [Gate()]
    ran.clear()


@step
async def one(n: int) -> str:
    ran.append(f"one {n}")
    return f"one {n}"


@step
async def two(n: int) -> str:
    ran.append(f"two {n}")
    return f"two {n}"


@step
async def hold() -> None:
    await gates[0].hold_async()


def define(body: Callable[[], Any]) -> Any:
    @workflow(name="edited", replace=True)
    async def edited() -> Any:
        return await body()

    return edited


def stranded(lab: Lab, body: Callable[[], Any]) -> None:
    """A run of this code that its process has left in `hold`."""
    with lab.engine() as engine:
        define(body).sync.options(id="e").start()
        gates[0].reached.wait()
        engine.close(drain=0)
    gates[0].open()


async def right() -> list[str]:
    found = [await one(1), await one(2), await two(3)]
    await hold()
    return found


async def another_name() -> list[str]:
    found = [await one(1), await two(2), await two(3)]
    await hold()
    return found


async def swapped() -> list[str]:
    found = [await one(2), await one(1), await two(3)]
    await hold()
    return found


async def inserted() -> list[str]:
    found = [await one(1), await two(9), await one(2), await two(3)]
    await hold()
    return found


async def removed() -> list[str]:
    found = [await one(1), await two(3)]
    await hold()
    return found


async def ended_early() -> list[str]:
    return [await one(1)]


async def failed_early() -> list[str]:
    raise LookupError("other code")


async def recorded_value_first() -> list[str]:
    stepwell.now()
    return await right()


async def stubborn() -> list[str]:
    """Catches what it can; a mismatch is not for user code to handle."""
    found = []
    for n in (2, 1, 3):
        try:
            found.append(await one(n))
        except Exception as error:
            found.append(f"caught {error!r}")
    return found


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "another name": (another_name, "'two' where 'one'"),
    "swapped arguments": (swapped, "another place"),
    "inserted": (inserted, "'two' where 'one'"),
    "removed": (removed, "'two' where 'one'"),
    "ended early": (ended_early, "without calling 'one'"),
    "failed early": (failed_early, "without calling 'one'"),
    "another kind": (recorded_value_first, "'now' where 'one'"),
    "caught": (stubborn, "another place"),
}


@pytest.mark.parametrize("what", WRONG)
def test_other_code_blocks_the_run_and_the_right_code_goes_on(lab: Lab, what: str) -> None:
    body, reason = WRONG[what]
    stranded(lab, right)
    define(body)
    with lab.engine() as engine:
        handle = engine.handle("e")
        reaches(handle, "BLOCKED", "SUCCESS", "ERROR")
        info = handle.status()
        assert (info.status, info.output, info.error) == ("BLOCKED", None, None)
        assert reason in (info.reason or "")
        assert "operation" in (info.reason or "")
        assert engine.explain("e").startswith("BLOCKED")
        assert reason in engine.explain("e")
        assert ran == ["one 1", "one 2", "two 3"]
        define(right)
        assert engine.resume("e").result() == ["one 1", "one 2", "two 3"]
    assert ran == ["one 1", "one 2", "two 3"]


def test_other_code_is_tried_once_without_being_asked(lab: Lab) -> None:
    stranded(lab, right)
    define(swapped)
    with lab.engine() as engine:
        reaches(engine.handle("e"), "BLOCKED")

    @workflow(name="edited", replace=True)
    async def deployed() -> Any:
        return ["deployed", *await right()]

    with lab.engine() as engine:
        assert engine.handle("e").result() == ["deployed", "one 1", "one 2", "two 3"]


def test_a_changed_argument_alone_is_no_mismatch(lab: Lab) -> None:
    """A new default, a new field: the recorded outcome stands, with a warning on the bus."""
    stranded(lab, right)

    async def drifted() -> list[str]:
        found = [await one(100), await one(200), await two(300)]
        await hold()
        return found

    define(drifted)
    engine = lab.engine()
    events: list[Any] = []
    engine.bus.subscribe(lambda event: events.append(event.name))
    with engine:
        assert engine.handle("e").result() == ["one 1", "one 2", "two 3"]
    assert events.count("replay.drift") == 3
    assert ran == ["one 1", "one 2", "two 3"]


def test_appended_code_is_no_mismatch(lab: Lab) -> None:
    stranded(lab, right)

    async def appended() -> list[str]:
        return [*await right(), await two(4)]

    define(appended)
    with lab.engine() as engine:
        assert engine.handle("e").result() == ["one 1", "one 2", "two 3", "two 4"]


def test_a_blocked_run_can_be_cancelled(lab: Lab) -> None:
    stranded(lab, right)
    define(swapped)
    with lab.engine() as engine:
        handle = engine.handle("e")
        reaches(handle, "BLOCKED")
        engine.cancel("e", force=True)
        assert reaches(handle, "CANCELLED")


# -- the same in def code ------------------------------------------------------------------------------------


@step
def leave_once() -> None:
    if "left" not in ran:
        ran.append("left")
        raise SystemExit


@step
def plain(n: int) -> int:
    ran.append(f"plain {n}")
    return n


def test_def_code_cannot_swallow_a_mismatch(lab: Lab) -> None:
    """The replay finds that the code is other code: here because it looks at something that is not recorded."""
    caught: list[str] = []

    @workflow(name="edited def", replace=True)
    def edited() -> int:
        for n in (2, 1, 3) if "left" in ran else (1, 2):
            try:
                plain(n)
            except Exception as error:
                caught.append(repr(error))
        leave_once()
        return 1

    with lab.engine():
        handle = edited.options(id="e").start()
        reaches(handle, "BLOCKED")
        assert "another place" in (handle.status().reason or "")
    assert caught == []
    assert ran == ["plain 1", "plain 2", "left"]
