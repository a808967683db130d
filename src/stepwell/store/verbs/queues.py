"""Queues: their rows, and what is in them."""

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from stepwell.model.queues import Queue, QueueRow, QueueStanding


class QueueVerbs(Protocol):
    """See `store.api.Store`. All of this namespace."""

    async def declare_queues(self, queues: Sequence[Queue]) -> None:
        """Insert rows, or bring those that are there up to date: a setting that is still what was declared before takes
        the new value, one that has been changed since stays. What is declared now is remembered."""
        ...

    async def set_queue(self, queue: Queue, only: Collection[str] | None = None) -> None:
        """Insert or replace a queue's settings, whatever is declared. `only`: of a row that is there these fields
        alone, so that changes of different fields at the same time lose nothing."""
        ...

    async def queue(self, name: str) -> Queue | None:
        """The settings of a queue's row; None if it has none."""
        ...

    async def queues(self, name: str | None = None, most: int = 100_000) -> list[QueueRow]:
        """All queues that have a row or runs that wait or run, by name; or that one only. Counts stop at `most`."""
        ...

    async def purge_queue(self, name: str, limit: int) -> list[UUID]:
        """Cancel runs of a queue that wait and never started, the oldest first; at most `limit`. Which."""
        ...

    async def delete_queue(self, name: str) -> bool:
        """Remove a queue's row, unless runs of it wait, run, or are WAITING or BLOCKED (False)."""
        ...

    async def standing_in_queue(self, run_id: UUID) -> QueueStanding | None:
        """How the limits stand for an ENQUEUED run of a queue; None if its queue has no row or it does not wait."""
        ...
