"""Sweeps: level-triggered, bounded, safe to repeat.

reap, reap_orphans, wake and expire_deadlines enforce rules of the schema, for every namespace and app in it: any live
process does that for all. retry_blocked and purge are of this store's own app and namespace, whose code and whose
setting they follow.
"""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID


class SweepingVerbs(Protocol):
    """See `store.api.Store`."""

    async def acquire_sweep(self, incarnation: UUID, ttl: float) -> bool:
        """The row lease that makes one sweeper of the schema at a time; prolonged by its holder."""
        ...

    async def acquire_retention(self, incarnation: UUID, ttl: float) -> bool:
        """The same for retention, of this app in this namespace."""
        ...

    async def reap(self, dead: Sequence[tuple[UUID, int]], limit: int) -> tuple[int, int]:
        """Take the PENDING runs of these (incarnation, observed beat), if their lease is over and the beat
        has not moved: ENQUEUED, epoch + 1, recoveries + 1 (back to 1 if the lost epoch recorded an
        outcome), or DEAD above max_recoveries. Skips locked rows. Executor rows without runs left are
        deleted last. Returns (taken, skipped because locked)."""
        ...

    async def reap_orphans(self, limit: int) -> int:
        """The same for runs whose owner has no executor row at all."""
        ...

    async def owned(self, incarnation: UUID) -> list[tuple[UUID, int]]:
        """(run_id, epoch) of all PENDING runs of this process: the self-audit compares them with memory."""
        ...

    async def expire_deadlines(self, limit: int) -> int:
        """Set a cancellation with reason "deadline" where the deadline is over and none is set; never
        started ENQUEUED runs are CANCELLED at once, WAITING, BLOCKED ones go back to ENQUEUED."""
        ...

    async def children_left(self, after: UUID | None, parents: int, limit: int) -> tuple[list[UUID], UUID | None]:
        """Children (current, not ended, parent_close "cancel", nobody has requested their cancellation) of parents
        that have ended or are gone: at most `limit` of them, of the next `parents` parents with such children, live
        ones included, in the order of their ids. Then the id after which to go on; None: the end was reached."""
        ...

    async def retry_blocked(self, routes: Sequence[tuple[str, str]], limit: int) -> int:
        """BLOCKED runs of this app and namespace of (route, code hash) whose tried hashes do not contain that hash: to
        ENQUEUED. For every process to ask, since each has code of its own."""
        ...

    async def purge(self, older_than: float, limit: int) -> int:
        """Retention: delete current and replaced runs of this app and namespace that ended more than `older_than`
        seconds ago, with their rows; never a child before its parent. Returns how many runs."""
        ...
