"""Starts with ids that others may use too: the INSERT is the gate, losers attach to what is there."""

import math
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from stepwell.model.rows import NewRun, Started
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres import binding
from stepwell.store.postgres.lanes import Lanes, refusing_bad_values
from stepwell.store.postgres.params import Statement
from stepwell.store.postgres.wire import Result, affected, rows

#: A row can vanish between the refused insert and the look-up (replaced, deleted): insert again.
_ROUNDS = 10

_TAKEN = "23505"  # unique_violation


class Starts:
    """The starts' lane of a store."""

    _lanes: Lanes
    _start_unanswered = False  # the last call: its rows may be there, so the insert alone would not do

    async def start(self, runs: Sequence[NewRun]) -> list[Started]:
        """See `Store.start`."""
        with refusing_bad_values():
            done: dict[int, Started] = {}
            try:
                if not (self._start_unanswered or any(run.replace for run in runs)):
                    await self._insert(runs, done)
                if len(done) < len(runs):
                    await self._start_all(runs, done)
            except StoreFault as fault:
                self._start_unanswered = self._start_unanswered or fault.ambiguous
                raise
            self._start_unanswered = False
            return [done[index] for index in range(len(runs))]

    async def _insert(self, runs: Sequence[NewRun], done: dict[int, Started]) -> None:
        """The common case, in which all are new, in one round trip: a look-up of each costs as much again.

        Leaves out those that are not new (all of them, if the isolation is not ours).
        """
        if len(runs) == 1:
            answer = await self._send(
                binding.start_one(self._lanes.sql("starts/start_one"), *self._own, runs[0], own=False), runs
            )
            for (deadline,) in rows(answer):
                done[0] = _created(runs[0], None if deadline == math.inf else deadline)
        elif all(map(_is_fresh, runs)):
            await self._insert_fresh(runs, done)
        else:
            order = sorted(range(len(runs)), key=lambda i: runs[i].workflow_id)
            wanted = [runs[index] for index in order]
            answer = await self._send(
                binding.start_many(self._lanes.sql("starts/insert_shared_many"), *self._own, wanted), wanted
            )
            created = dict(rows(answer))
            for index, run in zip(order, wanted, strict=True):
                if run.run_id in created:
                    done[index] = _created(run, created.pop(run.run_id))

    async def _insert_fresh(self, runs: Sequence[NewRun], done: dict[int, Started]) -> None:
        """Many whose ids nobody else can know: no look for conflicts and no row back, which is a third of the work."""
        try:
            answer = await self._send(
                binding.start_many(self._lanes.sql("starts/insert_own_many"), *self._own, runs), runs
            )
        except StoreFault as fault:
            if fault.code != _TAKEN:
                raise
        else:
            if affected(answer) == len(runs):
                done.update({index: _created(run, run.deadline) for index, run in enumerate(runs)})

    async def _send(self, insert: Statement, runs: Sequence[NewRun]) -> Result:
        """The answer to the insert; the runs' attributes go with it."""
        statements = [insert]
        if any(run.attributes is not None for run in runs):
            statements.append(binding.start_attributes(self._lanes.sql("starts/set_attributes"), runs))
        return (await self._lanes.starts.run(*statements))[0]

    @property
    def _own(self) -> tuple[str, str]:
        return self._lanes.identity.namespace, self._lanes.identity.app

    async def _start_all(self, runs: Sequence[NewRun], done: dict[int, Started]) -> None:
        """Those that are not `done` yet, with a look at what is there already."""
        renamed: dict[UUID, str] = {}
        for _ in range(_ROUNDS):
            missing = sorted((i for i in range(len(runs)) if i not in done), key=lambda i: runs[i].workflow_id)
            if not missing:
                return
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
            statements.insert(0, binding.start_replacing(sql("starts/replace_ended"), namespace, replacing))
        if any(run.dedup_key is not None for run in replacing):
            statements.insert(0, binding.start_replacing(sql("starts/replace_waiting"), namespace, replacing))
        results = await self._lanes.starts.transact(*statements)
        created = dict(rows(results[-3]))
        found = {row[0]: row for row in rows(results[-1])}
        for ordinal, (index, run) in enumerate(zip(missing, wanted, strict=True), 1):
            started = (
                _created(run, created.pop(run.run_id)) if run.run_id in created else _attached(found[ordinal], run)
            )
            if started is not None:
                done[index] = started
            elif found[ordinal][1] == "id":  # a child whose display id an unrelated run has
                renamed[run.run_id] = f"{runs[index].workflow_id}~{run.run_id.hex[-8:]}"


def _is_fresh(run: NewRun) -> bool:
    """Its ids are new by construction, and its deadline is known."""
    return run.unguessed and run.timeout is None and run.parent is None and run.dedup_key is None


def _created(run: NewRun, deadline: float | None) -> Started:
    return Started(run.run_id, run.workflow_id, True, run.name, run.input_digest, run.status, deadline)


def _attached(found: tuple[Any, ...], run: NewRun) -> Started | None:
    """What is there already; None if nothing is, or only a row that has nothing to do with this child."""
    _, met, run_id, workflow_id, name, input_digest, status, deadline, _ = found
    if met is None or (met == "id" and run.parent is not None):
        return None
    return Started(run_id, workflow_id, met == "self", name, input_digest, status, deadline, met == "dedup")


def _renamed(run: NewRun, renamed: dict[UUID, str]) -> NewRun:
    if run.run_id not in renamed:
        return run
    return replace(run, workflow_id=renamed[run.run_id])
