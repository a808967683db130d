"""Waiting for the outcomes of runs: at once if they end in this process, otherwise by one batched query."""

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

from stepwell.errors import NoRunningEngine
from stepwell.model.rows import Outcome

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

_IDLE_POLL_SECONDS = 2.0
_FIRST_POLL_SECONDS = 0.05


class Watch:
    """Who waits for which run. All on the loop."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._waiters: dict[UUID, set[asyncio.Future[Outcome]]] = {}
        self._poller: asyncio.Task[None] | None = None
        self._fresh = asyncio.Event()
        self._closed = False

    async def outcome(self, run_id: UUID) -> Outcome:
        """The outcome of this run, whoever executes it."""
        if self._closed:
            raise self._closing()
        future: asyncio.Future[Outcome] = self._runtime.loop.create_future()
        self._waiters.setdefault(run_id, set()).add(future)
        if run_id not in self._runtime.executions:
            self._poll_soon()
        try:
            return await future
        finally:
            waiting = self._waiters.get(run_id)
            if waiting is not None:
                waiting.discard(future)
                if not waiting:
                    self._waiters.pop(run_id, None)

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
        """Something has changed in the database: look now."""
        self._fresh.set()

    def _poll_soon(self) -> None:
        self._fresh.set()
        if self._poller is None:
            self._poller = self._runtime.spawn(self._poll())

    async def _poll(self) -> None:
        runtime = self._runtime
        pause = _FIRST_POLL_SECONDS
        while True:
            self._fresh.clear()
            asked = [run_id for run_id in self._waiters if run_id not in runtime.executions]
            if not asked:
                self._poller = None
                return
            try:
                found = await runtime.patient(runtime.store.outcomes, asked[:1000])
            except Exception:
                runtime.log.exception("asking for outcomes failed; asking again")
                found = []
            for outcome in found:
                self.ended(outcome)
            pause = _FIRST_POLL_SECONDS if found else min(pause * 1.5, _IDLE_POLL_SECONDS)
            try:
                async with asyncio.timeout(pause):
                    await self._fresh.wait()
                pause = _FIRST_POLL_SECONDS
            except TimeoutError:
                pass
