"""What people ask of runs: cancel, resume, rewind, fork, delete, attributes."""

from collections.abc import Sequence
from uuid import UUID

from stepwell.model.resumption import Resumption
from stepwell.model.rows import NewRun
from stepwell.model.status import Status
from stepwell.store.postgres import binding, params
from stepwell.store.postgres.lanes import Lanes, refusing_bad_values
from stepwell.store.postgres.link import Transaction
from stepwell.store.postgres.params import statement
from stepwell.store.postgres.wire import affected, rows

_RESUMABLE = frozenset({Status.BLOCKED, Status.DEAD, Status.CANCELLED, Status.ERROR})


class Operators:
    """The operators' verbs of a store."""

    _lanes: Lanes

    async def request_cancel(self, run_ids: Sequence[UUID], reason: str, force: bool, children: bool) -> list[UUID]:
        """See `Store.request_cancel`."""
        if not run_ids:
            return []
        (result,) = await self._lanes.misc.transact(
            statement(self._lanes.sql("operators/cancel"), params.uuids(run_ids), reason, force, children)
        )
        return [run_id for (run_id,) in rows(result)]

    async def abandon_children(self, run_id: UUID) -> None:
        """See `Store.abandon_children`."""
        await self._lanes.misc.transact(statement(self._lanes.sql("operators/abandon_children"), run_id))

    async def resume(self, run_id: UUID) -> bool:
        """See `Store.resume`."""
        async with self._lanes.misc.transaction() as transaction:
            (found,) = await transaction.run(statement(self._lanes.sql("operators/lock_run"), run_id, None, None))
            for status, epoch, cancel_pos, _ in rows(found):
                if status in _RESUMABLE:
                    await self._put_back(transaction, run_id, epoch, cancel_pos, forget_begun=False)
                    return True
        return False

    async def resume_failed(self, runs: Sequence[Resumption]) -> bool:
        """See `Store.resume_failed`."""
        sql = self._lanes.sql
        cancelled_at: dict[UUID, int | None] = {}
        async with self._lanes.misc.transaction() as transaction:
            for plan in sorted(runs, key=lambda plan: plan.run_id):
                (found,) = await transaction.run(statement(sql("operators/lock_run"), plan.run_id, None, None))
                stands = rows(found)
                if not stands or stands[0][0] not in _RESUMABLE or stands[0][1] != plan.epoch:
                    return False
                cancelled_at[plan.run_id] = stands[0][2]
            for plan in runs:
                chosen = [*plan.again, *plan.undone]
                archive = statement(
                    sql("operators/archive_chosen"),
                    plan.run_id,
                    params.texts([branch for branch, _ in chosen]),
                    params.int4s([seq for _, seq in chosen]),
                    params.bools([number >= len(plan.again) for number in range(len(chosen))]),
                    plan.epoch,
                )
                await transaction.run(archive)
                cancel_pos = cancelled_at[plan.run_id]
                await self._put_back(transaction, plan.run_id, plan.epoch, cancel_pos, forget_begun=False)
        return True

    async def rewind(self, run_id: UUID, branch: str, seq: int) -> bool:
        """See `Store.rewind`."""
        async with self._lanes.misc.transaction() as transaction:
            (found,) = await transaction.run(statement(self._lanes.sql("operators/lock_run"), run_id, branch, seq))
            for status, epoch, cancel_pos, step_pos in rows(found):
                if status != Status.PENDING and step_pos is not None:
                    from_pos = _uncancelled(step_pos, cancel_pos)
                    await self._put_back(transaction, run_id, epoch, from_pos, forget_begun=True)
                    return True
        return False

    async def _put_back(
        self, transaction: Transaction, run_id: UUID, epoch: int, from_pos: int | None, *, forget_begun: bool
    ) -> None:
        sql = self._lanes.sql
        statements = [statement(sql("operators/archive_outcome"), run_id)]
        if from_pos is not None:
            statements.append(statement(sql("operators/archive_steps"), run_id, from_pos, epoch))
        if forget_begun:
            statements.append(statement(sql("operators/forget_begun"), run_id))
            statements.append(statement(sql("operators/forget_published"), run_id))
        statements.append(statement(sql("operators/forget_waits"), run_id))
        statements.append(statement(sql("operators/put_back"), run_id))
        await transaction.run(*statements)

    async def fork(self, run_id: UUID, branch: str, seq: int, new: NewRun) -> bool:
        """See `Store.fork`. Also False if another run has the new one's id."""
        identity, sql = self._lanes.identity, self._lanes.sql
        async with self._lanes.misc.transaction() as transaction:
            (found,) = await transaction.run(statement(sql("operators/lock_run"), run_id, branch, seq))
            end = next((_uncancelled(row[3], row[2]) for row in rows(found) if row[3] is not None), None)
            if end is None:
                return False
            with refusing_bad_values():
                insert = binding.start_many(sql("starts/insert_shared_many"), identity.namespace, identity.app, [new])
            inserted, _, met = await transaction.run(
                insert,
                binding.start_attributes(sql("starts/set_attributes"), [new]),
                binding.start_look_up(sql("starts/look_up"), identity.namespace, [new]),
            )
            if not affected(inserted):
                return bool(rows(met)[0][1] == "self")  # our own lost acknowledgement
            await transaction.run(
                statement(sql("operators/copy_steps"), run_id, new.run_id, end),
                statement(sql("operators/copy_events"), run_id, new.run_id, end),
                statement(sql("operators/name_origin"), new.run_id, run_id),
            )
        return True

    async def delete(self, run_id: UUID) -> bool:
        """See `Store.delete`."""
        (result,) = await self._lanes.misc.transact(statement(self._lanes.sql("operators/delete"), run_id))
        return int(rows(result)[0][0]) == 1

    async def update_attributes(self, run_id: UUID, attributes: str) -> None:
        """See `Store.update_attributes`."""
        await self._lanes.misc.run(statement(self._lanes.sql("operators/merge_attributes"), run_id, attributes))


def _uncancelled(pos: int, cancel_pos: int | None) -> int:
    """A delivered cancellation is taken back too, with all that followed: nobody goes on as a cancelled run."""
    return pos if cancel_pos is None else min(pos, cancel_pos)
