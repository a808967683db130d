"""One of several processes on one file: a run with 50 steps, one commit each."""

import asyncio
import sys

from stepwell.store.api import StoreIdentity
from stepwell.store.sqlite import SQLiteStore
from tests.store.sqlite_only.rows import new_run, steps


async def main(path: str) -> None:
    store = SQLiteStore(path, StoreIdentity(), call_deadline=30.0)
    await store.open()
    run = new_run()
    await store.start([run])
    for seq in range(50):
        committed = await store.commit(steps(run.run_id, 1, first=seq))
        assert committed.all_written, committed
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
