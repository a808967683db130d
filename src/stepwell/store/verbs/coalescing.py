"""Starts that become one: by a dedup key, which is of the engine's own."""

from typing import Protocol

from stepwell.model.rows import NewRun, Started


class CoalescingVerbs(Protocol):
    """See `store.api.Store`. Each run has a `dedup_key`; a run that has started gives its key away to these."""

    async def debounce(self, run: NewRun, limit: float | None) -> Started:
        """Start it after its `delay`; or, if a run with its key waits and has not started, give that one this input and
        this delay from now, but at most `limit` seconds after it was first started."""
        ...

    async def add_to_batch(self, run: NewRun, item: str, most: int, most_bytes: int) -> Started:
        """Start it after its `delay`, its input being the call with one list of one `item`; or, if a run with its key
        waits and has not started, append the item to that list. With the item number `most` it may start at once, and
        before its input would have more than `most_bytes`."""
        ...

    async def supersede(self, run: NewRun) -> Started:
        """Start it; if another run holds its key, request that one's cancellation (reason "superseded") before."""
        ...
