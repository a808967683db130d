"""`Stepwell(declare=[...])`: what code says of rows that people may change at run time."""

from collections.abc import Sequence
from typing import TypeAlias

from stepwell.core import queueing, scheduling
from stepwell.core.runtime import Runtime
from stepwell.core.schedule import Schedule
from stepwell.errors import ConfigurationError
from stepwell.model.queues import Queue

#: What an engine may declare.
Declared: TypeAlias = Queue | Schedule


def check_declared(declare: Sequence[object]) -> tuple[Declared, ...]:
    """The declarations themselves. Raises ConfigurationError for anything else, and for two of one kind and name."""
    found: list[Declared] = []
    seen: set[tuple[type, str]] = set()
    for each in declare:
        if not isinstance(each, Queue | Schedule):
            raise ConfigurationError(f"declare= takes queues and schedules, not {type(each).__name__}")
        if (key := (type(each), each.name)) in seen:
            raise ConfigurationError(f"declare= has two of the name {each.name!r}")
        seen.add(key)
        found.append(each)
    return tuple(found)


async def declare_all(runtime: Runtime, declared: Sequence[Declared]) -> None:
    """At launch, in their order. Raises what is wrong with one of them."""
    await queueing.declare(runtime, [each for each in declared if isinstance(each, Queue)])
    for each in declared:
        if isinstance(each, Schedule):
            await scheduling.declare(runtime, each)
