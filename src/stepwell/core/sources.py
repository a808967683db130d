"""The databases of users' transactions, as one engine has them open."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from stepwell.model.transactions import Kind
from stepwell.store.transactions import Dialect, Hold, Source

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: How often connections are looked at that wait for an answer, seconds.
_LOOK_SECONDS = 1.0


class Lending(Source, Protocol):
    """A source that is open."""

    async def close(self) -> None: ...

    def abandon(self) -> None: ...


class Declared(Protocol):
    """What users write as `source=`."""

    def open(self, size: int) -> Lending: ...


class Place:
    """One database, and what has been found out about it."""

    def __init__(self, lending: Lending, is_home: bool | None) -> None:
        self.lending = lending
        #: Whether it is the engine's own database; None: nobody has looked yet.
        self.is_home = is_home
        #: How transactions reach it.
        self.used: tuple[Kind, type | None] | None = None
        #: There is trouble with it, and the log says so.
        self.troubled = False

    def dialect(self, runtime: "Runtime") -> Dialect:
        """What is said there."""
        return runtime.store.dialect() if self.is_home else self.lending.dialect


class Sources:
    """Made with the runtime; each source is opened when it is first used. `home` opens the engine's own database."""

    def __init__(self, runtime: "Runtime", home: Callable[[int], Lending]) -> None:
        self._runtime = runtime
        self._home = home
        self._places: dict[Any, Place] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._awaited: dict[int, tuple[float, Hold]] = {}
        self._looking = False

    def place(self, declared: Declared | None) -> Place:
        """Where a transaction with this `source=` runs. From any thread."""
        with self._lock:
            found = self._places.get(declared)
            if found is None:
                size = self._runtime.settings.transaction_connections
                lending = self._home(size) if declared is None else declared.open(size)
                found = self._places[declared] = Place(lending, True if declared is None else None)
            return found

    def others(self) -> list[Place]:
        """Those used so far that are not the engine's own database."""
        with self._lock:
            return [place for place in self._places.values() if place.is_home is False]

    def abandon(self) -> None:
        """What the death of the process would do to the connections. For simulations."""
        for place in self._places.values():
            place.lending.abandon()

    async def close(self) -> None:
        """End all connections. On the loop."""
        with self._lock:
            places = list(self._places.values())
            self._places.clear()
        for place in places:
            await place.lending.close()

    def awaiting(self, hold: Hold) -> "_Awaiting":
        """While a thread waits for an answer of ours: after the deadline the connection is cut."""
        runtime = self._runtime
        self._awaited[id(hold)] = runtime.env.monotonic() + runtime.settings.call_deadline, hold
        if not self._looking:
            self._looking = True
            runtime.on_loop(self._look)
        return _Awaiting(self._awaited, hold)

    def _look(self) -> None:
        now = self._runtime.env.monotonic()
        for due, hold in list(self._awaited.values()):
            if due < now:
                hold.cut()
        self._looking = bool(self._awaited)
        if self._looking:
            self._runtime.loop.call_later(_LOOK_SECONDS, self._look, context=self._runtime.context)


class _Awaiting:
    """A block that ends with the answer; a class, because a generator costs more."""

    __slots__ = ("_awaited", "_hold")

    def __init__(self, awaited: dict[int, tuple[float, Hold]], hold: Hold) -> None:
        self._awaited, self._hold = awaited, hold

    def __enter__(self) -> None:
        """The wait has begun already."""

    def __exit__(self, *_: object) -> None:
        self._awaited.pop(id(self._hold), None)
