"""Workflows with a step that waits in one process and does not in the others, and one that blocks its event loop."""

import threading
import time

from stepwell import step, workflow
from tests.faults.kit.child import effect, make_engine, obey, role, say

#: Set when the test lets the steps of "slow" go on.
GATE = threading.Event()


@step
def before(run: str) -> str:
    """Recorded before the gate."""
    effect(run, "before")
    return role()


@step
def gate(run: str) -> str:
    """Waits for the test, in the process that the test calls slow."""
    effect(run, "gate")
    if role() == "slow":
        say("at the gate", run)
        GATE.wait()
    return role()


@step
def after(run: str) -> str:
    """What a process that is late must not do any more."""
    effect(run, "after")
    return role()


@workflow
def gated(run: str) -> list[str]:
    """Who did what."""
    return [before(run), gate(run), after(run)]


@workflow
async def gated_async(run: str) -> list[str]:
    """The same on the loop."""
    return [await before.aio(run), await gate.aio(run), await after.aio(run)]


@workflow
async def blocking(run: str, seconds: float) -> list[str]:
    """Does what nobody should: blocks the loop of its whole process."""
    first = await before.aio(run)
    time.sleep(seconds)
    return [first, await after.aio(run)]


def call_both() -> None:
    """Call both from threads of their own, and say what the callers got."""

    def call(name: str) -> None:
        body = {"def": gated, "async": gated_async.sync}[name]
        say("got", name, body.options(id=name)(name))

    for name in ("def", "async"):
        threading.Thread(target=call, args=(name,)).start()


def go_on() -> None:
    """Open the gate."""
    GATE.set()


def block(seconds: float) -> list[str]:
    """Block the loop of this process."""
    return blocking.sync.options(id="blocking")("blocking", seconds)


def call(run: str) -> list[str]:
    """One more run, from the beginning."""
    return gated.options(id=run)(run)


if __name__ == "__main__":
    obey(make_engine(drain=0.2), call_both=call_both, go_on=go_on, block=block, call=call)
