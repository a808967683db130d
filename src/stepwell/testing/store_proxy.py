"""A store in front of which somebody stands: every call of every verb passes through one gate."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

from stepwell.model.rows import Beat
from stepwell.store.api import HeartbeatPort, Store

T = TypeVar("T")


class Gate(Protocol):
    """What happens around a call: it may wait, fail, or never come back."""

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        """A verb of the store. `call` does it; each use does it again."""
        ...

    def around_beat(self, call: Callable[[], Beat]) -> Beat:
        """A heartbeat, which blocks its thread."""
        ...


def gated(store: Store, gate: Gate, ports: list[HeartbeatPort] | None = None) -> Store:
    """The same store behind a gate. Verbs that the gate has never heard of pass through it too.

    `ports` collects the real heartbeat ports that are given out.
    """
    return cast(Store, _Proxy(store, gate, ports))


class _Proxy:
    def __init__(self, store: Store, gate: Gate, ports: list[HeartbeatPort] | None) -> None:
        self._store = store
        self._gate = gate
        self._ports = ports

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        if not inspect.iscoroutinefunction(attribute):
            return attribute
        gate = self._gate

        async def verb(*args: Any, **kwargs: Any) -> Any:
            return await gate.around(name, lambda: attribute(*args, **kwargs))

        setattr(self, name, verb)  # the next use finds it without asking here
        return verb

    async def touch(self, verb: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """What is said on a user's connection passes under its own name."""
        return await self._gate.around(verb, lambda: self._store.touch(verb, call))

    async def stand_back(self) -> None:
        """Only this process's own affair: it cannot fail."""
        await self._store.stand_back()

    def heartbeat_port(self) -> HeartbeatPort:
        port = self._store.heartbeat_port()
        if self._ports is not None:
            self._ports.append(port)
        return _Port(port, self._gate)


class _Port:
    def __init__(self, port: HeartbeatPort, gate: Gate) -> None:
        self._port = port
        self._gate = gate

    def beat(self, incarnation: UUID, lease: float) -> Beat:
        return self._gate.around_beat(lambda: self._port.beat(incarnation, lease))

    def close(self) -> None:
        self._port.close()
