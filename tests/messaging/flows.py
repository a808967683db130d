"""Workflows that talk to each other, and whose outcomes depend on nothing but their arguments."""

from typing import Any

import stepwell
import stepwell.core.tokens
from stepwell import get_event, read_stream, recv, send, set_event, step, token, workflow, write_stream
from stepwell.core.context import frame


def complete(token_id: str, value: object) -> None:
    """What another program would do: within a step, so that it is done again after a crash."""
    here = frame.get()
    assert here is not None
    stepwell.core.tokens.complete(here.execution.runtime, "complete", token_id, value)


@step
async def tell(to: str, n: int) -> None:
    """A step that is repeated sends nothing twice."""
    await stepwell.aio.send(to, n, "numbers")
    await stepwell.aio.send(to, n + 1, "numbers")


@step
async def answer(token_id: str, value: int) -> None:
    here = frame.get()
    assert here is not None
    await stepwell.core.tokens.complete_async(here.execution.runtime, "complete", token_id, value)


@workflow
async def listener(parent: str, count: int) -> list[int]:
    got: list[int] = []
    for _ in range(count):
        n = await stepwell.aio.recv("numbers", type=int)
        got.append(n)
        await stepwell.aio.write_stream("seen", n)
    await stepwell.aio.set_event("sum", sum(got))
    await stepwell.aio.send(parent, sum(got), "sum")
    more = await stepwell.aio.recv("numbers", timeout=0.2, default=None)
    return got if more is None else [*got, more]


@workflow
async def conversation(n: int) -> list[Any]:
    """Everything once, with a child that answers."""
    me = stepwell.current().id
    child = await listener.options(id=f"listener of {me}").start(me, n + 2)
    for i in range(n):
        await stepwell.aio.send(child.id, i, "numbers")
    await tell(child.id, n)
    total = await stepwell.aio.recv("sum", type=int, timeout=86_400)
    event = await stepwell.aio.get_event(child.id, "sum", type=int, timeout=86_400)
    nothing = await stepwell.aio.recv("never", timeout=0.3, default="nothing")
    asked = await stepwell.aio.token(int, expires=7 * 86_400)
    await answer(asked.id, 42)
    answered = await asked.wait(timeout=86_400)
    received = await child.result()
    streamed = [n async for n in stepwell.aio.read_stream(child.id, "seen", type=int)]
    return [total, event, nothing, answered, received, streamed]


@step
def tell_in_thread(to: str, n: int) -> None:
    send(to, n, "numbers")
    send(to, n + 1, "numbers")


@step
def answer_in_thread(token_id: str, value: int) -> None:
    complete(token_id, value)


@workflow
def listener_in_thread(parent: str, count: int) -> list[int]:
    got: list[int] = []
    for _ in range(count):
        n = recv("numbers", type=int)
        got.append(n)
        write_stream("seen", n)
    set_event("sum", sum(got))
    send(parent, sum(got), "sum")
    more = recv("numbers", timeout=0.2, default=None)
    return got if more is None else [*got, more]


@workflow
def conversation_in_threads(n: int) -> list[Any]:
    """The same; its waits park."""
    me = stepwell.current().id
    child = listener_in_thread.options(id=f"listener of {me}").start(me, n + 2)
    for i in range(n):
        send(child.id, i, "numbers")
    tell_in_thread(child.id, n)
    total = recv("sum", type=int, timeout=86_400)
    event = get_event(child.id, "sum", type=int, timeout=86_400)
    nothing = recv("never", timeout=0.3, default="nothing")
    asked = token(int, expires=7 * 86_400)
    answer_in_thread(asked.id, 42)
    answered = asked.wait(timeout=86_400)
    received = child.result()
    streamed = list(read_stream(child.id, "seen", type=int))
    return [total, event, nothing, answered, received, streamed]


def expected(n: int) -> list[Any]:
    """What both give."""
    numbers = [*range(n), n, n + 1]
    return [sum(numbers), sum(numbers), "nothing", 42, numbers, numbers]
