"""Small questions about batches that both forms of the group commit ask."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

from stepwell.model.rows import Batch, Checkpoint, Committed, Finish, Intent, Verdict

Row = TypeVar("Row", Checkpoint, Intent, Finish)


def by_run(rows: Sequence[Row]) -> list[Row]:
    """Sorted by run, the order within a run kept: two batches lock the runs that they share in one order."""
    return sorted(rows, key=lambda row: row.run_id.int)


def epochs_of(batch: Batch) -> dict[UUID, int]:
    """The runs that the batch writes to, each with the epoch of its execution."""
    epochs = {row.run_id: row.epoch for row in batch.checkpoints}
    epochs.update((row.run_id, row.epoch) for row in batch.intents)
    epochs.update((row.run_id, row.epoch) for row in batch.finishes)
    return epochs


def verdicts_by_run(batch: Batch, committed: Committed) -> Iterator[tuple[UUID, Verdict]]:
    """Every verdict of the careful form with the run that it is about, in the order of application."""
    yield from zip((row.run_id for row in batch.starts), committed.starts, strict=True)
    yield from zip((row.run_id for row in batch.intents), committed.intents, strict=True)
    yield from zip((row.run_id for row in batch.checkpoints), committed.checkpoints, strict=True)
    yield from zip((row.run_id for row in batch.finishes), committed.finishes, strict=True)


def key_of(row: Intent | Checkpoint) -> tuple[UUID, str, int]:
    return row.run_id, row.branch, row.seq


def last_of_each(intents: Sequence[Intent]) -> list[Intent]:
    """One intent per key: an upsert must not touch a row twice."""
    return list({key_of(row): row for row in intents}.values())


def match_dues(intents: Sequence[Intent], answer: Sequence[tuple[Any, ...]]) -> list[tuple[float | None, float] | None]:
    """The answer of intents/keep in the order of `intents`; None where it has no row."""
    kept = {(run_id, branch, seq): (due, now) for run_id, branch, seq, due, now in answer}
    return [kept.get(key_of(row)) for row in intents]
