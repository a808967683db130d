"""What goes wrong in a simulation: slow calls, failing calls, ambiguous calls, all drawn from a seed."""

import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from stepwell.model.rows import Beat
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.testing.process import Process

T = TypeVar("T")

#: Verbs of a process's own birth and end, which have no caller that could try again.
_SPARED = frozenset({"open", "close", "migrate", "warnings"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """How bad a simulation's weather is. Probabilities are per database call, durations virtual seconds.

    `processes` run at a time. For `duration` things go wrong; then nothing does any more, and everything must end.
    """

    processes: int = 3
    duration: float = 90.0
    #: Most calls take up to this long on each way.
    delay: float = 0.02
    #: Some take up to `long_delay`.
    slow: float = 0.02
    long_delay: float = 4.5
    #: The connection breaks before the call reaches the database; after its commit, before the answer; or while the
    #: database goes on with it, and commits later.
    lost_before: float = 0.01
    lost_after: float = 0.01
    late: float = 0.01
    #: A deadlock, a lock timeout: nothing was done.
    contention: float = 0.02
    #: Mean seconds between two events of each kind.
    deaths_every: float = 30.0
    pauses_every: float = 30.0
    restarts_every: float = 60.0
    clock_jumps_every: float = 60.0
    cancels_every: float = 60.0
    #: The longest pause, and the longest jump of the database's clock (in either direction).
    longest_pause: float = 60.0
    longest_jump: float = 3600.0


class TroubleGate:
    """Stands in front of one process's store while `until` is not reached (world's time)."""

    def __init__(self, trouble: Trouble, seed: str, until: float) -> None:
        self.process: Process | None = None
        self.calls = 0
        self.faults = 0
        self._trouble = trouble
        self._random = random.Random(seed)
        self._until = until

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        """Delay it, break it, or let it pass."""
        self.calls += 1
        if verb in _SPARED or self._calm:
            return await call()
        draw, trouble = self._random.random(), self._trouble
        await self._delay()
        for probability, how in (
            (trouble.lost_before, self._lost_before),
            (trouble.lost_after, self._lost_after),
            (trouble.late, self._late),
            (trouble.contention, self._contended),
        ):
            if draw < probability:
                self.faults += 1
                await how(call)
            draw -= probability
        answer = await call()
        await self._delay()
        return answer

    def around_beat(self, call: Callable[[], Beat]) -> Beat:
        """A beat fails before or after its commit, or passes. It takes no time: it blocks its thread alone."""
        self.calls += 1
        if self._calm:
            return call()
        draw = self._random.random()
        if draw < self._trouble.lost_before:
            raise _lost()
        answer = call()
        if draw < self._trouble.lost_before + self._trouble.lost_after:
            raise _lost()
        return answer

    @property
    def _calm(self) -> bool:
        assert self.process is not None
        return self.process.world.now >= self._until

    async def _delay(self) -> None:
        seconds = self._random.random() * self._trouble.delay
        if self._random.random() < self._trouble.slow:
            seconds = self._random.random() * self._trouble.long_delay
        await self._sleep(seconds)

    async def _sleep(self, seconds: float) -> None:
        assert self.process is not None
        loop = self.process.loop
        future = loop.create_future()
        loop.call_later(seconds, lambda: None if future.done() else future.set_result(None))
        await future

    async def _lost_before(self, call: Callable[[], Awaitable[T]]) -> None:
        raise _lost()

    async def _lost_after(self, call: Callable[[], Awaitable[T]]) -> None:
        await call()
        await self._delay()
        raise _lost()

    async def _late(self, call: Callable[[], Awaitable[T]]) -> None:
        """The caller sees a broken connection; the database goes on with it."""
        assert self.process is not None

        async def later() -> None:
            await self._sleep(self._random.random() * self._trouble.long_delay)
            # Nobody is there to be told: not of the database's trouble, nor that a user's connection is closed by now.
            with contextlib.suppress(Exception):
                await call()

        self.process.keep(later())
        raise _lost()

    async def _contended(self, call: Callable[[], Awaitable[T]]) -> None:
        raise StoreFault(FaultKind.CONTENTION, "simulated contention", code="40P01")


def _lost() -> StoreFault:
    return StoreFault(FaultKind.CONNECTION, "simulated loss of the connection", code="08006", ambiguous=True)
