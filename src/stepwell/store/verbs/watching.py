"""Watching: how everything does, for a look every second."""

from typing import Protocol

from stepwell.model.vitals import Vitals


class WatchingVerbs(Protocol):
    """See `store.api.Store`."""

    async def vitals(self, since: float | None, most: int) -> Vitals:
        """How this namespace does; starts and ends since that instant (None: in the last ten seconds). Approximate:
        what commits while it is looked at may be counted once more or not at all. Counts stop at `most`."""
        ...
