"""Claims what may run, as much as this process can execute, and begins it."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from stepwell.core.adopt import adopt
from stepwell.model.queues import SINGLETONS
from stepwell.model.rows import Claimed
from stepwell.services.service import Service
from stepwell.store.faults import StoreFault

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: How often it looks for safety's sake where hints arrive, seconds.
_SAFETY_SECONDS = 5.0

#: A backlog is taken in batches that grow to so many times `claim_batch`; the first are small: others want some too.
_BACKLOG = 4

#: So many claimed runs are begun before the loop looks at anything else.
_AT_ONCE = 25

#: How long to leave a queue to the process that claims from it right now.
_CROWDED_SECONDS = 0.004


class Dispatcher(Service):
    """Looks when hinted (`runtime.work`), and every `poll_interval` without a hint.

    Where hints of other processes are known to arrive, it looks less often, unless something becomes due by itself.
    """

    def __init__(self, runtime: "Runtime") -> None:
        super().__init__(runtime)
        self._rarely = False  # the next pause may be long
        self._opens_in: float | None = None  # seconds until a rate lets the next run start

    async def once(self) -> None:
        """Claim until nothing is left or no slot is free."""
        runtime = self.runtime
        runtime.work.clear()
        self._opens_in = None
        if runtime.registered != runtime.generation:
            await runtime.register()  # something was defined since: others must know that we serve it
        held = runtime.places.held_back
        runtime.places.held_back = False
        try:
            await self._claim_all()
        except BaseException:
            runtime.places.held_back = held
            raise

    async def _claim_all(self) -> None:
        batch = most = self.runtime.settings.claim_batch
        colours = [True, False] if await self._claim([True, False], batch, anew=True) else []
        while colours:  # a backlog: each by itself, for they have different numbers of slots
            batch = min(batch * 2, most * _BACKLOG)
            colours = [is_async for is_async in colours if await self._claim([is_async], batch)]

    async def _claim(self, colours: list[bool], batch: int, anew: bool = False) -> bool:
        """Claim and begin up to so many runs, async or not; whether there may be more."""
        runtime = self.runtime
        served, free = runtime.served(), runtime.free_slots
        routes = [route for route, d in served.items() if d.is_async in colours and free[d.is_async] > 0]
        limit = min([batch, *(free[served[route].is_async] for route in routes)])
        if not routes or runtime.draining or runtime.env.alive() > runtime.fence_until:
            return False
        sent = runtime.env.monotonic()
        incarnation, mark = runtime.incarnation, runtime.places.freed_so_far
        queues = None if runtime.queues is None else (*runtime.queues, SINGLETONS)
        taken = await runtime.store.claim(incarnation, routes, queues, limit, anew)
        received = runtime.env.monotonic()
        if received - sent > runtime.settings.call_deadline:
            return False  # too late to believe: the self-audit gives these back
        if runtime.incarnation != incarnation:
            return False  # they belong to who we were: the sweep finds them without an owner
        if len(colours) > 1:  # whose slots they take is known when they have begun
            self._adopt(taken.runs, sent, received)
        elif taken.runs:
            # Soon, not now: the next claim of a backlog is sent before, and the database works on it meanwhile.
            runtime.reserved[colours[0]] += len(taken.runs)
            runtime.loop.call_soon(self._begin, incarnation, colours[0], taken.runs, sent, received)
        if taken.held:
            runtime.places.held_since(mark)
        if taken.opens_in is not None:
            self._opens_in = min(taken.opens_in, float("inf") if self._opens_in is None else self._opens_in)
        if taken.again and not taken.runs:
            # Another process claims from the same queue right now, or there are very many.
            await asyncio.sleep(_CROWDED_SECONDS * (0.5 + runtime.env.random()))
        return taken.again

    def _begin(self, incarnation: UUID, is_async: bool, runs: Sequence[Claimed], sent: float, received: float) -> None:
        """Execute what a claim has brought, in the slots that it has reserved: some now, the others soon.

        Between them the loop comes to what is to be sent, so that the database need not wait for all of them.
        """
        runtime = self.runtime
        now, later = runs[:_AT_ONCE], runs[_AT_ONCE:]
        runtime.reserved[is_async] -= len(now)
        if later:
            runtime.loop.call_soon(self._begin, incarnation, is_async, later, sent, received)
        if runtime.incarnation == incarnation:  # otherwise they belong to who we were
            self._adopt(now, sent, received)

    def _adopt(self, runs: Sequence[Claimed], sent: float, received: float) -> None:
        for run in runs:
            self.runtime.clock.observe(run.database_now, sent, received)
            adopt(self.runtime, run)

    async def pause(self) -> None:
        """Until a hint, until a rate lets the next run start or one is due, or an interval with jitter."""
        arrive, interval = self.runtime.hints.arrive, self.runtime.settings.poll_interval
        rarely, self._rarely = self._rarely and arrive and not self.runtime.places.held_back, False
        if self._opens_in is not None and self._opens_in < (_SAFETY_SECONDS if rarely else interval):
            await self._hinted(self._opens_in, jitter=0.0)
        elif rarely:
            await self._hinted(_SAFETY_SECONDS)
        elif not await self._hinted(interval) and arrive and interval < _SAFETY_SECONDS:
            # Asked before the next claim, and used after it: what becomes due meanwhile is claimed.
            self._rarely = await self._nothing_due()

    async def _hinted(self, seconds: float, jitter: float = 0.4) -> bool:
        """Wait for a hint for about so long; whether one came."""
        try:
            async with asyncio.timeout(seconds * (1 - jitter / 2 + jitter * self.runtime.env.random())):
                await self.runtime.work.wait()
        except TimeoutError:
            return False
        return True

    async def _nothing_due(self) -> bool:
        """Whether no delayed start is due before the next look for safety's sake: nobody gives a hint of that."""
        try:
            earliest, now = await self.runtime.store.next_wake()
        except StoreFault:
            return False
        return earliest is None or earliest > now + _SAFETY_SECONDS * 1.5
