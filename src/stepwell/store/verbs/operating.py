"""Operators' verbs: what a person asks for."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from stepwell.model.resumption import Resumption
from stepwell.model.rows import NewRun


class OperatorVerbs(Protocol):
    """See `store.api.Store`."""

    async def request_cancel(self, run_ids: Sequence[UUID], reason: str, force: bool, children: bool) -> list[UUID]:
        """Record the request on these runs (and, if `children`, on descendants with parent_close
        "cancel"). Never started: CANCELLED at once. WAITING, BLOCKED: to ENQUEUED, so that cleanup runs.
        DEAD: CANCELLED. `force`: CANCELLED at once whatever it does, epoch + 1. Ended runs are left alone.
        Returns the runs that were touched."""
        ...

    async def abandon_children(self, run_id: UUID) -> None:
        """From now on this run's children (direct, current, not ended) do not end with it: parent_close "abandon"."""
        ...

    async def resume(self, run_id: UUID) -> bool:
        """BLOCKED, DEAD, CANCELLED, ERROR -> ENQUEUED, epoch + 1, recoveries 0, cancellation, deadline if it is over,
        and the cancel's checkpoint with everything recorded from it on cleared; an old outcome is archived. Messages
        that archived receives had consumed are there again, in their old order. Events and stream entries stay. A child
        whose parent has ended gets parent_close "abandon": it goes on for its own sake."""
        ...

    async def resume_failed(self, runs: Sequence[Resumption]) -> bool:
        """Like resume for a run in ERROR and the children whose failure was its own, parents first; what each plan says
        is archived. All of them or, if one has another epoch or cannot be resumed, none: then False."""
        ...

    async def rewind(self, run_id: UUID, branch: str, seq: int) -> bool:
        """Like resume for any run that is not PENDING, and archives the outcomes from that one's `pos` on,
        with their children's gates. Events and stream entries stay as readers have seen them: what is executed
        again replaces, and appends. False if the run or that outcome is not there or it is PENDING."""
        ...

    async def fork(self, run_id: UUID, branch: str, seq: int, new: NewRun) -> bool:
        """Insert `new` (ENQUEUED) with copies of the outcomes before that one's `pos`, and before a delivered
        cancellation's (the new run is not a cancelled one), and of the events that these have set and nobody replaced
        since; forked_from = run_id. Messages and streams stay with the old run.
        False if the run or that outcome is not there."""
        ...

    async def delete(self, run_id: UUID) -> bool:
        """Remove an ended run with its rows. False if it has not ended or is not there."""
        ...

    async def update_attributes(self, run_id: UUID, attributes: str) -> None:
        """Merge a JSON object into the run's searchable attributes (top level; null removes a key)."""
        ...
