"""Messages, events and streams, as they cross the seam between `core` and `store`. See `model.rows`."""

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID


@dataclass(slots=True, frozen=True)
class NewMessage:
    """A message to the current run of `workflow_id`. (destination run, key) is its identity: sent twice, it is there
    once."""

    workflow_id: str
    key: str
    body: str
    topic: str | None = None
    codec_id: str | None = None
    sender_run: UUID | None = None
    reply_to: str | None = None


class Delivery(IntEnum):
    """What became of one message."""

    SENT = 0
    DUPLICATE = 1  # that key is there already: nothing was changed
    NOT_FOUND = 2  # no run has that id
    ENDED = 3  # the run of that id has ended: nobody will receive it


@dataclass(slots=True, frozen=True)
class Sent:
    """The answer to a send; `run_id` is the destination, whatever its state."""

    delivery: Delivery
    run_id: UUID | None
    woke: bool = False  # it was parked on that message, and is ENQUEUED now


@dataclass(slots=True, frozen=True)
class Message:
    """One that nobody has consumed. An empty topic is no topic."""

    run_id: UUID
    key: str
    topic: str | None
    body: str
    codec_id: str | None
    number: int  # order of arrival: of two messages of one sender the earlier has the smaller one


@dataclass(slots=True, frozen=True)
class EventWrite:
    """What set_event writes, under the fence (run_id, epoch). The place (branch, seq) makes it idempotent."""

    run_id: UUID
    epoch: int
    branch: str
    seq: int
    key: str
    value: str
    codec_id: str | None = None


@dataclass(slots=True, frozen=True)
class StreamWrite:
    """One entry of a stream, under the fence; `value` None closes it.

    With a place (branch, seq) it is written once whatever is sent again; from within a step (seq None) each call
    appends, so an attempt that is repeated writes again.
    """

    run_id: UUID
    epoch: int
    branch: str
    seq: int | None
    key: str
    value: str | None
    codec_id: str | None = None


class Published(IntEnum):
    """What became of an event or a stream entry."""

    WRITTEN = 0  # now, or before by the same place
    LOST = 1  # the fence: another execution owns the run
    CLOSED = 2  # the stream had been closed


@dataclass(slots=True, frozen=True)
class EventRow:
    """An event that is set."""

    run_id: UUID
    key: str
    value: str
    codec_id: str | None
    set_at: float


@dataclass(slots=True, frozen=True)
class StreamEntry:
    """One entry; numbers are dense from 0. `value` None: the stream is closed here."""

    number: int
    value: str | None
    codec_id: str | None
    written_at: float
