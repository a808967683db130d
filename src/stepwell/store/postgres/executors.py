"""The processes: one row each."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from stepwell.model.looking import ExecutorRow
from stepwell.store.postgres import params
from stepwell.store.postgres.lanes import Lanes
from stepwell.store.postgres.params import statement
from stepwell.store.postgres.wire import rows


class Executors:
    _lanes: Lanes

    async def register(
        self, incarnation: UUID, label: str, lease: float, serves: Sequence[str], queues: Sequence[str]
    ) -> float:
        """See `Store.register`."""
        identity = self._lanes.identity
        (result,) = await self._lanes.misc.run(
            statement(
                self._lanes.sql("executors/register"),
                incarnation,
                label,
                identity.namespace,
                identity.app,
                lease,
                params.texts(serves),
                params.texts(queues),
            )
        )
        return float(rows(result)[0][0])

    async def set_draining(self, incarnation: UUID) -> None:
        """See `Store.set_draining`."""
        await self._lanes.misc.run(statement(self._lanes.sql("executors/drain"), incarnation))

    async def unregister(self, incarnation: UUID) -> None:
        """See `Store.unregister`."""
        await self._lanes.misc.run(statement(self._lanes.sql("executors/unregister"), incarnation))

    async def executors(self) -> list[ExecutorRow]:
        """See `Store.executors`."""
        (result,) = await self._lanes.misc.run(statement(self._lanes.sql("executors/list")))
        return [_executor(row) for row in rows(result)]

    async def owned(self, incarnation: UUID) -> list[tuple[UUID, int]]:
        """See `Store.owned`."""
        (result,) = await self._lanes.misc.run(statement(self._lanes.sql("executors/owned"), incarnation))
        return [(run_id, epoch) for run_id, epoch in rows(result)]

    async def cancels(self, incarnation: UUID) -> dict[UUID, str]:
        """See `Store.cancels`."""
        (result,) = await self._lanes.misc.run(statement(self._lanes.sql("executors/cancels"), incarnation))
        return dict(rows(result))


def _executor(row: tuple[Any, ...]) -> ExecutorRow:
    incarnation, label, namespace, app, beat, lease_until, lease_over, draining, serves, queues, started_at = row
    return ExecutorRow(
        incarnation,
        label,
        namespace,
        app,
        beat,
        lease_until,
        lease_over,
        draining,
        tuple(serves),
        tuple(queues),
        started_at,
    )
