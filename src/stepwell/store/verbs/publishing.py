"""Published events, who subscribed to them, and who is parked on one. All of this store's own namespace."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from stepwell.model.published import Announced, EventWait, NewPublished, PublishedRow, Subscription


class PublishingVerbs(Protocol):
    """See `store.api.Store`."""

    async def subscribe(self, declared: Sequence[Subscription], workflows: Sequence[str]) -> None:
        """Make these this app's subscriptions for these workflows: those of them that are not declared any more are
        removed. What is the same already is not written."""
        ...

    async def subscriptions(self, event: str | None) -> list[Subscription]:
        """To this event, or all of them; by event, app, workflow and mode."""
        ...

    async def unsubscribe(self, event: str, workflow: str) -> int:
        """Remove what this workflow, of whichever app, subscribed to the event; how many rows."""
        ...

    async def announce(self, events: Sequence[NewPublished]) -> list[Announced]:
        """Insert events, and in the same transaction the runs of their subscribers, ENQUEUED, in their apps. An event
        whose id is there already changes nothing and starts nothing; of two of one call the first is fresh. A
        subscriber whose workflow id is taken attaches to what is there. Numbers of one event's name become visible in
        their order: who has seen one need never look below it again. Raises StoreFault(PAYLOAD) if the database refuses
        a value. Who is parked on them is woken by the caller, afterwards: the filters are not SQL."""
        ...

    async def event_head(self, event: str) -> int:
        """The number of the last event of that name that is there; 0: none is."""
        ...

    async def events_above(self, wanted: Sequence[tuple[str, int]], limit: int) -> list[list[PublishedRow]]:
        """For each (event, number), in this order: the events of that name above that number, in order, at most
        `limit`."""
        ...

    async def event_waits(
        self, event: str, below: int, after: tuple[UUID, str, int] | None, limit: int
    ) -> list[EventWait]:
        """Waits of parked runs for this event whose position is below a number, in the order of (run, branch, seq),
        after that one."""
        ...

    async def event_waits_behind(self, limit: int) -> list[EventWait]:
        """Waits with a filter of parked runs, for events of which there are later ones than their position: whoever
        published those has died before it looked at them. The others `wake` finds."""
        ...

    async def advance_event_waits(self, waits: Sequence[EventWait]) -> None:
        """Move these waits up to their `position`, never back: what lies below does not concern them."""
        ...

    async def events_cancelling(self, older_than: float, limit: int) -> list[PublishedRow]:
        """Events of more than `older_than` seconds ago that are `cancelling` still."""
        ...

    async def event_cancelled(self, id: str) -> None:
        """Nobody has to be cancelled because of this event any more."""
        ...

    async def live_runs(
        self, app: str, names: Sequence[str], until: float | None, after: UUID | None, limit: int
    ) -> list[UUID]:
        """Current runs of these workflows that have not ended, created at `until` or before (None: whenever), and whose
        cancellation nobody has requested; in the order of their ids, after that one. Looks at every live run of the
        schema."""
        ...

    async def run_inputs(self, run_ids: Sequence[UUID]) -> list[tuple[UUID, str, str | None]]:
        """(run, stored input, codec's id) of those that are there."""
        ...

    async def purge_events(self, older_than: float, limit: int) -> int:
        """Retention: delete events published more than `older_than` seconds ago, oldest first. Returns how many."""
        ...
