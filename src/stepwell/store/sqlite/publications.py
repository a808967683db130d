"""Events and streams: what an execution publishes under its fence, and what everybody may read."""

from collections.abc import Sequence
from uuid import UUID

from stepwell.model.messaging import EventRow, EventWrite, Published, StreamEntry, StreamWrite
from stepwell.store.sqlite.connection import Session
from stepwell.store.sqlite.waits import wake_runs


def publish(db: Session, events: Sequence[EventWrite], entries: Sequence[StreamWrite]) -> list[Published]:
    """Write what is fenced in and new, then wake who is parked on it; verdicts of events, then of entries."""
    publisher = _Publisher(db)
    verdicts = [publisher.event(row) for row in events] + [publisher.entry(row) for row in entries]
    waiting = {
        row[0]
        for run_id, key in sorted(publisher.written)
        for row in db.rows("waits/readers", {"target": run_id, "key": key})
    }
    wake_runs(db, sorted(waiting))
    return verdicts


class _Publisher:
    """What is known about the runs and streams of one call while its rows are written."""

    def __init__(self, db: Session) -> None:
        self.db = db
        self.written: set[tuple[bytes, str]] = (
            set()
        )  # also by places that had written before: their waker may have died
        self._owned: dict[tuple[UUID, int], bool] = {}

    def event(self, row: EventWrite) -> Published:
        if not self._owns(row.run_id, row.epoch):
            return Published.LOST
        run_id = row.run_id.bytes
        self.written.add((run_id, row.key))
        if self.db.run("publications/note", (run_id, row.branch, row.seq, "event", row.key)) == 1:
            self.db.run("publications/set_event", (run_id, row.key, row.value, row.codec_id, row.branch, row.seq))
        return Published.WRITTEN

    def entry(self, row: StreamWrite) -> Published:
        if not self._owns(row.run_id, row.epoch):
            return Published.LOST
        run_id = row.run_id.bytes
        self.written.add((run_id, row.key))
        place = (run_id, row.branch, row.seq, "stream", row.key)
        if row.seq is not None and self.db.one("publications/noted", place) is not None:
            return Published.WRITTEN
        number, closed = self.db.one("publications/head", (run_id, row.key)) or (-1, 0)
        if closed:
            return Published.CLOSED
        entry = {
            "run_id": run_id,
            "key": row.key,
            "number": number + 1,
            "value": row.value,
            "codec_id": row.codec_id,
        }
        self.db.run("publications/append", entry)
        if row.seq is not None:
            self.db.run("publications/note", place)
        return Published.WRITTEN

    def _owns(self, run_id: UUID, epoch: int) -> bool:
        """The fence, read once per execution: what this transaction sees cannot change under it."""
        key = (run_id, epoch)
        if key not in self._owned:
            self._owned[key] = self.db.one("workflows/fence", (run_id.bytes, epoch)) is not None
        return self._owned[key]


def events(db: Session, wanted: Sequence[tuple[UUID, str]]) -> list[EventRow]:
    """Those that are set."""
    found = []
    for run_id, key in dict.fromkeys(wanted):
        row = db.one("publications/event", (run_id.bytes, key))
        if row is not None:
            found.append(EventRow(run_id, key, *row))
    return found


def streams(db: Session, wanted: Sequence[tuple[UUID, str, int]], limit: int) -> list[list[StreamEntry]]:
    """The entries of each stream from a number on."""
    if limit <= 0:  # which SQLite would read as "no limit"
        return [[] for _ in wanted]
    return [
        [StreamEntry(*row) for row in db.rows("publications/entries", (run_id.bytes, key, start, limit))]
        for run_id, key, start in wanted
    ]
