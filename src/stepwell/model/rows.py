"""The values that cross the seam between `core` and `store`.

Instants are `float` unix seconds of the *database's* clock, durations `float` seconds. Payloads are
`str`: JSON escaped to ASCII (or what a codec made of it). Nothing here knows SQL or a driver.
Messages, events and streams are in `model.messaging`.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from uuid import UUID

import msgspec

#: Version of the engine's recorded conventions (fingerprints, branch names); stored per run.
ENGINE_FORMAT = 1

#: What a level of priority is worth: so many seconds of waiting. Claims go by it, so that nothing waits for ever.
PRIORITY_SECONDS = 60.0


@dataclass(slots=True, frozen=True)
class ParentRef:
    """The place in a parent run that started a child: its gate is unique."""

    run_id: UUID
    branch: str
    seq: int


class NewRun(msgspec.Struct, gc=False):
    """A start. The INSERT of this row is the only gate to execution."""

    run_id: UUID
    workflow_id: str
    name: str
    route: str  # name, version and instance in one text: what claims filter on
    status: str  # PENDING (owned by the starter) or ENQUEUED
    owner: UUID | None  # incarnation; set exactly for PENDING. Such a row starts with epoch 1, attempts 1
    input: str
    input_digest: str
    version: str | None = None
    instance: str | None = None
    code_hint: str | None = None
    codec_id: str | None = None
    queue: str | None = None
    priority: int = 0
    partition_key: str | None = None
    dedup_key: str | None = None
    expires: float | None = None  # expires_at = clock + expires
    delay: float | None = None  # not_before = clock + delay
    not_before: float | None = None
    timeout: float | None = None  # deadline = least(clock + timeout, deadline)
    deadline: float | None = None
    attributes: str | None = None  # a JSON object
    parent: ParentRef | None = None
    parent_close: str = "cancel"  # or "abandon"
    root_run_id: UUID | None = None
    max_recoveries: int = 20
    replace: bool = False  # on_conflict="replace": take the id from an ended run, the dedup key from one not started
    unguessed: bool = False  # workflow_id is made of run_id: nobody else can have used it


class Started(msgspec.Struct, frozen=True, gc=False):
    """What a start met: `created`, or the row that had the id (or the child's gate) first."""

    run_id: UUID
    workflow_id: str
    created: bool  # true also when the same run_id was found: our own lost acknowledgement
    name: str
    input_digest: str
    status: str
    deadline: float | None
    deduplicated: bool = False  # it has the dedup key; its id and its inputs are others


class Checkpoint(msgspec.Struct, gc=False):
    """One recorded outcome: a row of `operation_outputs`, written once under the fence (run_id, epoch)."""

    run_id: UUID
    epoch: int
    branch: str
    seq: int
    name: str
    kind: str  # step sleep child result now uuid random patch cancel ...
    ended: str  # ok | error | abandoned | cancelled
    output: str | None
    error: str | None
    fingerprint: int  # signed 64 bits
    pos: int  # order of delivery to the workflow's code
    elapsed: float  # seconds the body took; started_at = completed_at - elapsed
    attempts: int = 1
    child_run: UUID | None = None
    codec_id: str | None = None
    settles_intent: bool = False  # an intent of the same key exists: remove it with this outcome
    consumes: str | None = None  # key of the message that this receive took: marked in the same transaction


class Intent(msgspec.Struct, gc=False):
    """Begun and not ended: a row of `operation_intents`, under the same fence.

    kind "once": an at_most_once body is about to start. "attempt": attempt number `attempt` failed with
    `error`, the next is due after `delay` (overwrites). "wait": a wait with a deadline `due` or `delay`
    from now; the first one written stays, so that a replay keeps the first due time.
    """

    run_id: UUID
    epoch: int
    branch: str
    seq: int
    name: str
    kind: str
    attempt: int = 0
    delay: float | None = None  # due = clock + delay
    due: float | None = None
    error: str | None = None


class Finish(msgspec.Struct, gc=False):
    """The outcome of a run, under the fence; PENDING -> SUCCESS | ERROR | CANCELLED."""

    run_id: UUID
    epoch: int
    status: str
    output: str | None
    error: str | None
    reason: str | None = None
    codec_id: str | None = None
    clears_intents: bool = False  # something begun has no outcome of its own (a timeout block left in time)


@dataclass(slots=True)
class Batch:
    """What one group commit carries. Applied in the order: starts, intents, checkpoints, finishes;
    each part sees the rows of those before it. A finish is accepted only if the run's checkpoints in the
    same batch are. `starts` here are only PENDING runs of our own with ids that nobody else can know."""

    starts: list[NewRun] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    finishes: list[Finish] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.starts) + len(self.intents) + len(self.checkpoints) + len(self.finishes)


