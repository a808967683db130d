"""What resume and rewind take out of a run is kept, for people to read."""

import sqlite3
from collections.abc import Callable

from stepwell.model.rows import Batch, Finish
from tests.store.sqlite_only.conftest import Opened
from tests.store.sqlite_only.rows import ME, checkpoint, new_run


async def test_old_outcomes_are_archived_under_the_epoch_that_ended_with_them(
    opened: Opened, outsider: Callable[[], sqlite3.Connection]
) -> None:
    store = await opened()
    run = new_run()
    await store.start([run])
    first = [checkpoint(run.run_id, 0), checkpoint(run.run_id, 1, '"first"')]
    await store.commit(Batch(checkpoints=first, finishes=[Finish(run.run_id, 1, "ERROR", None, '"boom"')]))
    assert await store.resume(run.run_id)
    (again,) = (await store.claim(ME, ["n||"], [], 1)).runs
    done = Finish(run.run_id, again.epoch, "SUCCESS", '"done"', None, codec_id="zip")
    await store.commit(Batch(finishes=[done]))
    assert await store.rewind(run.run_id, "0", 1)

    archived = outsider().execute(
        "SELECT archived_epoch, kind, seq, ended, output, error, codec_id FROM archived_outcomes"
        " ORDER BY archived_epoch, seq"
    )
    assert archived.fetchall() == [
        (1, "run", -1, "ERROR", None, '"boom"', None),
        (again.epoch, "run", -1, "SUCCESS", '"done"', None, "zip"),
        (again.epoch, "step", 1, "ok", '"first"', None, None),
    ]
