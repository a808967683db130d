"""Somebody's open transaction has sent to a run, or cancelled it: that run waits until it is over, and nobody else."""

import psycopg
import pytest

from stepwell.model.rows import Leave
from stepwell.store.postgres import PostgresStore
from tests.store.conformance.kit import draw
from tests.store.postgres_only.kit import begin


@pytest.mark.parametrize("lock", ["share", "no key update"])
async def test_a_run_that_is_held_leaves_later_and_the_others_now(
    store: PostgresStore, postgres_url: str, lock: str
) -> None:
    held, free, gone = [await begin(store) for _ in range(3)]
    assert await store.leave([Leave(gone.run_id, 1, "BLOCKED", "the code differs")]) == [True]
    leaves = [Leave(run, 1, "WAITING") for run in (held.run_id, free.run_id, gone.run_id, draw())]
    async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
        await connection.execute(
            f"select from stepwell.workflow_status where run_id = %s for {lock}".encode(), [held.run_id]
        )
        assert await store.leave(leaves) == [None, True, False, False]
        assert await store.leave(leaves) == [None, False, False, False]
    assert await store.leave(leaves) == [True, False, False, False]
    for run, status in ((held, "WAITING"), (free, "WAITING"), (gone, "BLOCKED")):
        row = await store.get_run(run.run_id)
        assert row is not None
        assert row.status == status
