"""What is done about a database that fails: one policy for every caller of the store."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from stepwell.core.env import Env
from stepwell.errors import StoreUnavailable
from stepwell.store.faults import FaultKind, StoreFault

T = TypeVar("T")
log = logging.getLogger("stepwell.store")

#: Kinds that end by themselves or by an operator: never an outcome, retried for as long as it takes.
PASSING = frozenset({FaultKind.CONNECTION, FaultKind.CONTENTION, FaultKind.POOLER, FaultKind.ENVIRONMENT})

_CAP_SECONDS = 5.0


class StoreHealth:
    """What the engine thinks of its database: feeds `health()` and the log, one line per change."""

    def __init__(self) -> None:
        self.fault: StoreFault | None = None

    def failed(self, fault: StoreFault) -> None:
        """A call met a passing fault."""
        if self.fault is None or self.fault.kind is not fault.kind:
            log.warning("database trouble (%s): %s; retrying, no run is lost", fault.kind.value, fault.told)
        self.fault = fault

    def worked(self) -> None:
        """A call went through."""
        if self.fault is not None:
            self.fault = None
            log.warning("the database answers again")


def backoff(attempt: int, random: float, kind: FaultKind) -> float:
    """Seconds to wait before try number `attempt` + 1: doubling from 20 ms (contention: 5 ms), jittered, capped."""
    first = 0.005 if kind is FaultKind.CONTENTION else 0.02
    return float(min(_CAP_SECONDS, first * 2.0 ** min(attempt, 12)) * (0.5 + random))


def pause_after(error: Exception, attempt: int, env: Env, health: StoreHealth) -> float | None:
    """Seconds to wait before trying again after this error; None if it is final. Unknown ones get five tries."""
    if not isinstance(error, StoreFault) or error.kind is FaultKind.PAYLOAD:
        return None
    if error.kind not in PASSING and attempt >= 4:
        return None
    health.failed(error)
    return backoff(attempt, env.random(), error.kind)


def unavailable(fault: StoreFault | None, patience: float) -> StoreUnavailable:
    """The error of a call from outside whose patience is over."""
    why = "" if fault is None else f" ({fault.kind.value}: {fault.told})"
    return StoreUnavailable(
        f"the database did not answer within {patience:g} s{why}. Nothing is lost; try again when it is back "
        "(Settings.call_patience sets the limit)."
    )


async def persist(call: Callable[[], Awaitable[T]], env: Env, health: StoreHealth, patience: float | None = None) -> T:
    """Repeat an idempotent store call until it is answered.

    Without `patience`: for ever on passing faults, five times on unknown ones. With it (calls from outside a
    workflow): StoreUnavailable after that many seconds.
    """
    begun = env.monotonic()
    attempt = 0
    while True:
        try:
            answer = await call()
        except StoreFault as fault:
            pause = pause_after(fault, attempt, env, health)
            if pause is None:
                raise
            if patience is not None and env.monotonic() - begun > patience:
                raise unavailable(fault, patience) from fault
            await asyncio.sleep(pause)
            attempt += 1
        else:
            if health.fault is not None:
                health.worked()
            return answer
