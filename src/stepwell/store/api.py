"""The seam between the rules of durable execution and a database: the verbs that `core` may say.

Every verb is one bounded unit of work: one transaction (unless its docstring says otherwise), at most
`limit` rows, and a deadline of its own (`call_deadline`). It raises `StoreFault` and nothing else for
database trouble. Time is the database's: `clock()` in SQL (in Postgres the schema's SQL function `clock()`,
in SQLite a function of the connection), so that tests can move it. Every verb but `migrate` may be called
concurrently; the store decides which connection serves it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
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
from stepwell.model.resumption import Resumption
from stepwell.model.rows import (
    Batch,
    Beat,
    Claimed,
    Committed,
    ExecutorRow,
    Leave,
    NewRun,
    Outcome,
    RunFilter,
    RunRow,
    Started,
    StepRow,
)
from stepwell.model.transactions import Standing
from stepwell.store.hints import Ear
from stepwell.store.transactions import Dialect

T = TypeVar("T")


@dataclass(slots=True, frozen=True)
class StoreIdentity:
    """Whose rows: `namespace` separates tenants (ids are unique in one), `app` the services in one schema."""

    schema: str = "stepwell"
    namespace: str = "default"
    app: str = "default"


def retention_lease(identity: StoreIdentity) -> str:
    """The name of the row lease under which an app's old runs are deleted: how long they stay is its own setting."""
    return f"retention/{identity.namespace}/{identity.app}"


@dataclass(slots=True, frozen=True)
class MigrationState:
    number: int
    name: str
    kind: str  # pre | post
    applied_at: float | None


class HeartbeatPort(Protocol):
    """A connection of its own for one OS thread: synchronous, never shared, reconnects by itself."""

    def beat(self, incarnation: UUID, lease: float) -> Beat:
        """Prolong the lease by `lease` seconds from the database's clock, beat + 1. Raises StoreFault."""
        ...

    def close(self) -> None: ...


