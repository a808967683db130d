"""Waking parked runs."""

from collections.abc import Sequence
from uuid import UUID

from stepwell.store.postgres import params
from stepwell.store.postgres.lanes import Lanes
from stepwell.store.postgres.params import statement
from stepwell.store.postgres.wire import rows


class Waits:
    """The waking verbs of a store."""

    _lanes: Lanes

    async def wake(self, limit: int) -> int:
        """See `Store.wake`."""
        (result,) = await self._lanes.misc.transact(statement(self._lanes.sql("waits/wake_ripe"), limit))
        return int(rows(result)[0][0])

    async def wake_due(self, limit: int) -> int:
        """See `Store.wake_due`."""
        (result,) = await self._lanes.misc.transact(statement(self._lanes.sql("waits/wake_due"), limit))
        return int(rows(result)[0][0])

    async def wake_parked(self, run_ids: Sequence[UUID]) -> int:
        """See `Store.wake_parked`."""
        return len(await self._wake_these(run_ids)) if run_ids else 0

    async def _wake_these(self, run_ids: Sequence[UUID]) -> set[UUID]:
        (result,) = await self._lanes.misc.transact(
            statement(self._lanes.sql("waits/wake_parked"), params.uuids(run_ids))
        )
        return {run_id for (run_id,) in rows(result)}

    async def wake_waiters_of(self, ended: Sequence[UUID]) -> int:
        """See `Store.wake_waiters_of`."""
        if not ended:
            return 0
        (result,) = await self._lanes.misc.transact(
            statement(self._lanes.sql("waits/wake_waiters"), params.uuids(ended))
        )
        return int(rows(result)[0][0])

    async def next_wake(self) -> tuple[float | None, float]:
        """See `Store.next_wake`."""
        (result,) = await self._lanes.misc.run(statement(self._lanes.sql("waits/next")))
        due, now = rows(result)[0]
        return due, now
