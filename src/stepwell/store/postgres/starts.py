"""Starts with ids that others may use too: the INSERT is the gate, losers attach to what is there."""

import dataclasses
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from stepwell.model.rows import NewRun, Started
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres import binding, params
from stepwell.store.postgres.lanes import Lanes, refusing_bad_values
from stepwell.store.postgres.wire import affected, rows

#: A row can vanish between the refused insert and the look-up (replaced, deleted): insert again.
_ROUNDS = 10


class Starts:
    """The starts' lane of a store."""

    _lanes: Lanes

    async def start(self, runs: Sequence[NewRun]) -> list[Started]:
        """See `Store.start`."""
        with refusing_bad_values():
            if len(runs) == 1 and not runs[0].replace and runs[0].attributes is None:
                started = await self._start_one(runs[0])
                if started is not None:
                    return [started]
            return await self._start_all(runs)

    async def _start_one(self, run: NewRun) -> Started | None:
        """The common case in one statement; None if the row is not new (or the isolation not ours)."""
        own = self._lanes.identity.namespace, self._lanes.identity.app
        (result,) = await self._lanes.starts.run(
            binding.start_one(self._lanes.sql("starts/insert_shared_one"), *own, run)
        )
        return _created(rows(result)[0]) if affected(result) else None

    async def _start_all(self, runs: Sequence[NewRun]) -> list[Started]:
        done: dict[int, Started] = {}
        renamed: dict[UUID, str] = {}
        for _ in range(_ROUNDS):
            missing = sorted((i for i in range(len(runs)) if i not in done), key=lambda i: runs[i].workflow_id)
            if not missing:
                return [done[index] for index in range(len(runs))]
            await self._start_round(runs, missing, renamed, done)
        raise StoreFault(FaultKind.CONTENTION, "starts met rows that vanished again and again")

    async def _start_round(
        self,
        runs: Sequence[NewRun],
        missing: Sequence[int],
        renamed: dict[UUID, str],
        done: dict[int, Started],
    ) -> None:
        sql, namespace, app = self._lanes.sql, self._lanes.identity.namespace, self._lanes.identity.app
        wanted = [_renamed(runs[index], renamed) for index in missing]
        statements = [
            binding.start_many(sql("starts/insert_shared_many"), namespace, app, wanted),
            binding.start_attributes(sql("starts/set_attributes"), wanted),
            binding.start_look_up(sql("starts/look_up"), namespace, wanted),
        ]
        replacing = [run for run in wanted if run.replace]
        if replacing:
            statements.insert(
                0,
                binding.columns(
                    sql("starts/replace_ended"),
                    namespace.encode(),
                    params.texts([run.workflow_id for run in replacing]),
                    params.uuids([run.run_id for run in replacing]),
                ),
            )
        results = await self._lanes.starts.transact(*statements)
        created = {row[0]: _created(row) for row in rows(results[-3])}
        found = {row[0]: row for row in rows(results[-1])}
        for ordinal, (index, run) in enumerate(zip(missing, wanted, strict=True), 1):
            started = created.pop(run.run_id, None) or _attached(found[ordinal], run)
            if started is not None:
                done[index] = started
            elif found[ordinal][1] == "id":  # a child whose display id an unrelated run has
                renamed[run.run_id] = f"{runs[index].workflow_id}~{run.run_id.hex[-8:]}"


def _created(row: tuple[Any, ...]) -> Started:
    run_id, workflow_id, name, input_digest, status, deadline = row
    return Started(run_id, workflow_id, True, name, input_digest, status, deadline)


def _attached(found: tuple[Any, ...], run: NewRun) -> Started | None:
    """What is there already; None if nothing is, or only a row that has nothing to do with this child."""
    _, met, run_id, workflow_id, name, input_digest, status, deadline, _ = found
    if met is None or (met == "id" and run.parent is not None):
        return None
    return Started(run_id, workflow_id, met == "self", name, input_digest, status, deadline)


def _renamed(run: NewRun, renamed: dict[UUID, str]) -> NewRun:
    if run.run_id not in renamed:
        return run
    return dataclasses.replace(run, workflow_id=renamed[run.run_id])
