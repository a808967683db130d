"""How each part of a batch is written; shared by the fast and the careful form of the group commit."""

from typing import Any

from stepwell.model.rows import Checkpoint, Finish, Intent, Verdict
from stepwell.store.sqlite.connection import Session

#: A stored intent's due time and the database's now.
Due = tuple[float | None, float]


def checkpoint_params(c: Checkpoint) -> tuple[Any, ...]:
    """In the order of steps/insert; begins with the key, so that sorting sorts by it."""
    return (
        c.run_id.bytes,
        c.branch,
        c.seq,
        c.name,
        c.kind,
        c.ended,
        c.output,
        c.error,
        c.fingerprint,
        c.pos,
        c.epoch,
        c.attempts,
        None if c.child_run is None else c.child_run.bytes,
        c.codec_id,
        c.elapsed,
    )


def finish_params(f: Finish) -> tuple[Any, ...]:
    """In the order of workflows/finish."""
    return (f.status, f.output, f.error, f.reason, f.codec_id, f.run_id.bytes, f.epoch)


def write_intent(db: Session, intent: Intent) -> tuple[Verdict, Due | None]:
    """Write down that something has begun; its fence was read in this transaction."""
    key = (intent.run_id.bytes, intent.branch, intent.seq)
    params = {
        "run_id": key[0],
        "branch": intent.branch,
        "seq": intent.seq,
        "name": intent.name,
        "kind": intent.kind,
        "epoch": intent.epoch,
        "attempt": intent.attempt,
        "due": intent.due,
        "delay": intent.delay,
        "error": intent.error,
    }
    written = db.one("intents/put", params)
    if written is not None:
        return Verdict.WRITTEN, (written[0], written[1])
    stored = db.one("intents/stored", key)
    if stored is None:
        return Verdict.MINE, (None, db.now())  # its outcome is recorded: this came late
    epoch, kind, name, attempt, due, now = stored
    if kind == intent.kind == "wait" and name == intent.name:  # an earlier epoch's too: the first stays
        return Verdict.MINE, (due, now)
    if (epoch, kind, name, attempt) == (intent.epoch, intent.kind, intent.name, intent.attempt):
        return Verdict.MINE, (due, now)
    return Verdict.CONFLICT, None
