"""What tokens need: the secret that they are signed with, and whose answer was there first."""

from uuid import UUID

from stepwell.store.postgres.lanes import Lanes
from stepwell.store.postgres.params import statement
from stepwell.store.postgres.wire import rows


class Tokens:
    """The verbs for tokens."""

    _lanes: Lanes

    async def secret(self, name: str, proposal: str) -> str:
        """See `Store.secret`."""
        (result,) = await self._lanes.misc.run(
            statement(self._lanes.sql("tokens/keep_secret"), self._lanes.identity.namespace, name, proposal)
        )
        return str(rows(result)[0][0])

    async def answered_by(self, run_id: UUID, key: str) -> str | None:
        """See `Store.answered_by`."""
        (result,) = await self._lanes.misc.run(statement(self._lanes.sql("tokens/answered_by"), run_id, key))
        found = rows(result)
        return found[0][0] if found else None
