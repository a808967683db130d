"""A workflow that waits for a database that is away, and callers who do not wait for ever."""

import threading
import time
from typing import Any

from stepwell import StoreUnavailable, WaitTimeout, step, workflow
from tests.faults.kit.child import effect, make_engine, obey, say

GATE = threading.Event()


@step
def gate(run: str) -> str:
    """Ends while the database is away."""
    effect(run, "gate")
    say("at the gate", run)
    GATE.wait()
    return run


@step
def after(run: str) -> str:
    """The next one must wait until `gate` is recorded."""
    effect(run, "after")
    return run


@workflow
def waits(run: str) -> list[str]:
    """Two steps."""
    return [gate(run), after(run)]


@workflow
async def waits_async(run: str) -> list[str]:
    """The same on the loop."""
    return [await gate.aio(run), await after.aio(run)]


@workflow
def unrelated(run: str) -> str:
    """What somebody tries to start meanwhile."""
    return after(run)


def begin() -> None:
    """Start both."""
    waits.options(id="def").start("def")
    waits_async.sync.options(id="async").start("async")


def go_on() -> None:
    """Open the gate."""
    GATE.set()


def from_outside() -> dict[str, Any]:
    """How every kind of call from outside ends, and after how many seconds."""
    handle = HANDLES["def"]
    calls = {
        "start": lambda: unrelated.options(id="u-1").start("u-1"),
        "call": lambda: unrelated.options(id="u-2")("u-2"),
        "async start": lambda: waits_async.sync.options(id="u-3").start("u-3"),
        "status": handle.status,
        "steps": handle.steps,
        "cancel": handle.cancel,
        "find": engine.find,
        "count": engine.count,
        "handle": lambda: engine.handle("def"),
        "explain": lambda: engine.explain("def"),
    }
    answers: dict[str, Any] = {}

    def attempt(name: str) -> None:
        begun = time.monotonic()
        try:
            answers[name] = [repr(calls[name]()), 0]
        except StoreUnavailable:
            answers[name] = ["StoreUnavailable", round(time.monotonic() - begun, 1)]
        except Exception as error:
            answers[name] = [repr(error), 0]

    threads = [threading.Thread(target=attempt, args=(name,)) for name in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def wait_for(run: str, seconds: float) -> Any:
    """A caller who waits for a result."""
    try:
        return HANDLES[run].result(timeout=seconds)
    except WaitTimeout:
        return "WaitTimeout"


HANDLES: dict[str, Any] = {}


def take_handles() -> None:
    """While the database is there."""
    HANDLES.update({"def": engine.handle("def"), "async": engine.handle("async")})


if __name__ == "__main__":
    engine = make_engine(call_patience=2.0)
    obey(
        engine,
        begin=begin,
        go_on=go_on,
        from_outside=from_outside,
        wait_for=wait_for,
        take_handles=take_handles,
    )
