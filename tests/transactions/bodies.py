"""What the bodies of these tests do besides their writes: a test says it, for one entry."""

import inspect
from collections import Counter
from collections.abc import Callable
from typing import Any

#: By entry: called with the connection, after the write.
then: dict[str, Callable[[Any], Any]] = {}

#: How often the body of each entry has run.
bodies: Counter[str] = Counter()


def during(entry: str, connection: Any) -> None:
    bodies[entry] += 1
    if entry in then:
        then[entry](connection)


async def during_async(entry: str, connection: Any) -> None:
    bodies[entry] += 1
    if entry in then:
        made = then[entry](connection)
        if inspect.isawaitable(made):
            await made


def forget() -> None:
    then.clear()
    bodies.clear()
