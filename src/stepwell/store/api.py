"""The seam between the rules of durable execution and a database: the verbs that `core` may say.

Every verb is one bounded unit of work: one transaction (unless its docstring says otherwise), at most
`limit` rows, and a deadline of its own (`call_deadline`). It raises `StoreFault` and nothing else for
database trouble. Time is the database's: `clock()` in SQL (in Postgres the schema's SQL function `clock()`,
in SQLite a function of the connection), so that tests can move it. Every verb but `migrate` may be called
concurrently; the store decides which connection serves it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from stepwell.model.looking import ExecutorRow
from stepwell.model.rows import Batch, Beat, Committed, Leave, NewRun, Started, Taken
from stepwell.store.hints import Ear
from stepwell.store.verbs.coalescing import CoalescingVerbs
from stepwell.store.verbs.looking import LookingVerbs
from stepwell.store.verbs.messaging import MessagingVerbs
from stepwell.store.verbs.operating import OperatorVerbs
from stepwell.store.verbs.publishing import PublishingVerbs
from stepwell.store.verbs.queues import QueueVerbs
from stepwell.store.verbs.scheduling import SchedulingVerbs
from stepwell.store.verbs.sweeping import SweepingVerbs
from stepwell.store.verbs.transacting import TransactionVerbs
from stepwell.store.verbs.watching import WatchingVerbs

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


class Store(
    MessagingVerbs,
    PublishingVerbs,
    SweepingVerbs,
    LookingVerbs,
    TransactionVerbs,
    OperatorVerbs,
    QueueVerbs,
    CoalescingVerbs,
    SchedulingVerbs,
    WatchingVerbs,
    Protocol,
):
    """All verbs: those of running here, the others by concern in `store.verbs`."""

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

    async def claim(
        self, incarnation: UUID, routes: Sequence[str], queues: Sequence[str] | None, limit: int, anew: bool = False
    ) -> Taken:
        """Take up to `limit` ENQUEUED runs (app, namespace, route served, started directly or in a queue that is
        listed, not_before reached), by priority and age, as the limits of their queues allow it, skipping locked rows;
        epoch + 1; returns them with their history. `queues` None: all. A row whose history cannot be read is still
        returned alone, never lost. Runs that have not started by their expires_at are CANCELLED before. A claim looks
        at so many names and partitions; the next one goes on behind them, and `again` says so until all were looked
        at. `anew`: the first claim of a look, for which none of them has been."""
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
