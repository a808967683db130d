"""Queues: their rows, and what is in them."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from stepwell.model.queues import SETTINGS, Queue, QueueRow, QueueStanding, queue_of, settings_of
from stepwell.store.postgres.lanes import Lanes, refusing_bad_values
from stepwell.store.postgres.params import statement, texts
from stepwell.store.postgres.wire import affected, rows

#: Columns of a queue's settings, its name first: see `queue_of`.
_SETTINGS = 11


class Queues:
    """The verbs of queues."""

    _lanes: Lanes

    async def declare_queues(self, queues: Sequence[Queue]) -> None:
        """See `Store.declare_queues`."""
        await self._write_queues("queues/declare", queues)

    async def set_queue(self, queue: Queue, only: Collection[str] | None = None) -> None:
        """See `Store.set_queue`."""
        await self._write_queues("queues/set", [queue], texts(SETTINGS if only is None else tuple(only)))

    async def _write_queues(self, verb: str, queues: Sequence[Queue], *values: object) -> None:
        sql, namespace = self._lanes.sql(verb), self._lanes.identity.namespace
        with refusing_bad_values():
            written = [
                statement(sql, namespace, queue.name, settings_of(queue), *values)
                for queue in sorted(queues, key=lambda queue: queue.name)
            ]
        if written:
            await self._lanes.misc.transact(*written)

    async def queue(self, name: str) -> Queue | None:
        """See `Store.queue`."""
        (result,) = await self._ask_queues("queues/get", name)
        return next((queue_of(row) for row in rows(result)), None)

    async def queues(self, name: str | None = None, most: int = 100_000) -> list[QueueRow]:
        """See `Store.queues`."""
        sql = self._lanes.sql
        with refusing_bad_values():
            asked = statement(sql("queues/list"), self._lanes.identity.namespace, name, most)
        _, result = await self._lanes.misc.run(statement(sql("watching/by_index")), asked)
        return [_row(row) for row in rows(result)]

    async def purge_queue(self, name: str, limit: int) -> list[UUID]:
        """See `Store.purge_queue`."""
        (result,) = await self._ask_queues("queues/purge", name, limit)
        return [run_id for (run_id,) in rows(result)]

    async def delete_queue(self, name: str) -> bool:
        """See `Store.delete_queue`."""
        (result,) = await self._ask_queues("queues/delete", name)
        return affected(result) == 1

    async def standing_in_queue(self, run_id: UUID) -> QueueStanding | None:
        """See `Store.standing_in_queue`."""
        (result,) = await self._lanes.misc.run(statement(self._lanes.sql("queues/standing"), run_id))
        for row in rows(result):
            running, in_partition, ahead, opens_in, partition_opens_in, holders = row[_SETTINGS:]
            return QueueStanding(
                queue_of(row), running, in_partition, ahead, opens_in, partition_opens_in, tuple(holders)
            )
        return None

    async def _ask_queues(self, verb: str, *values: object) -> Any:
        with refusing_bad_values():
            asked = statement(self._lanes.sql(verb), self._lanes.identity.namespace, *values)
        return await self._lanes.misc.run(asked)


def _row(row: tuple[Any, ...]) -> QueueRow:
    declared, ready, delayed, running, oldest = row[_SETTINGS:]
    return QueueRow(queue_of(row), ready, delayed, running, oldest, declared)
