"""Looking at runs and their steps: nothing is locked, no payload is decoded."""

from collections.abc import Sequence
from uuid import UUID

from stepwell.model.looking import Outcome, RunFilter, RunRow, StepRow
from stepwell.store.postgres import listing, params
from stepwell.store.postgres.lanes import Lanes
from stepwell.store.postgres.params import Statement, statement
from stepwell.store.postgres.wire import rows


class Looking:
    """The reading verbs of a store."""

    _lanes: Lanes

    async def outcomes(self, run_ids: Sequence[UUID]) -> list[Outcome]:
        """See `Store.outcomes`."""
        if not run_ids:
            return []
        (result,) = await self._lanes.misc.run(statement(self._lanes.sql("outcomes/of_runs"), params.uuids(run_ids)))
        return [Outcome(*row) for row in rows(result)]

    async def find_run(self, workflow_id: str) -> RunRow | None:
        """See `Store.find_run`."""
        identity = self._lanes.identity
        return await self._one(
            listing.select_run(
                identity.schema,
                "w.namespace = $1::text and w.workflow_id = $2::text and w.current",
                identity.namespace,
                workflow_id,
            )
        )

    async def get_run(self, run_id: UUID) -> RunRow | None:
        """See `Store.get_run`."""
        return await self._one(listing.select_run(self._lanes.identity.schema, "w.run_id = $1::uuid", run_id))

    async def list_runs(self, where: RunFilter, payloads: bool = False) -> list[RunRow]:
        """See `Store.list_runs`."""
        identity = self._lanes.identity
        (result,) = await self._lanes.misc.run(
            listing.select_runs(identity.schema, identity.namespace, where, payloads)
        )
        return [RunRow(*row) for row in rows(result)]

    async def count_runs(self, where: RunFilter) -> int:
        """See `Store.count_runs`."""
        identity = self._lanes.identity
        (result,) = await self._lanes.misc.run(listing.count_runs(identity.schema, identity.namespace, where))
        return int(rows(result)[0][0])

    async def list_steps(
        self, run_id: UUID, payloads: bool = True, limit: int = 1000, after_pos: int = -1
    ) -> list[StepRow]:
        """See `Store.list_steps`."""
        (result,) = await self._lanes.misc.run(
            statement(self._lanes.sql("looking/steps"), run_id, after_pos, limit, payloads)
        )
        return [StepRow(*row) for row in rows(result)][:limit]

    async def _one(self, query: Statement) -> RunRow | None:
        (result,) = await self._lanes.misc.run(query)
        return next((RunRow(*row) for row in rows(result)), None)
