"""Retention: deletes what ended long ago, in small transactions, by the one process that sweeps."""

import asyncio

from stepwell.services.service import Service

_LIMIT = 200
_PAUSE_SECONDS = 60.0


class Janitor(Service):
    """Rounds every minute, and at once again while there is more. Off with `Settings.retention=None`."""

    async def once(self) -> None:
        """One batch after another until nothing is old enough."""
        runtime = self.runtime
        retention = runtime.settings.retention
        while retention is not None and runtime.sweeps and not runtime.draining:
            if await runtime.store.purge(retention, _LIMIT) < _LIMIT:
                return
            await asyncio.sleep(0.1)  # others want the database too

    async def pause(self) -> None:
        """A minute, with jitter."""
        await asyncio.sleep(_PAUSE_SECONDS * (0.8 + 0.4 * self.runtime.env.random()))
