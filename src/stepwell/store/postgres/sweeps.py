"""Sweeps: level-triggered, bounded, safe to repeat. All work for every namespace and app of the schema."""

from collections.abc import Sequence
from uuid import UUID

from stepwell.store.postgres import params
from stepwell.store.postgres.lanes import Lanes
from stepwell.store.postgres.params import Statement, statement
from stepwell.store.postgres.wire import affected, rows


class Sweeps:
    """The sweeping verbs of a store."""

    _lanes: Lanes

    async def acquire_sweep(self, incarnation: UUID, ttl: float) -> bool:
        """See `Store.acquire_sweep`."""
        (result,) = await self._lanes.misc.run(statement(self._lanes.sql("sweeps/acquire"), incarnation, ttl))
        return affected(result) == 1

    async def reap(self, dead: Sequence[tuple[UUID, int]], limit: int) -> tuple[int, int]:
        """See `Store.reap`."""
        if not dead:
            return 0, 0
        sql = self._lanes.sql
        observed = (
            params.uuids([incarnation for incarnation, _ in dead]),
            params.int8s([beat for _, beat in dead]),
        )
        results = await self._lanes.misc.transact(
            statement(sql("sweeps/reap"), *observed, limit),
            statement(sql("sweeps/left_of_dead"), *observed),
            statement(sql("sweeps/remove_dead"), *observed),
        )
        taken, left = int(rows(results[0])[0][0]), int(rows(results[1])[0][0])
        return taken, left if taken < limit else 0

    async def reap_orphans(self, limit: int) -> int:
        """See `Store.reap_orphans`."""
        return await self._counted(statement(self._lanes.sql("sweeps/reap_orphans"), limit))

    async def expire_deadlines(self, limit: int) -> int:
        """See `Store.expire_deadlines`."""
        return await self._counted(statement(self._lanes.sql("sweeps/expire_deadlines"), limit))

    async def retry_blocked(self, routes: Sequence[tuple[str, str]], limit: int) -> int:
        """See `Store.retry_blocked`; of this store's namespace and app only."""
        if not routes:
            return 0
        identity = self._lanes.identity
        (result,) = await self._lanes.misc.transact(
            statement(
                self._lanes.sql("sweeps/retry_blocked"),
                identity.namespace,
                identity.app,
                params.texts([route for route, _ in routes]),
                params.texts([code_hint for _, code_hint in routes]),
                limit,
            )
        )
        return affected(result)

    async def purge(self, older_than: float, limit: int) -> int:
        """See `Store.purge`."""
        return await self._counted(statement(self._lanes.sql("sweeps/purge"), older_than, limit))

    async def _counted(self, sweep: Statement) -> int:
        (result,) = await self._lanes.misc.transact(sweep)
        return int(rows(result)[0][0])
