"""Executions that end without an outcome: released, parked, blocked."""

from collections.abc import Sequence

from stepwell.model.rows import Leave
from stepwell.store.postgres import binding, params
from stepwell.store.postgres.lanes import Lanes, refusing_bad_values
from stepwell.store.postgres.params import Statement, statement
from stepwell.store.postgres.wire import rows


class Leaves:
    """The leaving verb of a store."""

    _lanes: Lanes

    async def leave(self, leaves: Sequence[Leave]) -> list[bool | None]:
        """See `Store.leave`."""
        if not leaves:
            return []
        with refusing_bad_values():
            statements = [self._leave_statement(leaves)]
            if any(leave.waits for leave in leaves):
                statements.append(self._waits_statement(leaves))
            left = await self._lanes.misc.transact(*statements)
        gone = {run_id for (run_id,) in rows(left[0])}
        answers: list[bool | None] = [leave.run_id in gone for leave in leaves]
        if not all(answers):
            for index in await self._held_back(leaves):
                answers[index] = answers[index] or None
        return answers

    async def _held_back(self, leaves: Sequence[Leave]) -> list[int]:
        query = statement(
            self._lanes.sql("leaves/held_back"),
            params.uuids([leave.run_id for leave in leaves]),
            params.int4s([leave.epoch for leave in leaves]),
        )
        (result,) = await self._lanes.misc.run(query)
        return [ordinal - 1 for (ordinal,) in rows(result)]

    def _leave_statement(self, leaves: Sequence[Leave]) -> Statement:
        return binding.columns(
            self._lanes.sql("leaves/leave"),
            params.uuids([leave.run_id for leave in leaves]),
            params.int4s([leave.epoch for leave in leaves]),
            params.texts([leave.status for leave in leaves]),
            params.optional_texts([leave.reason for leave in leaves]),
            params.optional_texts([leave.code_hint for leave in leaves]),
            params.bools([leave.recovery for leave in leaves]),
        )

    def _waits_statement(self, leaves: Sequence[Leave]) -> Statement:
        waits = [(leave, wait) for leave in leaves if leave.status == "WAITING" for wait in leave.waits]
        return binding.columns(
            self._lanes.sql("leaves/add_waits"),
            params.uuids([leave.run_id for leave, _ in waits]),
            params.int4s([leave.epoch for leave, _ in waits]),
            params.texts([wait.branch for _, wait in waits]),
            params.int4s([wait.seq for _, wait in waits]),
            params.texts([wait.kind for _, wait in waits]),
            params.optional_float8s([wait.wake_at for _, wait in waits]),
            params.optional_uuids([wait.target_run for _, wait in waits]),
            params.texts([wait.topic or "" for _, wait in waits]),
            params.optional_texts([wait.key for _, wait in waits]),
            params.optional_int4s([wait.number for _, wait in waits]),
            params.optional_int8s([wait.position for _, wait in waits]),
            params.optional_texts([wait.filter for _, wait in waits]),
        )
