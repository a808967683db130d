"""Steps and workflows that end their process, or try to: SystemExit and KeyboardInterrupt."""

import asyncio
import sys

from stepwell import aio, step, workflow
from tests.faults.kit.child import effect, make_engine, obey, role, say

ERRORS = {"exit": SystemExit, "interrupt": KeyboardInterrupt}
#: The runs that have left this process. Others, or it, may claim them again.
LEFT: set[str] = set()


def leave_once(run: str, error: str) -> None:
    """Leave, in the process that the test calls doomed, the first time."""
    effect(run, "fatal")
    if role() == "doomed" and run not in LEFT:
        LEFT.add(run)
        raise ERRORS[error](3)


@step
def safe(run: str) -> str:
    """Recorded before the trouble."""
    effect(run, "safe")
    return role()


@step
def fatal(run: str, error: str) -> str:
    """Leaves once."""
    leave_once(run, error)
    return role()


@workflow
def leaves(run: str, error: str) -> list[str]:
    """In a def step."""
    return [safe(run), fatal(run, error)]


@workflow
async def leaves_async(run: str, error: str) -> list[str]:
    """In a step of an async workflow."""
    return [await safe.aio(run), await fatal.aio(run, error)]


@step
async def fatal_on_loop(run: str, error: str) -> str:
    """In an async step: on the loop."""
    leave_once(run, error)
    return role()


@workflow
async def leaves_on_loop(run: str, error: str) -> list[str]:
    """In an async step, beside another one."""
    first = await safe.aio(run)
    found = await asyncio.gather(fatal_on_loop(run, error), safe.aio(run))
    return [first, *found]


@workflow
async def leaves_in_body(run: str, error: str) -> list[str]:
    """Not in a step at all: in the workflow's own code."""
    first = await safe.aio(run)
    leave_once(run, error)
    return [first, role()]


@workflow
async def bystander(run: str) -> str:
    """Somebody else's run in the same process."""
    await aio.sleep(0.5)
    return await safe.aio(run)


def start(name: str, run: str, error: str) -> None:
    """Start one of them here."""
    body = {
        "def": leaves,
        "async": leaves_async.sync,
        "loop": leaves_on_loop.sync,
        "body": leaves_in_body.sync,
    }[name]
    body.options(id=run).start(run, error)


def call(run: str, error: str) -> str:
    """What a caller in this process sees."""
    try:
        return str(leaves.options(id=run)(run, error))
    except BaseException as raised:
        return type(raised).__name__


def call_bystander(run: str) -> str:
    """A run that has nothing to do with it."""
    return bystander.sync.options(id=run)(run)


async def main() -> None:
    """A program of its own: `async with`, and a workflow that exits."""
    async with make_engine():
        say("up")
        await leaves_async.options(id="program")("program", "exit")


if __name__ == "__main__":
    if "program" in sys.argv:
        asyncio.run(main())
    else:
        obey(make_engine(), start=start, call=call, call_bystander=call_bystander)
