"""Messages, events, streams, and the secrets of tokens."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from stepwell.model.messaging import (
    EventRow,
    EventWrite,
    Message,
    NewMessage,
    Published,
    Sent,
    StreamEntry,
    StreamWrite,
)


class MessagingVerbs(Protocol):
    """See `store.api.Store`."""

    async def send(self, messages: Sequence[NewMessage]) -> list[Sent]:
        """Insert messages, in their order, each to the current run of its workflow_id in this namespace (any app); then
        wake the parked runs that wait for them (in a new snapshot, after the commit). Idempotent by (run, key), also
        within one call: the first is SENT. The destination cannot end meanwhile: a message is there before its end, or
        ENDED; one that nobody has received by then never is. Raises StoreFault(PAYLOAD) if the database
        refuses a value."""
        ...

    async def unconsumed(self, wanted: Sequence[tuple[UUID, str | None]], limit: int) -> list[Message]:
        """The messages of these (run, topic) that no receive has consumed, by run and number; the oldest `limit` of
        each pair. A receive consumes by `Checkpoint.consumes` in the group commit: only the run's owner does, so
        nothing is locked here; what it has chosen and not yet committed is still among them."""
        ...

    async def publish(self, events: Sequence[EventWrite], entries: Sequence[StreamWrite]) -> list[Published]:
        """Fenced and idempotent, one transaction; verdicts of events, then of entries. What a place has written before
        is not written again, whatever other places have written since. An event of the same key is replaced. Entries
        get dense numbers per (run, key). Then wakes who is parked on them, in a new snapshot after the commit. Raises
        StoreFault(PAYLOAD) if the database refuses a value."""
        ...

    async def events(self, wanted: Sequence[tuple[UUID, str]]) -> list[EventRow]:
        """Those of these (run, key) that are set."""
        ...

    async def streams(self, wanted: Sequence[tuple[UUID, str, int]], limit: int) -> list[list[StreamEntry]]:
        """For each (run, key, start), in this order: its entries from number `start` on, in order, without a gap, at
        most `limit`; with its closing entry if that is reached."""
        ...

    async def secret(self, name: str, proposal: str) -> str:
        """The secret of that name in this namespace: `proposal`, unless there is one already."""
        ...

    async def answered_by(self, run_id: UUID, key: str) -> str | None:
        """`reply_to` of this run's message with that key, received or not: who answered a token first."""
        ...