class Store(Protocol):
    # -- life of the store ------------------------------------------------------------------------------
    async def open(self) -> None:
        """Connect; creates nothing. Opening twice is an error of the caller."""
        ...

    async def close(self) -> None:
        """Give all connections back. Safe to call twice."""
        ...

    async def migrate(self) -> list[str]:
        """Apply what is missing, under one advisory transaction lock; returns the names applied."""
        ...

    async def migrations(self) -> list[MigrationState]:
        """All known migrations, applied or not. Works on an empty database."""
        ...

    async def warnings(self) -> list[str]:
        """What is dangerous about this server's configuration, in words (fsync off, ...)."""
        ...

    async def tidy(self) -> str | None:
        """Housekeeping that the database does not do by itself, at most once a minute; what keeps it from being done,
        in words. SQLite: the write-ahead log is cut back where readers have let it grow."""
        ...

    async def now(self) -> float: ...

    def heartbeat_port(self) -> HeartbeatPort:
        """A new port; opened lazily by its first beat, in the thread that uses it."""
        ...

    async def listen(self, ear: Ear) -> None:
        """Tell `ear` what other processes do, until cancelled; on a connection of its own where that takes one.

        Verbs that change something tell the others by themselves, after their commit, coalesced: see `store.hints`.
        Ends only where hints are impossible; never raises for trouble with the database."""
        ...

    # -- starts and the journal ------------------------------------------------------------------------
    async def start(self, runs: Sequence[NewRun]) -> list[Started]:
        """Insert runs with ids that others may use too, or attach to what is there; the starts' lane.

        Sorted by workflow_id; in one transaction, or those that are new in one and the others in a second. Of two
        rows of one call with the same id, the first wins. `replace` archives a current run of that id if it has ended,
        otherwise attaches to it.
        A child (with `parent`) attaches to the current child of the same gate whatever its id is; if only its display
        id is taken by an unrelated run, the id gets the suffix '~' + the last 8 hex digits of run_id.
        """
        ...

    async def commit(self, batch: Batch) -> Committed:
        """The group commit: one round trip, one transaction; fenced, idempotent. See `Batch`.

        Sorts the rows itself. The fast form counts rows; whatever does not add up (fewer rows, a
        duplicate key, a lock timeout) is sent again in the careful form inside this call. A checkpoint is
        written although a cancellation is pending: `cancels` reports it. Raises StoreFault(PAYLOAD) if the
        database refuses a value of the batch (the caller bisects) and UNKNOWN for what has no rule.
        """
        ...

    # -- ownership -------------------------------------------------------------------------------------
    async def register(
        self, incarnation: UUID, label: str, lease: float, serves: Sequence[str], queues: Sequence[str]
    ) -> float:
        """Insert (or update) this process's executor row; returns the database's now."""
        ...

    async def set_draining(self, incarnation: UUID) -> None: ...

    async def unregister(self, incarnation: UUID) -> None:
        """Remove the executor row; the caller has released its runs."""
        ...

    async def executors(self) -> list[ExecutorRow]: ...

    async def cancels(self, incarnation: UUID) -> dict[UUID, str]:
        """The runs of this process that have a pending cancellation, with its reason."""
        ...

    async def claim(self, incarnation: UUID, routes: Sequence[str], queues: Sequence[str], limit: int) -> list[Claimed]:
        """Take up to `limit` ENQUEUED runs (app, namespace, route served, queue NULL or listed, not_before
        reached), by priority then age, skipping locked rows; epoch + 1; returns them with their history.
        A row whose history cannot be read is still returned alone, never lost."""
        ...

    async def leave(self, leaves: Sequence[Leave]) -> list[bool | None]:
        """End executions without an outcome; True where the compare-and-set on the epoch held; None where somebody's
        open transaction holds the run: nothing was changed, send it again."""
        ...

    async def wake(self, limit: int) -> int:
        """WAITING runs with a wait that is due or whose fact is there (see `Wait`), or with a pending
        cancellation: to ENQUEUED, their waits removed. Looks at every parked run. Returns how many."""
        ...

    async def wake_due(self, limit: int) -> int:
        """The same for waits that are due only: what a timer asks, as often as it likes."""
        ...

    async def wake_parked(self, run_ids: Sequence[UUID]) -> int:
        """The same for these runs only: what whoever parked them asks, in a new snapshot after `leave`."""
        ...

    async def wake_waiters_of(self, ended: Sequence[UUID]) -> int:
        """The same for the runs that wait for something of one of these, which have ended."""
        ...

    async def next_wake(self) -> tuple[float | None, float]:
        """(The earliest moment at which a wait of a WAITING run is due or a not_before will be, database now).

        A wait that is due already counts, for `wake`; a not_before that is reached does not: it is for `claim`."""
        ...

    # -- messages, events, streams ---------------------------------------------------------------------
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

    # -- sweeps: level-triggered, bounded, safe to repeat. reap, reap_orphans, wake and expire_deadlines enforce
    # rules of the schema, for every namespace and app in it: any live process does that for all. retry_blocked
    # and purge are of this store's own app and namespace, whose code and whose setting they follow. ---
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

    # -- looking ---------------------------------------------------------------------------------------
    async def outcomes(self, run_ids: Sequence[UUID]) -> list[Outcome]:
        """Those of these runs that have ended."""
        ...

    async def find_run(self, workflow_id: str) -> RunRow | None:
        """The current run of this id, with payloads."""
        ...

    async def get_run(self, run_id: UUID) -> RunRow | None: ...

    async def list_runs(self, where: RunFilter, payloads: bool = False) -> list[RunRow]: ...

    async def count_runs(self, where: RunFilter) -> int: ...

    async def list_steps(
        self, run_id: UUID, payloads: bool = True, limit: int = 1000, after_pos: int = -1
    ) -> list[StepRow]:
        """Outcomes by pos, then intents."""
        ...

    # -- users' transactions in this database -----------------------------------------------------------
    def dialect(self) -> Dialect:
        """What is said on a user's connection to this database."""
        ...

    async def standing(self, run_id: UUID, epoch: int, branch: str, seq: int) -> Standing:
        """How an operation and its run stand now."""
        ...

    async def owns(self, run_id: UUID, epoch: int) -> bool:
        """Whether this execution still owns the run: all that a commit in another database needs to know."""
        ...

    async def touch(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        """Do something on a user's connection: nothing but the call. A verb, so that a simulation can stand before
        it."""
        ...

    async def stand_back(self) -> None:
        """Begin no write until `come_back`: a user's transaction in the same file would wait for ours, or ours for
        it."""
        ...

    def come_back(self) -> None: ...

    # -- operators' verbs ------------------------------------------------------------------------------
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
