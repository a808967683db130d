"""How a namespace does, in one statement."""

import json
from uuid import UUID

from stepwell.model.status import Status
from stepwell.model.vitals import Vitals
from stepwell.store.postgres.lanes import Lanes
from stepwell.store.postgres.params import statement
from stepwell.store.postgres.wire import rows


class Watching:
    """The verbs of who watches."""

    _lanes: Lanes

    async def vitals(self, since: float | None, most: int) -> Vitals:
        """See `Store.vitals`."""
        sql = self._lanes.sql
        asked = statement(sql("watching/vitals"), self._lanes.identity.namespace, since, most)
        _, result = await self._lanes.misc.run(statement(sql("watching/by_index")), asked)
        ((now, begin, enqueued, delayed, oldest, pending, others, started, ended, owned),) = rows(result)
        return Vitals(
            now=now,
            since=begin,
            live={Status.ENQUEUED: enqueued, Status.PENDING: pending, **json.loads(others)},
            delayed=delayed,
            oldest=oldest,
            started=started,
            ended=json.loads(ended or "{}"),
            owned={UUID(incarnation): number for incarnation, number in json.loads(owned or "{}").items()},
        )
