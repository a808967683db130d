"""A run and a step, as small as they can be."""

from typing import Any
from uuid import UUID, uuid4

from stepwell.model.rows import Batch, Checkpoint, NewRun

ME = uuid4()


def new_run(**fields: Any) -> NewRun:
    run_id = uuid4()
    words: dict[str, Any] = {
        "workflow_id": str(run_id), "name": "n", "route": "n||", "status": "PENDING", "owner": ME,
        "input": "[]", "input_digest": "d", **fields,
    }  # fmt: skip
    return NewRun(run_id, **words)


def checkpoint(run_id: UUID, seq: int, output: str = '"o"') -> Checkpoint:
    return Checkpoint(run_id, 1, "0", seq, "s", "step", "ok", output, None, 1, seq, 0.0)


def steps(run_id: UUID, count: int, first: int = 0, output: str = '"o"') -> Batch:
    return Batch(checkpoints=[checkpoint(run_id, first + seq, output) for seq in range(count)])