class Verdict(IntEnum):
    """What became of one row of a batch."""

    WRITTEN = 0
    MINE = 1  # already there with my epoch and the same outcome: my own lost acknowledgement
    LOST = 2  # the epoch moved on: stop before the next side effect
    BUSY = 3  # the run's row is locked by somebody's open transaction: send again
    CONFLICT = 4  # the same key and epoch with another outcome: a bug; the run becomes BLOCKED


@dataclass(slots=True)
class Committed:
    """Verdicts of a batch, in the order of its lists. `all_written` is the answer nearly always; the
    verdict lists are then empty. `dues` has for every intent its stored (due, database now), or None if
    its verdict is not WRITTEN or MINE. `cancels` maps runs of this batch with a pending cancellation to its reason."""

    all_written: bool
    starts: list[Verdict] = field(default_factory=list)
    intents: list[Verdict] = field(default_factory=list)
    checkpoints: list[Verdict] = field(default_factory=list)
    finishes: list[Verdict] = field(default_factory=list)
    dues: list[tuple[float | None, float] | None] = field(default_factory=list)
    cancels: dict[UUID, str] = field(default_factory=dict)


class Recorded(msgspec.Struct, array_like=True, gc=False):
    """One row of a claimed run's history."""

    branch: str
    seq: int
    name: str
    kind: str
    ended: str
    output: str | None
    error: str | None
    fingerprint: int
    pos: int
    epoch: int
    attempts: int
    child_run: UUID | None
    codec_id: str | None
    completed_at: float


class RecordedIntent(msgspec.Struct, array_like=True, gc=False):
    """One row of a claimed run's begun and not ended things."""

    branch: str
    seq: int
    name: str
    kind: str
    attempt: int
    due: float | None
    error: str | None


@dataclass(slots=True)
class Claimed:
    """A run that this process owns now, with all it needs to go on. `epoch` is never read again."""

    run_id: UUID
    workflow_id: str
    epoch: int
    name: str
    version: str | None
    instance: str | None
    input: str
    codec_id: str | None
    attempts: int
    deadline: float | None
    cancel_reason: str | None
    attributes: str | None
    parent: ParentRef | None
    root_run_id: UUID | None
    created_at: float
    database_now: float
    engine_format: int
    history: list[Recorded]
    intents: list[RecordedIntent]
    queue: str = ""


@dataclass(slots=True)
class Taken:
    """What a claim has got, and how the queues with limits stand after it."""

    runs: list[Claimed]
    again: bool = False  # there may be more at once
    held: bool = False  # something waits until a limit lets it go, or until another process has claimed
    opens_in: float | None = None  # seconds until a rate lets the next run start, or the next delayed one is due


@dataclass(slots=True, frozen=True)
class Wait:
    """One wait of a parked run: a time, or a fact, or whichever comes first.

    Facts: "run", the end of target_run; "message", a message to this run that nobody has consumed, of `topic`
    (None: one without a topic); "event", target_run has set `key`, or has ended; "stream", target_run's stream
    `key` has an entry `number`, or target_run has ended; "published", an event `key` above `position` was published
    that `filter` lets through (see `model.published`).
    """

    branch: str
    seq: int
    kind: str  # timer | run | message | event | stream | published
    wake_at: float | None = None
    target_run: UUID | None = None
    topic: str | None = None
    key: str | None = None
    number: int | None = None
    position: int | None = None
    filter: str | None = None


@dataclass(slots=True)
class Leave:
    """An execution ends without an outcome: compare-and-set on (run_id, owner, epoch).

    ENQUEUED: released (epoch + 1; `recovery` counts it against max_recoveries like a reap does).
    WAITING: parked with its waits (epoch stays; a claim raises it); the same transaction does not look
    whether a wait is already satisfied: the caller calls `wake` afterwards. With a cancellation pending it is released
    instead.
    BLOCKED: with `reason`; `code_hint` is remembered among the hashes that were tried.
    `queue`: in which it has had a place, if any: others may wait for that.
    """

    run_id: UUID
    epoch: int
    status: str
    reason: str | None = None
    code_hint: str | None = None
    waits: tuple[Wait, ...] = ()
    recovery: bool = False
    queue: str = ""


@dataclass(slots=True, frozen=True)
class Beat:
    """The answer to a heartbeat: `known` is false if the executor's row is gone (reaped: it must register
    anew under a new incarnation and own nothing)."""

    known: bool
    database_now: float
    cancels: dict[UUID, str]  # pending cancellations of runs that this incarnation owns
