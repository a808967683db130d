"""Starts that become one: debounced, batched, or in the place of another."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from stepwell.model.rows import NewRun, Started
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres.lanes import Lanes, refusing_bad_values
from stepwell.store.postgres.params import statement
from stepwell.store.postgres.wire import rows

#: Between the look and the insert, others may start and end runs of the same key: look again.
_ROUNDS = 20


class Coalescing:
    """The verbs of starts that become one. `start` and `request_cancel` are those of the whole store."""

    _lanes: Lanes
    start: Callable[[Sequence[NewRun]], Awaitable[list[Started]]]
    request_cancel: Callable[[Sequence[UUID], str, bool, bool], Awaitable[list[UUID]]]

    async def debounce(self, run: NewRun, limit: float | None) -> Started:
        """See `Store.debounce`."""
        for _ in range(_ROUNDS):
            values = run.input, run.input_digest, run.codec_id, run.delay, limit, run.run_id
            found = await self._coalesce("coalescing/debounce", run, *values)
            if found is None:
                await self._coalesce("coalescing/free_key", run, False, None, run.run_id)
                (found,) = await self.start([run])
                if found.deduplicated:
                    continue  # another process has started one just now: it shall have this input
            return found
        raise _vanishing()

    async def add_to_batch(self, run: NewRun, item: str, most: int, most_bytes: int) -> Started:
        """See `Store.add_to_batch`."""
        for _ in range(_ROUNDS):
            found = await self._coalesce("coalescing/add_to_batch", run, item, most, most_bytes, run.run_id)
            if found is None:
                await self._coalesce("coalescing/free_key", run, True, None, run.run_id)
                (found,) = await self.start([run])
                if found.deduplicated:
                    continue  # another process has started one just now: the item belongs there
            return found
        raise _vanishing()

    async def supersede(self, run: NewRun) -> Started:
        """See `Store.supersede`."""
        for _ in range(_ROUNDS):
            for (holder,) in await self._ask_for_key("coalescing/holder", run, run.run_id):
                await self.request_cancel([holder], "superseded", False, True)
                await self._ask_for_key("coalescing/free_key", run, True, holder, run.run_id)
            (started,) = await self.start([run])
            if not started.deduplicated:
                return started
        raise _vanishing()

    async def _coalesce(self, verb: str, run: NewRun, *values: object) -> Started | None:
        for run_id, workflow_id, name, digest, status, deadline in await self._ask_for_key(verb, run, *values):
            return Started(run_id, workflow_id, False, name, digest, status, deadline, deduplicated=True)
        return None

    async def _ask_for_key(self, verb: str, run: NewRun, *values: object) -> list[tuple[Any, ...]]:
        namespace = self._lanes.identity.namespace
        with refusing_bad_values():
            asked = statement(self._lanes.sql(verb), namespace, run.queue or "", run.dedup_key, *values)
        (result,) = await self._lanes.starts.transact(asked)
        return rows(result)


def _vanishing() -> StoreFault:
    return StoreFault(FaultKind.CONTENTION, "starts met rows that vanished again and again")
