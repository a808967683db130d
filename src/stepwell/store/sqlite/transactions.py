"""What SQLite is told in users' transactions: see `store.transactions.Dialect`.

Whatever library the user has, at the bottom is a `sqlite3.Connection`, and there the statements are said. The mark is a
savepoint: a COMMIT or ROLLBACK takes it away, and nothing but the transaction that set it can release it.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from stepwell.model.messaging import NewMessage, Sent
from stepwell.model.rows import Checkpoint, NewRun, Recorded, Started
from stepwell.model.transactions import Elsewhere, Mode, Standing
from stepwell.store.api import StoreIdentity
from stepwell.store.faults import FaultKind
from stepwell.store.hints import Hint
from stepwell.store.sqlfile import statement_of
from stepwell.store.sqlite import messages, starts
from stepwell.store.sqlite.connection import Session, uuid_of
from stepwell.store.sqlite.errors import kind_of_name
from stepwell.store.sqlite.functions import contains
from stepwell.store.transactions import Hold, Speaker, ended_itself

_MARK = "SAVEPOINT stepwell_transaction"
_TAKE_MARK = "RELEASE stepwell_transaction"


def standing(db: Session, run_id: UUID, epoch: int, branch: str, seq: int) -> Standing:
    """How an operation and its run stand now."""
    place = {"run_id": run_id.bytes, "epoch": epoch, "branch": branch, "seq": seq}
    owned, rewound, *outcome = db.rows("transactions/standing", place)[0]
    if outcome[0] is None:
        return Standing(None, bool(owned), rewound)
    outcome[9] = uuid_of(outcome[9])
    return Standing(Recorded(branch, seq, *outcome), bool(owned), rewound)


def owns(db: Session, run_id: UUID, epoch: int) -> bool:
    """Whether this execution owns the run."""
    return db.value("transactions/owns", (run_id.bytes, epoch)) is not None


class SQLiteDialect:
    """`clock`: the database's time, unix seconds. `identity`: whose runs are started. `file`: where it is said, if that
    is an engine's own; those of the same file are equal."""

    is_sqlite = True

    def __init__(self, identity: StoreIdentity, clock: Callable[[], float], file: Path | None = None) -> None:
        self._identity = identity
        self._clock = clock
        self._file = file

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SQLiteDialect) or self._file is None or other._file is None:
            return self is other
        return self._file.resolve() == other._file.resolve()

    __hash__ = object.__hash__

    def kind_of(self, code: str) -> FaultKind:
        """By the store's own table."""
        return kind_of_name(code)

    # -- begin and mark ------------------------------------------------------------------------------------------
    def begin(self, mode: Mode) -> str:
        """With the file's write lock from the beginning: a transaction that asks for it later may find it taken."""
        return "BEGIN" if mode.read_only else "BEGIN IMMEDIATE"

    def isolation(self, mode: Mode) -> str | None:
        """SQLite's transactions are serializable."""
        return None

    async def mark(self, speaker: Speaker, mode: Mode) -> None:
        raw: sqlite3.Connection = speaker.raw
        if not raw.in_transaction:  # the library waits with BEGIN for the first write: too late for us
            raw.execute(self.begin(mode))
        raw.execute(_MARK)
        if mode.read_only:
            raw.execute("PRAGMA query_only = 1")

    def unmark(self, speaker: Speaker, mode: Mode) -> None:
        if mode.read_only:
            with suppress(sqlite3.Error):
                speaker.raw.execute("PRAGMA query_only = 0")

    async def is_marked(self, speaker: Speaker, mode: Mode) -> bool:
        raw: sqlite3.Connection = speaker.raw
        if not raw.in_transaction:
            return False
        try:
            raw.execute(_TAKE_MARK)
        except sqlite3.OperationalError as error:
            if "no such savepoint" in str(error):
                return False
            raise
        return True

    # -- the engine's own file -----------------------------------------------------------------------------------
    async def conclude(self, hold: Hold, row: Checkpoint, mode: Mode) -> bool:
        if not await self.is_marked(hold, mode):
            raise ended_itself()
        params = {
            "run_id": row.run_id.bytes,
            "branch": row.branch,
            "seq": row.seq,
            "name": row.name,
            "kind": row.kind,
            "ended": row.ended,
            "output": row.output,
            "error": row.error,
            "fingerprint": row.fingerprint,
            "pos": row.pos,
            "epoch": row.epoch,
            "attempts": row.attempts,
            "codec_id": row.codec_id,
            "elapsed": row.elapsed,
            "now": self._clock(),
        }
        with self._session(hold) as db:
            written = db.value("transactions/record", params) is not None
        if written:
            await hold.commit()
        return written

    async def is_home_of(self, speaker: Speaker, incarnation: UUID) -> bool:
        with self._session(speaker) as db:
            if db.value("transactions/tables", ("executors",)) is None:
                return False
            return db.value("transactions/is_home", (incarnation.bytes,)) is not None

    async def start(self, speaker: Speaker, run: NewRun) -> Started:
        with self._session(speaker) as db:
            self._lend_functions(db)
            return starts.start(db, [run])[0]

    async def send(self, speaker: Speaker, message: NewMessage) -> Sent:
        with self._session(speaker) as db:
            self._lend_functions(db)
            return messages.send(db, [message])[0]

    async def hint(self, speaker: Speaker, hints: Hint) -> None:
        """The file's own counter of commits tells everybody."""

    def _lend_functions(self, db: Session) -> None:
        db.connection.create_function("stepwell_clock", 0, self._clock)
        db.connection.create_function("stepwell_contains", 2, contains, deterministic=True)

    # -- outcomes in other files ---------------------------------------------------------------------------------
    @property
    def outcome_table(self) -> str:
        return statement_of(Path(__file__).with_name("outcomes.sql"))

    async def prepare(self, speaker: Speaker, create: bool) -> bool:
        with self._session(speaker) as db:
            there = db.value("transactions/tables", ("stepwell_transactions",)) is not None
            if not there and create:
                db.connection.execute(self.outcome_table)
            return there or create

    async def found(self, speaker: Speaker, run_id: UUID, branch: str, seq: int) -> Elsewhere | None:
        with self._session(speaker) as db:
            row = db.one("transactions/outcomes_find", (run_id.bytes, branch, seq))
            return None if row is None else Elsewhere(*row)

    async def write(self, speaker: Speaker, row: Checkpoint, mode: Mode) -> bool:
        if not await self.is_marked(speaker, mode):
            raise ended_itself()
        key = (row.run_id.bytes, row.branch, row.seq)
        with self._session(speaker) as db:
            values = (*key, row.epoch, row.name, row.fingerprint, row.output, row.codec_id)
            return db.value("transactions/outcomes_write", values) is not None

    async def forget(self, speaker: Speaker, run_id: UUID, branch: str, seq: int) -> None:
        with self._session(speaker) as db:
            db.run("transactions/outcomes_forget", (run_id.bytes, branch, seq))

    async def kept(self, speaker: Speaker, after: UUID | None, limit: int) -> list[UUID]:
        with self._session(speaker) as db:
            first = b"" if after is None else after.bytes
            return [UUID(bytes=run_id) for (run_id,) in db.rows("transactions/outcomes_kept", (first, limit))]

    async def clear(self, speaker: Speaker, run_ids: list[UUID]) -> None:
        with self._session(speaker) as db:
            db.many("transactions/outcomes_clear", [(run_id.bytes,) for run_id in run_ids])

    @contextmanager
    def _session(self, speaker: Speaker) -> Iterator[Session]:
        """Our words on the user's connection; what the user has set for its rows is not meant for ours."""
        raw: Any = speaker.raw
        rows, text = raw.row_factory, raw.text_factory
        raw.row_factory, raw.text_factory = None, str
        try:
            yield Session(raw, self._identity)
        finally:
            raw.row_factory, raw.text_factory = rows, text
