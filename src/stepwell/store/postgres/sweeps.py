"""Sweeps: level-triggered, bounded, safe to repeat. What is said to be of an app is of this store's; the others work
for every namespace and app of the schema."""

from collections.abc import Sequence
from uuid import UUID

from stepwell.store.api import retention_lease
from stepwell.store.postgres import params
from stepwell.store.postgres.lanes import Lanes
from stepwell.store.postgres.params import Statement, statement
from stepwell.store.postgres.wire import affected, rows


class Sweeps:
    """The sweeping verbs of a store."""

    _lanes: Lanes

    async def acquire_sweep(self, incarnation: UUID, ttl: float) -> bool:
        """See `Store.acquire_sweep`."""
        return await self._acquire("sweep", incarnation, ttl)

    async def acquire_retention(self, incarnation: UUID, ttl: float) -> bool:
        """See `Store.acquire_retention`."""
        return await self._acquire(retention_lease(self._lanes.identity), incarnation, ttl)

    async def _acquire(self, job: str, incarnation: UUID, ttl: float) -> bool:
        (result,) = await self._lanes.misc.run(statement(self._lanes.sql("sweeps/acquire"), incarnation, ttl, job))
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

    async def children_left(self, after: UUID | None, parents: int, limit: int) -> tuple[list[UUID], UUID | None]:
        """See `Store.children_left`."""
        (result,) = await self._lanes.misc.run(
            statement(self._lanes.sql("sweeps/children_left"), after or UUID(int=0), parents, limit)
        )
        found = rows(result)
        return [run_id for run_id, is_parent in found if not is_parent], found[-1][0]

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
        own = self._lanes.identity.namespace, self._lanes.identity.app
        return await self._counted(statement(self._lanes.sql("sweeps/purge"), older_than, limit, *own))

    async def _counted(self, sweep: Statement) -> int:
        (result,) = await self._lanes.misc.transact(sweep)
        return int(rows(result)[0][0])
