"""The group commit, careful form: for batches of which something did not add up. A verdict for every row.

Slower, one transaction per part, but it waits for nobody: runs that somebody else has locked are passed
over (BUSY), rows that are there already stay as they are, and what is not explained by its own effect is
looked up in a newer snapshot. It makes no difference whether the fast form had written a part of it, or
whether an earlier attempt is committing at this very moment.

A part whose answer is lost does not undo those before it: its rows, and those of the parts after it, are
BUSY, to be sent again without what is settled. So a batch comes to its end however many answers are lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from stepwell.model.rows import Batch, Checkpoint, Committed, Finish, Intent, NewRun, Verdict
from stepwell.model.status import TERMINAL
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres import binding, params
from stepwell.store.postgres.batches import by_run, last_of_each, match_dues, verdicts_by_run
from stepwell.store.postgres.lanes import Lanes
from stepwell.store.postgres.params import Statement, statement
from stepwell.store.postgres.wire import rows

ACCEPTED = frozenset({Verdict.WRITTEN, Verdict.MINE})


@dataclass(slots=True)
class Attempt:
    """What the fast form of the same call did before its counts turned out short."""

    unanswered: bool = False  # the call before this one got no answer: nobody knows what it did
    committed: bool = False  # it went through: what it could write is written, and was not there before
    finished: set[UUID] = field(default_factory=set)  # the runs that it ended

    def wrote(self, run: UUID, fenced_in: bool) -> bool:
        """Whether an outcome of this run that is stored now, and mine, is the work of this call."""
        return self.committed and (fenced_in or run in self.finished)


class CarefulCommit:
    """Commits a batch part by part; the result has every list filled."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    async def commit(self, batch: Batch, attempt: Attempt) -> Committed:
        """A verdict for every row of `batch`, of which `attempt` may have written some."""
        committed = Committed(all_written=False)
        try:
            committed.starts = await self._starts(batch.starts, attempt)
            committed.intents, committed.dues = await self._intents(batch.intents, attempt, committed.cancels)
            committed.checkpoints = await self._checkpoints(batch.checkpoints, attempt, committed.cancels)
            held_back = _held_back(batch, committed)
            committed.finishes = await self._finishes(batch.finishes, held_back, attempt, committed.cancels)
        except StoreFault as fault:
            settled = committed.starts or committed.intents or committed.checkpoints
            if fault.kind is not FaultKind.CONNECTION or not settled:
                raise
            _leave_open(batch, committed)
        parts = committed.starts, committed.intents, committed.checkpoints, committed.finishes
        committed.all_written = all(verdict is Verdict.WRITTEN for part in parts for verdict in part)
        return committed

    async def _starts(self, starts: Sequence[NewRun], attempt: Attempt) -> list[Verdict]:
        if not starts:
            return []
        lanes, sql = self._lanes, self._lanes.sql
        answer = await self._unless_locked(
            binding.start_many(sql("starts/insert_shared_many"), lanes.identity.namespace, lanes.identity.app, starts),
            binding.start_attributes(sql("starts/set_attributes"), starts),
            binding.start_look_up(sql("starts/look_up"), lanes.identity.namespace, starts),
        )
        if answer is None:
            return [Verdict.BUSY] * len(starts)
        created = {row[0] for row in answer[0]}
        found = {row[0]: row for row in answer[2]}
        return [
            Verdict.WRITTEN if run.run_id in created else _verdict_of_start(found[ordinal], attempt)
            for ordinal, run in enumerate(starts, 1)
        ]

    async def _intents(
        self, intents: Sequence[Intent], attempt: Attempt, cancels: dict[UUID, str]
    ) -> tuple[list[Verdict], list[tuple[float | None, float] | None]]:
        if not intents:
            return [], []
        sql = self._lanes.sql
        runs = sorted({row.run_id for row in intents}, key=lambda run: run.int)
        look = statement(sql("intents/how_runs_stand"), params.uuids(runs))
        # One round trip if answers are being lost; two if locks are more likely: whom they hold must not hold others.
        answer = await self._unless_locked(look, self._keep(intents, runs)) if attempt.unanswered else None
        kept: Sequence[tuple[Any, ...]] = answer[1] if answer is not None else ()
        free: dict[UUID, int] = {}
        if answer is None:
            answer = await self._unless_locked(look, statement(sql("intents/free_runs"), params.uuids(runs)))
            if answer is None:
                return [Verdict.BUSY] * len(intents), [None] * len(intents)
            free = {run: epoch for run, epoch, _ in answer[1]}
        standing = {run: epoch for run, epoch, pending, _ in answer[0] if pending}
        cancels.update({run: reason for run, _, _, reason in answer[0] if reason is not None})
        sendable = [row for row in intents if free.get(row.run_id) == row.epoch]
        if sendable:
            sent = await self._unless_locked(self._keep(sendable, list(standing)))
            kept = sent[0] if sent is not None else ()
        dues = match_dues(intents, kept)
        verdicts = [
            Verdict.WRITTEN
            if due is not None
            else Verdict.BUSY
            if standing.get(row.run_id) == row.epoch
            else Verdict.LOST
            for row, due in zip(intents, dues, strict=True)
        ]
        return verdicts, dues

    def _keep(self, intents: Sequence[Intent], known_cancels: Sequence[UUID]) -> Statement:
        return binding.intents(self._lanes.sql("intents/keep"), by_run(last_of_each(intents)), known_cancels)

    async def _checkpoints(
        self, checkpoints: Sequence[Checkpoint], attempt: Attempt, cancels: dict[UUID, str]
    ) -> list[Verdict]:
        if not checkpoints:
            return []
        sql = self._lanes.sql
        statements = [
            binding.columns(sql("checkpoints/record_carefully"), *binding.checkpoint_columns(checkpoints)),
            binding.checkpoint_explain(sql("checkpoints/explain"), checkpoints),
        ]
        consuming = [row for row in checkpoints if row.consumes is not None]
        if consuming:
            statements.append(binding.consumed_messages(sql("messages/consume"), consuming))
        settling = [row for row in checkpoints if row.settles_intent]
        if settling:
            statements.append(binding.settled_intents(sql("intents/settle"), settling))
        answer = await self._unless_locked(*statements)
        verdicts = [Verdict.BUSY] * len(checkpoints)
        if answer is None:
            return verdicts
        for ordinal, stored, stored_epoch, same, same_epoch, pending, cancel_reason in answer[1]:
            row = checkpoints[ordinal - 1]
            verdict = _verdict_of_checkpoint(stored and stored_epoch == row.epoch, stored, same, same_epoch and pending)
            if verdict is Verdict.MINE and attempt.wrote(row.run_id, same_epoch and pending):
                verdict = Verdict.WRITTEN
            verdicts[ordinal - 1] = verdict
            if cancel_reason is not None and same_epoch:
                cancels[row.run_id] = cancel_reason
        for (ordinal,) in answer[0]:
            verdicts[ordinal - 1] = Verdict.WRITTEN
        return verdicts

    async def _finishes(
        self,
        finishes: Sequence[Finish],
        held_back: dict[UUID, Verdict],
        attempt: Attempt,
        cancels: dict[UUID, str],
    ) -> list[Verdict]:
        """Those of runs that are held back are only looked up: they may be there already."""
        if not finishes:
            return []
        sql = self._lanes.sql
        allowed = [row for row in finishes if row.run_id not in held_back]
        answer = await self._unless_locked(
            binding.finish_carefully(sql("finishes/finish_carefully"), allowed),
            binding.finish_explain(sql("finishes/explain"), finishes),
            *_clearing(sql("intents/clear_ended"), allowed),
        )
        if answer is None:
            return [held_back.get(row.run_id, Verdict.BUSY) for row in finishes]
        ended = {run for (run,) in answer[0]} | attempt.finished
        verdicts = [Verdict.LOST] * len(finishes)
        for ordinal, same_epoch, status, same, cancel_reason in answer[1]:
            run = finishes[ordinal - 1].run_id
            verdict = _verdict_of_finish(same_epoch=same_epoch, status=status, same=same)
            if verdict is Verdict.MINE and run in ended:
                verdict = Verdict.WRITTEN
            elif verdict is not Verdict.MINE:
                verdict = held_back.get(run, verdict)
            verdicts[ordinal - 1] = verdict
            if cancel_reason is not None and same_epoch:
                cancels[run] = cancel_reason
        return verdicts

    async def _unless_locked(self, *statements: Statement) -> list[list[tuple[Any, ...]]] | None:
        """The statements' rows, from one READ COMMITTED transaction; None if a lock was in the way."""
        try:
            return [rows(result) for result in await self._lanes.journal.transact(*statements)]
        except StoreFault as fault:
            if fault.kind is FaultKind.CONTENTION:
                return None
            raise


