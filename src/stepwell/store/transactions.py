"""The seam for users' transactions: connections that are the user's, whatever the driver, and what we say on them.

A `Source` gives out `Hold`s: one connection each, for one transaction. A `Dialect` knows the statements. Sources for
synchronous drivers have the same coroutines as the others, but theirs never suspend: a thread can run them without a
loop.
"""

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from stepwell.errors import TransactionMisuse
from stepwell.model.messaging import NewMessage, Sent
from stepwell.model.rows import Checkpoint, NewRun, Started
from stepwell.model.transactions import Elsewhere, Kind, Mode
from stepwell.store.faults import FaultKind
from stepwell.store.hints import Hint


@dataclass(frozen=True, slots=True)
class Query:
    """One statement for Postgres: its only parameter, if it has one, is $1, a JSON document. So no driver has to
    guess a type."""

    text: str
    document: str | None = None


class Speaker(Protocol):
    """Something that statements can be said on, in the transaction that is open there."""

    @property
    def raw(self) -> Any:
        """The sqlite3.Connection at the bottom, where the database is SQLite."""
        ...

    async def run(self, query: Query) -> list[tuple[Any, ...]]:
        """The rows of a statement, for Postgres."""
        ...


class Hold(Speaker, Protocol):
    """One connection of the user's kind, for one transaction."""

    @property
    def connection(self) -> Any:
        """What the body is given; None: nothing."""
        ...

    @property
    def lost(self) -> bool:
        """The connection is of no use any more."""
        ...

    def cut(self) -> None:
        """End the connection at the socket, from any thread, where the driver lets us."""
        ...

    async def begin(self, dialect: "Dialect", mode: Mode) -> None:
        """Begin the transaction, and mark it."""
        ...

    async def settle(self) -> None:
        """After the body: send what the library has kept back."""
        ...

    async def commit(self) -> None:
        """Commit. Whatever it raises, the transaction may have been committed."""
        ...

    async def commit_after(self, query: Query) -> None:
        """Say a last statement, for Postgres, and commit unless it raises: in one round trip, where the driver lets
        us. Whatever this raises, the transaction may have been committed."""
        ...

    async def end(self, usable: bool) -> None:
        """Give the connection back, rolled back if it was not committed; not `usable`: throw it away. Never raises."""
        ...


class Source(Protocol):
    """A database in which transactions run."""

    @property
    def dialect(self) -> "Dialect": ...

    async def hold(self, kind: Kind, cls: type | None) -> Hold:
        """A connection of that kind (of class `cls`, where users derive their own); waits while all are in use."""
        ...


class Dialect(Protocol):
    """What one kind of database is told in a user's transaction."""

    @property
    def is_sqlite(self) -> bool: ...

    def begin(self, mode: Mode) -> str:
        """Begin and mark a transaction, for drivers that let us say it."""
        ...

    def isolation(self, mode: Mode) -> str | None:
        """Set the isolation level, as the first statement after somebody else's BEGIN; None where there is only one."""
        ...

    async def mark(self, speaker: Speaker, mode: Mode) -> None:
        """Mark the transaction that a library has begun itself."""
        ...

    def unmark(self, speaker: Speaker, mode: Mode) -> None:
        """Take back what `mark` has changed beyond the transaction. Never raises."""
        ...

    async def is_marked(self, speaker: Speaker, mode: Mode) -> bool:
        """Whether this is still the transaction that was marked. Asked once: it may take the mark away."""
        ...

    async def conclude(self, hold: Hold, row: Checkpoint, mode: Mode) -> bool:
        """The fenced checkpoint in the engine's own database, then COMMIT; False: it was not written, and nothing is
        committed. TransactionMisuse without the mark. Whatever else it raises, it may have been committed."""
        ...

    async def is_home_of(self, speaker: Speaker, incarnation: UUID) -> bool:
        """Whether this is the engine's own database, with the right to write checkpoints there."""
        ...

    async def start(self, speaker: Speaker, run: NewRun) -> Started:
        """Start a run in the caller's transaction, or meet the one that is there."""
        ...

    async def send(self, speaker: Speaker, message: NewMessage) -> Sent:
        """Send a message in the caller's transaction; a receiver that is parked on it goes on when that commits."""
        ...

    async def hint(self, speaker: Speaker, hints: Hint) -> None:
        """Tell all processes, when the caller commits, what there is to look at. Without it they poll."""
        ...

    def kind_of(self, code: str) -> FaultKind:
        """What trouble a SQLSTATE, or a name of SQLite's, stands for."""
        ...

    # -- outcomes in other databases ---------------------------------------------------------------------------

    @property
    def outcome_table(self) -> str:
        """The DDL of the table of outcomes."""
        ...

    async def prepare(self, speaker: Speaker, create: bool) -> bool:
        """Whether the table of outcomes is there; made if it is not and `create`. In a transaction of its own."""
        ...

    async def found(self, speaker: Speaker, run_id: UUID, branch: str, seq: int) -> Elsewhere | None:
        """The outcome of this operation."""
        ...

    async def write(self, speaker: Speaker, row: Checkpoint, mode: Mode) -> bool:
        """Write the outcome; False: there is one. Waits for another transaction that is writing it. TransactionMisuse
        without the mark."""
        ...

    async def forget(self, speaker: Speaker, run_id: UUID, branch: str, seq: int) -> None:
        """Remove one outcome, that a rewind has taken back."""
        ...

    async def kept(self, speaker: Speaker, after: UUID | None, limit: int) -> list[UUID]:
        """Runs that have outcomes here, by run_id."""
        ...

    async def clear(self, speaker: Speaker, run_ids: list[UUID]) -> None:
        """Remove the outcomes of runs that have ended."""
        ...


def ended_itself() -> TransactionMisuse:
    """The failure of a body after which its transaction is not the one that it was given."""
    return TransactionMisuse(
        "the body has ended its transaction itself, by COMMIT or ROLLBACK: what it did after that is rolled back, "
        "and what it "
        "committed itself stays. A @transaction is committed when its body returns; for a part that may fail alone "
        "use a "
        "savepoint"
    )


def code_of(error: BaseException) -> str:
    """The SQLSTATE, or SQLite's error name, of a driver's exception or of one that a library or the user made of it;
    "" if none."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        for found in (each, getattr(each, "orig", None)):
            for name in ("sqlstate", "pgcode", "sqlite_errorname"):
                code = getattr(found, name, None)
                if isinstance(code, str) and code:
                    return code
        each = (
            each.__cause__ or getattr(each, "orig", None) or (None if each.__suppress_context__ else each.__context__)
        )
    return ""
