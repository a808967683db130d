"""The group commit: what a batch becomes, all of it in one transaction.

The fast form assumes that everything adds up, as it nearly always does: fences hold, keys are free, and
rows go in many at a time. Where it does not, all that it wrote is undone and the careful form
(`verdicts.py`) looks at each row.
"""

import sqlite3
from collections.abc import Sequence
from operator import itemgetter
from uuid import UUID

from stepwell.model.rows import Batch, Checkpoint, Committed, Finish, Intent, Verdict
from stepwell.store.sqlite.connection import Session
from stepwell.store.sqlite.messages import consume
from stepwell.store.sqlite.starts import insert_run
from stepwell.store.sqlite.verdicts import commit_carefully
from stepwell.store.sqlite.writing import checkpoint_params, finish_params, write_intent

_KEY = itemgetter(0, 1, 2)  # run, branch, seq

#: Runs of one statement of workflows/fences, and how many are worth it.
_FENCES = 32
_FEW = 5


class _DoesNotAddUp(Exception):
    """Some row of the batch needs a verdict of its own."""


def commit(db: Session, batch: Batch) -> Committed:
    """Write a batch, fenced and idempotent."""
    db.connection.execute("SAVEPOINT fast")
    try:
        return _commit_fast(db, batch)
    except (_DoesNotAddUp, sqlite3.IntegrityError):
        db.connection.execute("ROLLBACK TO fast")
    return commit_carefully(db, batch)


def _commit_fast(db: Session, batch: Batch) -> Committed:
    for run in batch.starts:
        if insert_run(db, run) is None:
            raise _DoesNotAddUp
    committed = Committed(all_written=True)
    now = _check_fences(db, batch, committed.cancels)
    for intent in batch.intents:
        verdict, due = write_intent(db, intent)
        if verdict is not Verdict.WRITTEN:
            raise _DoesNotAddUp
        committed.dues.append(due)
    _write_checkpoints(db, batch.checkpoints, now)
    if batch.finishes and db.many("workflows/finish", map(finish_params, batch.finishes)) != len(batch.finishes):
        raise _DoesNotAddUp
    cleared = [(finish.run_id.bytes,) for finish in batch.finishes if finish.clears_intents]
    if cleared:
        db.many("intents/clear", cleared)
    return committed


def _check_fences(db: Session, batch: Batch, cancels: dict[UUID, str]) -> float:
    """Every run of the batch must be ours now. Reports the cancellations that wait for them; the database's now."""
    parts: Sequence[Intent | Checkpoint | Finish] = [*batch.intents, *batch.checkpoints, *batch.finishes]
    epochs = {part.run_id: part.epoch for part in parts}
    if any(epochs[part.run_id] != part.epoch for part in parts):
        raise _DoesNotAddUp  # of two executions of a run one has lost it
    now = 0.0
    if len(epochs) < _FEW:
        for run_id, epoch in epochs.items():
            row = db.one("workflows/fence", (run_id.bytes, epoch))
            if row is None:
                raise _DoesNotAddUp
            if row[0] is not None:
                cancels[run_id] = row[0]
            now = row[1]
        return now
    wanted = {run_id.bytes: epoch for run_id, epoch in epochs.items()}
    keys = list(wanted)
    for first in range(0, len(keys), _FENCES):
        some = keys[first : first + _FENCES]
        rows = db.rows("workflows/fences", some + some[:1] * (_FENCES - len(some)))
        if len(rows) != len(some):
            raise _DoesNotAddUp
        for key, epoch, reason, now in rows:  # noqa: B007, all are the same
            if wanted[key] != epoch:
                raise _DoesNotAddUp
            if reason is not None:
                cancels[UUID(bytes=key)] = reason
    return now


def _write_checkpoints(db: Session, checkpoints: list[Checkpoint], now: float) -> None:
    if not checkpoints:
        return
    rows = [(*checkpoint_params(c), now) for c in checkpoints]
    rows.sort(key=_KEY)
    db.many("steps/insert", rows)
    consume(db, checkpoints)
    settled = [(c.run_id.bytes, c.branch, c.seq) for c in checkpoints if c.settles_intent]
    if settled:
        db.many("intents/settle", settled)
