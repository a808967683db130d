"""The group commit, fast form: one round trip, one transaction, and the numbers of rows are the verdict."""

from collections.abc import Sequence
from uuid import UUID

from stepwell.model.rows import Batch, Checkpoint, Committed, Verdict
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres import binding, params
from stepwell.store.postgres.batches import by_run, epochs_of, last_of_each, match_dues, verdicts_by_run
from stepwell.store.postgres.commit_carefully import Attempt, CarefulCommit
from stepwell.store.postgres.lanes import Lanes, refusing_bad_values
from stepwell.store.postgres.params import Statement, statement
from stepwell.store.postgres.wire import Result, affected, rows

#: The row is there already, or twice in this batch.
_REFUSED = frozenset({"23505", "21000"})
_HINTS_LIMIT = 10_000


class Journal:
    """Writes batches. Remembers, as hints only, which runs had a pending cancellation or were locked."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._careful = CarefulCommit(lanes)
        self._cancels: dict[UUID, tuple[int, str]] = {}  # run -> (epoch, reason), as the careful form reported it
        self._suspects: set[UUID] = set()  # runs that were BUSY: straight to the careful form, or everyone waits
        self._unanswered = False  # the last call: what it wrote is there, so the fast form would only find that out

    async def commit(self, batch: Batch) -> Committed:
        """See `Store.commit`."""
        if not batch:
            return Committed(all_written=True)
        with refusing_bad_values():
            attempt = Attempt(self._unanswered)
            try:
                return await self._commit(batch, attempt)
            except StoreFault as fault:
                self._unanswered = self._unanswered or fault.ambiguous
                raise

    async def _commit(self, batch: Batch, attempt: Attempt) -> Committed:
        if not attempt.unanswered and self._suspects.isdisjoint(epochs_of(batch) if self._suspects else ()):
            committed = await self._fast(batch, attempt)
            if committed is not None:
                return committed
        committed = await self._careful.commit(batch, attempt)
        self._unanswered = False
        self._learn(batch, committed)
        return committed

    async def _fast(self, batch: Batch, attempt: Attempt) -> Committed | None:
        """None if the counts do not add up, whatever the reason: the careful form finds out."""
        known = self._known_cancels(batch) if self._cancels else {}
        statements, expected = self._statements(batch, list(known))
        try:
            results = await self._lanes.journal.run(*statements)
        except StoreFault as fault:
            if fault.code in _REFUSED or fault.kind is FaultKind.CONTENTION:
                return None
            raise
        if all(count is None or affected(result) == count for result, count in zip(results, expected, strict=True)):
            dues = (
                match_dues(batch.intents, rows(self._answer_of_intents(statements, results))) if batch.intents else []
            )
            return Committed(all_written=True, dues=dues, cancels=known)
        if not any(affected(result) for result in results):
            await self._lanes.learn_isolation()  # it may have changed: then no statement writes anything
        attempt.committed = True
        ended = -2 if any(finish.clears_intents for finish in batch.finishes) else -1
        attempt.finished = {run for (run,) in rows(results[ended])} if batch.finishes else set()
        return None

    def _statements(self, batch: Batch, known: Sequence[UUID]) -> tuple[list[Statement], list[int | None]]:
        """The batch's statements, and how many rows each must touch or return (None: any number)."""
        lanes, sql = self._lanes, self._lanes.sql
        statements: list[Statement] = []
        expected: list[int | None] = []
        if batch.starts:
            own = lanes.identity.namespace, lanes.identity.app
            statements.append(
                binding.start_one(sql("starts/start_one"), *own, batch.starts[0], own=True)
                if len(batch.starts) == 1
                else binding.start_many(sql("starts/insert_own_many"), *own, batch.starts)
            )
            expected.append(len(batch.starts))
            if any(run.attributes for run in batch.starts):
                statements.append(binding.start_attributes(sql("starts/set_attributes"), batch.starts))
                expected.append(None)
        if batch.intents:
            intents = last_of_each(batch.intents)
            statements.append(binding.intents(sql("intents/keep"), by_run(intents), known))
            expected.append(len(intents))
        if batch.checkpoints:
            self._checkpoint_statements(batch.checkpoints, known, statements, expected)
        if batch.finishes:
            finishes = by_run(batch.finishes)
            statements.append(
                binding.finish_one(sql("finishes/finish_one"), finishes[0], known)
                if len(finishes) == 1
                else binding.finish_many(sql("finishes/finish_many"), finishes, known)
            )
            expected.append(len(finishes))
            cleared = [finish.run_id for finish in finishes if finish.clears_intents]
            if cleared:
                statements.append(statement(sql("intents/clear_ended"), params.uuids(cleared)))
                expected.append(None)
        return statements, expected

    def _checkpoint_statements(
        self,
        checkpoints: Sequence[Checkpoint],
        known: Sequence[UUID],
        statements: list[Statement],
        expected: list[int | None],
    ) -> None:
        sql = self._lanes.sql
        if len(checkpoints) == 1:
            statements.append(binding.checkpoint_one(sql("checkpoints/record_one"), checkpoints[0], known))
        else:
            ordered = by_run(checkpoints)
            statements.append(binding.checkpoint_many(sql("checkpoints/record_many"), ordered, known))
        expected.append(1)
        consuming = [row for row in checkpoints if row.consumes is not None]
        if consuming:
            statements.append(binding.consumed_messages(sql("messages/consume"), consuming))
            expected.append(None)
        settling = [row for row in checkpoints if row.settles_intent]
        if settling:
            statements.append(binding.settled_intents(sql("intents/settle"), settling))
            expected.append(None)

    def _answer_of_intents(self, statements: Sequence[Statement], results: Sequence[Result]) -> Result:
        kept = self._lanes.sql("intents/keep")
        return next(result for sent, result in zip(statements, results, strict=True) if sent.sql is kept)

    def _known_cancels(self, batch: Batch) -> dict[UUID, str]:
        """The runs of this batch whose pending cancellation was reported before, for the same execution."""
        found: dict[UUID, str] = {}
        for run, epoch in epochs_of(batch).items():
            known = self._cancels.get(run)
            if known is not None and known[0] == epoch:
                found[run] = known[1]
        return found

    def _learn(self, batch: Batch, committed: Committed) -> None:
        epochs = epochs_of(batch)
        for run, reason in committed.cancels.items():
            self._cancels[run] = epochs[run], reason
        for finish in batch.finishes:
            self._cancels.pop(finish.run_id, None)
        while len(self._cancels) > _HINTS_LIMIT:
            del self._cancels[next(iter(self._cancels))]
        self._suspects.difference_update(epochs)
        self._suspects.update(run for run, verdict in verdicts_by_run(batch, committed) if verdict is Verdict.BUSY)
        if len(self._suspects) > _HINTS_LIMIT:
            self._suspects.clear()
