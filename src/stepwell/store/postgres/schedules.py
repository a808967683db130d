"""Schedules: their rows, which of them are due, and the one transaction in which a tick becomes a run."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from stepwell.model.rows import NewRun, Started
from stepwell.model.schedules import Cadence, DueSchedule, DueSchedules, Firing, Placing, ScheduleRow, Target
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres import binding, params
from stepwell.store.postgres.lanes import Lanes, refusing_bad_values
from stepwell.store.postgres.link import Transaction
from stepwell.store.postgres.params import Statement, statement
from stepwell.store.postgres.wire import affected, rows

#: Columns of a row in `get`, `list` and `due`.
_COLUMNS = 32


class Schedules:
    """The verbs of schedules."""

    _lanes: Lanes

    async def add_schedule(self, row: ScheduleRow) -> bool:
        """See `Store.add_schedule`."""
        namespace = self._lanes.identity.namespace
        with refusing_bad_values():
            add = statement(self._lanes.sql("schedules/add"), namespace, row.name, row.app, *_said(row))
        (result,) = await self._lanes.misc.transact(add)
        return affected(result) == 1

    async def change_schedule(self, row: ScheduleRow) -> bool:
        """See `Store.change_schedule`."""
        namespace = self._lanes.identity.namespace
        with refusing_bad_values():
            change = statement(self._lanes.sql("schedules/change"), namespace, row.name, *_said(row), row.revision)
        (result,) = await self._lanes.misc.transact(change)
        return affected(result) == 1

    async def delete_schedule(self, name: str) -> bool:
        """See `Store.delete_schedule`."""
        namespace = self._lanes.identity.namespace
        (result,) = await self._lanes.misc.transact(statement(self._lanes.sql("schedules/delete"), namespace, name))
        return affected(result) == 1

    async def schedule(self, name: str) -> ScheduleRow | None:
        """See `Store.schedule`."""
        namespace = self._lanes.identity.namespace
        (result,) = await self._lanes.misc.run(statement(self._lanes.sql("schedules/get"), namespace, name))
        return next((_row(found) for found in rows(result)), None)

    async def schedules(self) -> list[ScheduleRow]:
        """See `Store.schedules`."""
        (result,) = await self._lanes.misc.run(
            statement(self._lanes.sql("schedules/list"), self._lanes.identity.namespace)
        )
        return [_row(found) for found in rows(result)]

    async def due_schedules(self, limit: int) -> DueSchedules:
        """See `Store.due_schedules`."""
        own = (self._lanes.identity.namespace, self._lanes.identity.app)
        # What becomes due between the two is seen by neither if the look for later ones comes second.
        later, due = await self._lanes.misc.run(
            statement(self._lanes.sql("schedules/next"), *own),
            statement(self._lanes.sql("schedules/due"), *own, limit),
        )
        earliest, now = rows(later)[0]
        return DueSchedules([DueSchedule(_row(found), *found[_COLUMNS:]) for found in rows(due)], earliest, now)

    async def fire(self, firings: Sequence[Firing]) -> list[list[Started] | None]:
        """See `Store.fire`."""
        if not firings:
            return []
        async with self._lanes.starts.transaction() as transaction:
            (found,) = await transaction.run(
                binding.columns(
                    self._lanes.sql("schedules/hold"),
                    self._lanes.identity.namespace.encode(),
                    params.texts([firing.name for firing in firings]),
                    params.int8s([firing.revision for firing in firings]),
                )
            )
            apps: dict[str, str] = dict(rows(found))
            held = [firing for firing in firings if firing.name in apps]
            started: dict[UUID, Started] = {}
            for app in sorted(set(apps.values())):
                runs = [run for firing in held if apps[firing.name] == app for run in firing.runs]
                met = await self._start_ticks(transaction, app, runs)
                started |= {run.run_id: one for run, one in zip(runs, met, strict=True)}
            if held:
                await transaction.run(*self._steps(held, started))
        return [[started[run.run_id] for run in each.runs] if each.name in apps else None for each in firings]

    def _steps(self, firings: Sequence[Firing], started: Mapping[UUID, Started]) -> list[Statement]:
        """What moves schedules along, and asks for the end of the runs before."""
        newest = [started[firing.runs[-1].run_id].run_id if firing.runs else None for firing in firings]
        steps = [
            binding.columns(
                self._lanes.sql("schedules/advance"),
                self._lanes.identity.namespace.encode(),
                params.texts([firing.name for firing in firings]),
                params.optional_float8s([firing.next_fire for firing in firings]),
                params.optional_float8s([firing.fired for firing in firings]),
                params.optional_uuids(newest),
                params.optional_float8s([firing.skipped for firing in firings]),
            )
        ]
        cancels = [firing.cancels for firing in firings if firing.cancels is not None]
        if cancels:
            cancel = self._lanes.sql("operators/cancel")
            steps.append(statement(cancel, params.uuids(cancels), "schedule", False, True))
        return steps

    async def start_beside(self, app: str, runs: Sequence[NewRun]) -> list[Started]:
        """See `Store.start_beside`."""
        async with self._lanes.starts.transaction() as transaction:
            return await self._start_ticks(transaction, app, runs)

    async def _start_ticks(self, transaction: Transaction, app: str, runs: Sequence[NewRun]) -> list[Started]:
        """In the order of `runs`; inserted by id, as all starts are: in another order they could deadlock."""
        if not runs:
            return []
        order = sorted(range(len(runs)), key=lambda index: runs[index].workflow_id)
        runs = [runs[index] for index in order]
        sql, namespace = self._lanes.sql, self._lanes.identity.namespace
        with refusing_bad_values():
            insert = binding.start_many(sql("starts/insert_shared_many"), namespace, app, runs)
        _, _, met = await transaction.run(
            insert,
            binding.start_attributes(sql("starts/set_attributes"), runs),
            binding.start_look_up(sql("starts/look_up"), namespace, runs),
        )
        found = zip(order, sorted(rows(met), key=lambda row: int(row[0])), strict=True)
        return [_started(row) for _, row in sorted(found, key=lambda each: each[0])]


def _started(found: tuple[Any, ...]) -> Started:
    _, met, run_id, workflow_id, name, input_digest, status, deadline, _ = found
    if met is None:
        raise StoreFault(FaultKind.CONTENTION, "a start met a row that vanished")
    return Started(run_id, workflow_id, met == "self", name, input_digest, status, deadline)


def _said(row: ScheduleRow) -> tuple[Any, ...]:
    """What people and code say of a schedule, in the order of `add` and `change`."""
    cadence, target, placing = row.cadence, row.target, row.placing
    return (
        cadence.kind,
        cadence.expression,
        cadence.timezone,
        cadence.anchor,
        target.workflow,
        target.route,
        target.version,
        target.instance,
        target.input,
        target.input_digest,
        target.codec_id,
        target.max_recoveries,
        placing.queue,
        placing.priority,
        placing.partition_key,
        placing.timeout,
        placing.attributes,
        row.catch_up,
        row.overlap,
        row.jitter,
        row.paused,
        row.next_fire,
        row.declared,
        placing.expires,
    )


def _row(found: tuple[Any, ...]) -> ScheduleRow:
    name, app, *rest = found[:_COLUMNS]
    return ScheduleRow(name, app, Cadence(*rest[:4]), Target(*rest[4:12]), Placing(*rest[12:18]), *rest[18:])
