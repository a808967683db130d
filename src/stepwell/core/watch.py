"""Waiting for the outcomes of runs: at once if they end in this process, otherwise by one batched query."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from stepwell.core.heeding import Heed
from stepwell.errors import NoRunningEngine
from stepwell.model.looking import Outcome

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

_IDLE_POLL_SECONDS = 2.0
_FIRST_POLL_SECONDS = 0.05
#: Between two looks because of hints, seconds.
_FIRST_GAP_SECONDS = 0.005
_LONGEST_GAP_SECONDS = 0.05
#: Runs that one query asks for.
_ASKED = 1000


class Watch:
    """Who waits for which run. All on the loop."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._waiters: dict[UUID, set[asyncio.Future[Outcome]]] = {}
        self._poller: asyncio.Task[None] | None = None
        self._fresh = asyncio.Event()
        self._heed = Heed(runtime, self._fresh.set, _FIRST_GAP_SECONDS, _LONGEST_GAP_SECONDS)
        self._closed = False

    async def outcome(self, run_id: UUID) -> Outcome:
        """The outcome of this run, whoever executes it."""
        future = self.ask(run_id)
        try:
            return await future
        finally:
            self.give_up(run_id, future)

    def ask(self, run_id: UUID) -> "asyncio.Future[Outcome]":
        """The outcome of this run when it is there; `give_up` ends the asking. Raises NoRunningEngine."""
        if self._closed:
            raise self._closing()
        future: asyncio.Future[Outcome] = self._runtime.loop.create_future()
        self._waiters.setdefault(run_id, set()).add(future)
        if run_id not in self._runtime.executions:
            self._poll_soon()
        return future

    def give_up(self, run_id: UUID, future: "asyncio.Future[Outcome]") -> None:
        """Nobody waits for this answer any more."""
        waiting = self._waiters.get(run_id)
        if waiting is not None:
            waiting.discard(future)
            if not waiting:
                self._waiters.pop(run_id, None)

    def when_ended(self, run_id: UUID, call: Callable[[UUID], object]) -> None:
        """Call it when this run has ended, wherever; not if the engine stops first."""

        def done(future: "asyncio.Future[Outcome]") -> None:
            if not future.cancelled() and future.exception() is None:
                call(run_id)

        future: asyncio.Future[Outcome] = self._runtime.loop.create_future()
        future.add_done_callback(done, context=self._runtime.context)
        self._waiters.setdefault(run_id, set()).add(future)
        if run_id not in self._runtime.executions:
            self._poll_soon()

    def ended(self, outcome: Outcome) -> None:
        """This run's outcome is durable."""
        for future in self._waiters.pop(outcome.run_id, ()):
            if not future.done():
                future.set_result(outcome)

    def elsewhere(self, run_id: UUID) -> None:
        """This process does not execute that run any more: from now on ask the database."""
        if run_id in self._waiters:
            self._poll_soon()

    def close(self) -> None:
        """The engine stops: nobody waits here any more; the runs go on elsewhere."""
        self._closed = True
        self._heed.close()
        for futures in self._waiters.values():
            for future in futures:
                if not future.done():
                    future.set_exception(self._closing())
        self._waiters.clear()

    def _closing(self) -> NoRunningEngine:
        return NoRunningEngine(
            f"engine {self._runtime.name!r} was closed while this waited for a run; it goes on in another "
            "process, or at the next launch: ask for it again by its id"
        )

    def hint(self) -> None:
        """Something has changed in the database: look, now or as soon as the last look is some time ago."""
        if self._poller is not None:
            self._heed.hint()

    def _poll_soon(self) -> None:
        self._fresh.set()
        if self._poller is None:
            self._poller = self._runtime.spawn(self._poll())
            self._runtime.hints.want(self, True)

    async def _poll(self) -> None:
        runtime = self._runtime
        pause = _FIRST_POLL_SECONDS
        while True:
            self._fresh.clear()
            asked = [run_id for run_id in self._waiters if run_id not in runtime.executions]
            if not asked:
                self._poller = None
                runtime.hints.want(self, False)
                return
            found = await self._ask(asked)
            self._heed.looked(found)
            pause = _FIRST_POLL_SECONDS if found else min(pause * 1.5, _IDLE_POLL_SECONDS)
            try:
                async with asyncio.timeout(pause):
                    await self._fresh.wait()
                if not runtime.hints.arrive:
                    pause = _FIRST_POLL_SECONDS
            except TimeoutError:
                pass

    async def _ask(self, run_ids: Sequence[UUID]) -> bool:
        """Tell those who wait for what has ended; whether anything has."""
        runtime = self._runtime
        some = False
        for start in range(0, len(run_ids), _ASKED):
            try:
                found = await runtime.patient(runtime.store.outcomes, run_ids[start : start + _ASKED])
            except Exception:
                runtime.log.exception("asking for outcomes failed; asking again")
                continue
            for outcome in found:
                self.ended(outcome)
                some = True
        return some
