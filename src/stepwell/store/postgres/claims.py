"""Claims: taking runs, with all that is needed to go on with them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from stepwell.model.rows import Claimed, Leave, ParentRef, Recorded, RecordedIntent
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres import params
from stepwell.store.postgres.leaves import Leaves
from stepwell.store.postgres.params import statement
from stepwell.store.postgres.wire import rows

_RELEASE_LIMIT = 1000
_HISTORY_PAGE = 16 * 1024 * 1024  # bytes
_HISTORY_COLUMN = 20
#: What an answer that is too large looks like: 54000 and 53200, or "invalid memory alloc request size".
_TOO_LARGE = frozenset({FaultKind.PAYLOAD, FaultKind.UNKNOWN})


# Both are array_like: the claim's JSON has arrays of their fields, in their order.
_decode_history = msgspec.json.Decoder(list[Recorded]).decode
_decode_intents = msgspec.json.Decoder(list[RecordedIntent]).decode


class Claims(Leaves):
    """The claims of a store."""

    async def claim(
        self, incarnation: UUID, routes: Sequence[str], queues: Sequence[str], limit: int
    ) -> list[Claimed]:
        """See `Store.claim`. Runs that were started directly are in the queue ''."""
        if limit <= 0 or not routes:
            return []
        try:
            return await self._take(incarnation, routes, queues, limit)
        except StoreFault as fault:
            if fault.kind not in _TOO_LARGE and fault.code != "53200":
                raise
        return await self._take_one_by_one(incarnation, routes, queues, limit)

    async def _take(
        self, incarnation: UUID, routes: Sequence[str], queues: Sequence[str], limit: int
    ) -> list[Claimed]:
        _, taken = await self._lanes.misc.run(
            statement(self._lanes.sql("claims/release_delayed"), _RELEASE_LIMIT),
            self._take_statement("claims/take", incarnation, routes, queues, limit),
        )
        return [
            _claimed(
                row, _decode_history(row[20]) if row[20] else [], _decode_intents(row[21]) if row[21] else []
            )
            for row in sorted(rows(taken), key=_age)
        ]

    def _take_statement(
        self, name: str, incarnation: UUID, routes: Sequence[str], queues: Sequence[str], limit: int
    ) -> params.Statement:
        identity = self._lanes.identity
        return statement(
            self._lanes.sql(name),
            incarnation,
            identity.namespace,
            identity.app,
            params.texts(["", *queues]),
            params.texts(routes),
            limit,
        )

    async def _take_one_by_one(
        self, incarnation: UUID, routes: Sequence[str], queues: Sequence[str], limit: int
    ) -> list[Claimed]:
        """Without histories first: one that cannot be read must not keep the others from being claimed."""
        (taken,) = await self._lanes.misc.run(
            self._take_statement("claims/take_bare", incarnation, routes, queues, limit)
        )
        claimed: list[Claimed] = []
        for row in sorted(rows(taken), key=_age):
            run = _claimed(row, [], [])
            try:
                run.history, run.intents = await self._read_history(run.run_id)
            except StoreFault as fault:
                reason = f"its history cannot be read: {fault}"
                await self.leave([Leave(run.run_id, run.epoch, "BLOCKED", reason=reason)])
            else:
                claimed.append(run)
        return claimed

    async def _read_history(self, run_id: UUID) -> tuple[list[Recorded], list[RecordedIntent]]:
        history: list[Recorded] = []
        while True:
            last_pos = history[-1].pos if history else -(2**31)
            (page,) = await self._lanes.misc.run(
                statement(self._lanes.sql("claims/history"), run_id, last_pos, _HISTORY_PAGE)
            )
            found = [Recorded(*row) for row in rows(page)]
            if not found:
                break
            history += found
        (begun,) = await self._lanes.misc.run(statement(self._lanes.sql("claims/begun"), run_id))
        return history, [RecordedIntent(*row) for row in rows(begun)]


def _age(row: tuple[Any, ...]) -> tuple[int, float]:
    """By priority, then creation: an UPDATE returns its rows in the order of their place on disk."""
    return row[19], row[16]


def _claimed(row: tuple[Any, ...], history: list[Recorded], intents: list[RecordedIntent]) -> Claimed:
    parent = ParentRef(row[12], row[13], row[14]) if row[12] is not None else None
    return Claimed(
        run_id=row[0],
        workflow_id=row[1],
        epoch=row[2],
        name=row[3],
        version=row[4],
        instance=row[5],
        input=row[6],
        codec_id=row[7],
        attempts=row[8],
        deadline=row[9],
        cancel_reason=row[10],
        attributes=row[11],
        parent=parent,
        root_run_id=row[15],
        created_at=row[16],
        database_now=row[17],
        engine_format=row[18],
        history=history,
        intents=intents,
    )
