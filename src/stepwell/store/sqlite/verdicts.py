"""The careful form of the group commit: one row at a time, each with its verdict.

Sent only when the fast form did not add up. Bad verdicts spread: a finish is not accepted when a
checkpoint or an intent of the same execution in the same batch was not.
"""

from uuid import UUID

from stepwell.model.rows import Batch, Checkpoint, Committed, Finish, Intent, NewRun, Verdict
from stepwell.model.status import TERMINAL, Status
from stepwell.store.sqlite.connection import Session, blob
from stepwell.store.sqlite.messages import consume
from stepwell.store.sqlite.starts import insert_run
from stepwell.store.sqlite.writing import Due, checkpoint_params, finish_params, write_intent

_ACCEPTED = (Verdict.WRITTEN, Verdict.MINE)


def commit_carefully(db: Session, batch: Batch) -> Committed:
    """Every row of the batch with its verdict; `all_written` if nothing was amiss after all."""
    careful = _Careful(db)
    starts = [careful.start(run) for run in batch.starts]
    intents = [careful.intent(intent) for intent in batch.intents]
    checkpoints = [careful.checkpoint(c) for c in batch.checkpoints]
    finishes = [careful.finish(f) for f in batch.finishes]
    return Committed(
        all_written=False,
        starts=starts,
        intents=[verdict for verdict, _ in intents],
        checkpoints=checkpoints,
        finishes=finishes,
        dues=[due for _, due in intents],
        cancels=careful.cancels,
    )


class _Careful:
    """What is known about the executions of one batch while its rows are looked at."""

    def __init__(self, db: Session) -> None:
        self.db = db
        self.cancels: dict[UUID, str] = {}
        self._owned: dict[tuple[UUID, int], bool] = {}
        self._refused: dict[tuple[UUID, int], Verdict] = {}

    def start(self, run: NewRun) -> Verdict:
        if insert_run(self.db, run) is not None:
            return Verdict.WRITTEN
        mine = self.db.one("workflows/started_run", (run.run_id.bytes,))
        return Verdict.CONFLICT if mine is None else Verdict.MINE

    def intent(self, intent: Intent) -> tuple[Verdict, Due | None]:
        verdict, due = self._intent(intent)
        self._note(intent.run_id, intent.epoch, verdict)
        return verdict, due

    def _intent(self, intent: Intent) -> tuple[Verdict, Due | None]:
        key = (intent.run_id.bytes, intent.branch, intent.seq)
        owned = self._owns(intent.run_id, intent.epoch)
        ended = self.db.one("steps/stored", key)
        if ended is not None and ended[0] == intent.epoch and self._still_mine(intent.run_id, intent.epoch):
            return Verdict.MINE, (None, self.db.now())  # written, and settled by its outcome since
        if not owned:
            return Verdict.LOST, None
        return write_intent(self.db, intent)

    def checkpoint(self, c: Checkpoint) -> Verdict:
        verdict = self._checkpoint(c)
        if c.settles_intent and verdict in _ACCEPTED:
            self.db.run("intents/settle", (c.run_id.bytes, c.branch, c.seq))
        consume(self.db, [c])
        self._note(c.run_id, c.epoch, verdict)
        return verdict

    def _checkpoint(self, c: Checkpoint) -> Verdict:
        owned = self._owns(c.run_id, c.epoch)
        if owned and self.db.run("steps/insert_new", checkpoint_params(c)) == 1:
            return Verdict.WRITTEN
        if not owned and not self._still_mine(c.run_id, c.epoch):
            return Verdict.LOST
        stored = self.db.one("steps/stored", (c.run_id.bytes, c.branch, c.seq))
        if stored is None:
            return Verdict.LOST
        sent = (c.epoch, c.name, c.kind, c.ended, c.output, c.error, c.fingerprint, c.pos, blob(c.child_run))
        return Verdict.MINE if stored == sent else Verdict.CONFLICT

    def finish(self, f: Finish) -> Verdict:
        refused = self._refused.get((f.run_id, f.epoch))
        if refused is not None:
            return refused
        if self._owns(f.run_id, f.epoch) and self.db.run("workflows/finish", finish_params(f)) == 1:
            if f.clears_intents:
                self.db.run("intents/clear", (f.run_id.bytes,))
            return Verdict.WRITTEN
        stored = self.db.one("workflows/finished", (f.run_id.bytes,))
        if stored is None or stored[0] != f.epoch or Status(stored[1]) not in TERMINAL:
            return Verdict.LOST
        return Verdict.MINE if stored[1:] == (f.status, f.output, f.error, f.reason) else Verdict.CONFLICT

    def _owns(self, run_id: UUID, epoch: int) -> bool:
        """The fence, read once per execution: what this transaction sees cannot change under it."""
        key = (run_id, epoch)
        if key not in self._owned:
            row = self.db.one("workflows/fence", (run_id.bytes, epoch))
            self._owned[key] = row is not None
            if row is not None and row[0] is not None:
                self.cancels[run_id] = row[0]
        return self._owned[key]

    def _still_mine(self, run_id: UUID, epoch: int) -> bool:
        """Nobody has had the run after this execution; it may have ended it or left it itself."""
        row = self.db.one("workflows/finished", (run_id.bytes,))
        return row is not None and row[0] == epoch

    def _note(self, run_id: UUID, epoch: int, verdict: Verdict) -> None:
        if verdict not in _ACCEPTED:
            self._refused.setdefault((run_id, epoch), verdict)
