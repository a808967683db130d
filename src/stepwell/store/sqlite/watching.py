"""How a namespace does, in a few bounded statements of one snapshot."""

from uuid import UUID

from stepwell.model.status import Status
from stepwell.model.vitals import Vitals
from stepwell.store.sqlite.connection import Session
from stepwell.store.sqlite.verbs import Verbs

#: Over which starts and ends are counted at the first look, seconds.
_FIRST_SECONDS = 10.0


class WatchingVerbs(Verbs):
    """The verbs of a store."""

    async def vitals(self, since: float | None, most: int) -> Vitals:
        return await self._read.ask(vitals, since, most)


def vitals(db: Session, since: float | None, most: int) -> Vitals:
    """See `Store.vitals`."""
    asked = {"namespace": db.identity.namespace, "limit": most}
    ((now, enqueued, delayed, oldest),) = db.rows("watching/now_and_enqueued", asked)
    begin = now - _FIRST_SECONDS if since is None else since
    live = {
        str(status): db.value("watching/of_status", asked | {"status": status})
        for status in (Status.PENDING, Status.WAITING, Status.BLOCKED, Status.DEAD)
    }
    return Vitals(
        now=now,
        since=begin,
        live={Status.ENQUEUED: enqueued, **live},
        delayed=delayed,
        oldest=oldest,
        started=db.value("watching/started", asked | {"since": begin}),
        ended=dict(db.rows("watching/ended", asked | {"since": begin})),
        owned={UUID(bytes=owner): number for owner, number in db.rows("watching/owned", {"limit": most})},
    )