def _leave_open(batch: Batch, committed: Committed) -> None:
    """The parts without verdicts are to be sent again."""
    if len(committed.intents) < len(batch.intents):
        committed.intents, committed.dues = [Verdict.BUSY] * len(batch.intents), [None] * len(batch.intents)
    if len(committed.checkpoints) < len(batch.checkpoints):
        committed.checkpoints = [Verdict.BUSY] * len(batch.checkpoints)
    committed.finishes = [Verdict.BUSY] * len(batch.finishes)


def _clearing(sql: bytes, finishes: Sequence[Finish]) -> list[Statement]:
    cleared = [finish.run_id for finish in finishes if finish.clears_intents]
    return [statement(sql, params.uuids(cleared))] if cleared else []


def _held_back(batch: Batch, committed: Committed) -> dict[UUID, Verdict]:
    """The runs that must not finish, because a row of theirs in this batch was not accepted."""
    held: dict[UUID, Verdict] = {}
    before = Committed(False, committed.starts, committed.intents, committed.checkpoints)
    for run, verdict in verdicts_by_run(Batch(batch.starts, batch.intents, batch.checkpoints), before):
        if verdict not in ACCEPTED:
            held[run] = max(verdict, held.get(run, verdict))
    return held


def _verdict_of_start(found: tuple[Any, ...], attempt: Attempt) -> Verdict:
    met, epoch = found[1], found[8]
    if met == "self":
        if attempt.committed:  # its insert would have failed on a row that was there
            return Verdict.WRITTEN
        return Verdict.MINE if epoch == 1 else Verdict.LOST
    return Verdict.CONFLICT


def _verdict_of_checkpoint(stored_by_me: bool, stored: bool, same: bool, fenced_in: bool) -> Verdict:
    if stored_by_me:
        return Verdict.MINE if same else Verdict.CONFLICT
    if not fenced_in:
        return Verdict.LOST
    return Verdict.CONFLICT if stored else Verdict.BUSY


def _verdict_of_finish(*, same_epoch: bool, status: str, same: bool) -> Verdict:
    if not same_epoch:
        return Verdict.LOST
    if status == "PENDING":
        return Verdict.BUSY
    if status in TERMINAL:
        return Verdict.MINE if same else Verdict.CONFLICT
    return Verdict.LOST
