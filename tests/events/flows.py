"""Workflows that events start, wake and cancel, and whose outcomes depend on nothing but their arguments."""

import asyncio
import contextlib
from itertools import count
from typing import Any

import stepwell
from stepwell import step, workflow


@step
async def quick(n: int) -> int:
    return n


@step
async def announces(n: int, me: str, again: int) -> None:
    """A step that is repeated publishes nothing twice. An id of its own: what it starts is compared by it."""
    await stepwell.aio.publish("crash.asked", {"n": n, "whose": me}, id=f"asked {n}.{again}")


@workflow(name="crash_answers", on="crash.asked", where="n > 0")
async def answers(asked: dict[str, Any]) -> int:
    """Started by an event; answers with one, under its own id."""
    n = await quick(asked["n"])
    await stepwell.aio.publish("crash.answered", {"n": 2 * n, "whose": asked["whose"]})
    return n


@workflow(name="crash_lingers", cancel_on="crash.over", cancel_where="event.whose == whose")
async def lingers(whose: str) -> None:
    await stepwell.aio.sleep(86_400)


async def _listening(events: str, where: str) -> "asyncio.Task[Any]":
    """A wait that has begun, unless the process dies now or its database is very slow."""
    task = asyncio.create_task(stepwell.aio.wait_for(events, where=where, timeout=120, default=None))
    await stepwell.aio.sleep(2)
    return task


@workflow(name="crash_asks")
async def asks(n: int) -> list[Any]:
    """What it publishes starts others, whose events it waits for. `n` is unique among those that run together: a run
    has no id of its own in every simulation."""
    me = f"asker {n}"
    answer = None
    for again in count():
        answered = await _listening("crash.answered", f"whose == {me!r} and n == {2 * n}")
        await stepwell.aio.publish("crash.asked", {"n": 0, "whose": me})
        await announces(n, me, again)
        answer = await answered
        if answer is not None:
            break
    assert answer is not None
    return [answer["n"], await stepwell.aio.wait_for("crash.never", timeout=0.3, default="nothing")]


@workflow(name="crash_cancels")
async def cancels(n: int) -> str:
    """What it publishes cancels a run, however far that has come."""
    me = stepwell.current().id
    lingering = await lingers.options(id=f"lingering of {me}").start(me)
    await quick(n)
    await stepwell.aio.publish("crash.over", {"whose": me})
    try:
        await lingering.result()
        return "it went on"
    except stepwell.WorkflowCancelled as cancelled:
        return cancelled.reason


@workflow(name="crash_announces")
async def announces_twice(n: int) -> int:
    """Two events, of which each starts one run."""
    for _ in range(2):
        id = await stepwell.aio.publish("crash.asked", {"n": n, "whose": "nobody"})
        with contextlib.suppress(stepwell.WorkflowEnded):
            await stepwell.aio.get_event(f"{id}:crash_answers", "when it has ended")
    return n


@step
def announces_in_thread(n: int, me: str) -> None:
    stepwell.publish("crash.asked", {"n": n, "whose": me})


@workflow(name="crash_listens")
def listens(whose: str, n: int) -> int:
    """Parks until somebody has answered; tells that it begins to."""
    stepwell.send(whose, "listens", "ready")
    answer = stepwell.wait_for("crash.echo", where=f"whose == {whose!r}", timeout=86_400)
    return int(answer["n"]) + n


@workflow(name="crash_asks_in_thread")
def asks_in_thread(n: int) -> list[Any]:
    """A child parks on an event that this one publishes, again and again until it was heard."""
    me = stepwell.current().id
    child = listens.options(id=f"listens to {me}").start(me, 100)
    stepwell.recv("ready")
    nothing = stepwell.wait_for("crash.never", timeout=2, default="nothing")
    announces_in_thread(0, me)
    while True:
        stepwell.publish("crash.echo", {"n": n, "whose": me})
        try:
            with stepwell.timeout(5):
                return [nothing, child.result()]
        except stepwell.WaitTimeout:
            pass


def expected(n: int) -> list[Any]:
    return [2 * n, "nothing"]
