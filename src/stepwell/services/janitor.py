"""Keeps house, and retention: deletes the runs of this app and namespace that ended long ago, and its old events,
in small transactions, in one process of the app at a time."""

import asyncio

from stepwell.core.source_clearing import clear_outcomes
from stepwell.services.service import Service

_LIMIT = 200
_PAUSE_SECONDS = 60.0


class Janitor(Service):
    """Rounds every minute, and at once again while there is more. `Settings.retention=None` keeps all runs."""

    async def once(self) -> None:
        """What the store's own house needs; then one batch of runs after another until nothing is old enough."""
        runtime = self.runtime
        trouble = await runtime.store.tidy()
        if trouble is not None:
            runtime.log.warning("%s", trouble)
        await self._clear_elsewhere()
        retention = runtime.settings.retention
        while retention is not None and not runtime.draining:
            if not await runtime.store.acquire_retention(runtime.incarnation, _PAUSE_SECONDS * 3):
                return
            purged = await runtime.store.purge(retention, _LIMIT)
            if max(purged, await runtime.store.purge_events(retention, _LIMIT)) < _LIMIT:
                return
            await asyncio.sleep(0.1)  # others want the database too

    async def _clear_elsewhere(self) -> None:
        """Transactions in other databases leave an outcome there until their run has ended."""
        runtime = self.runtime
        for place in runtime.sources.others():
            try:
                await clear_outcomes(runtime, place)
            except Exception as error:  # that database's trouble is not ours: the next round tries again
                runtime.log.warning("outcome rows of ended runs stay in a source: %s: %s", type(error).__name__, error)

    async def pause(self) -> None:
        """A minute, with jitter."""
        await asyncio.sleep(_PAUSE_SECONDS * (0.8 + 0.4 * self.runtime.env.random()))
