"""Claims: taking runs, with all that is needed to go on with them."""

import contextlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec

from stepwell.model.rows import PRIORITY_SECONDS, Claimed, Leave, ParentRef, Recorded, RecordedIntent, Taken
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.halves import Halves
from stepwell.store.postgres import params
from stepwell.store.postgres.leaves import Leaves
from stepwell.store.postgres.params import Statement, statement
from stepwell.store.postgres.wire import affected, rows

_RELEASE_LIMIT = 1000
_FIRST_PAGE = 256 * 1024  # bytes of a run's history that come with its claim, unless many runs are claimed
_FIRST_PAGES = 100 * _FIRST_PAGE  # the same of all runs of a claim
_PAGE = 8 * 1024 * 1024  # bytes
_BEFORE_ALL = -(2**31)
#: What an answer that cannot be made looks like: 54000, 53200, "invalid memory alloc request size", ...
_REFUSED_ANSWER = frozenset({FaultKind.PAYLOAD, FaultKind.UNKNOWN})


# Both are array_like: the claim's JSON has arrays of their fields, in their order.
_decode_history = msgspec.json.Decoder(tuple[int, list[Recorded] | None]).decode
_decode_intents = msgspec.json.Decoder(list[RecordedIntent]).decode


class Claims(Leaves):
    """The claims of a store."""

    @cached_property
    def _halves(self) -> Halves:
        return Halves()

    async def claim(self, incarnation: UUID, routes: Sequence[str], queues: Sequence[str] | None, limit: int) -> Taken:
        """See `Store.claim`. Runs that were started directly are in the queue ''."""
        if limit <= 0 or not routes:
            return Taken([])
        identity = self._lanes.identity
        where = (
            incarnation,
            identity.namespace,
            identity.app,
            None if queues is None else params.texts(queues),
            params.texts(routes),
            limit,
            self._halves.for_limited(routes, limit),
        )
        try:
            return await self._take(where, limit)
        except StoreFault as fault:
            if fault.kind not in _REFUSED_ANSWER and fault.code != "53200":
                raise
        return await self._take_bare(where)

    async def _take(self, where: Sequence[object], limit: int) -> Taken:
        """In one round trip, as far as the histories fit into it."""
        released, expired, _, answer = await self._lanes.misc.run(*self._take_statements(where, limit))
        if rows(expired):
            self._ended_unstarted()
        found, taken = _sorted(rows(answer))
        for row in found:
            recorded, history = _decode_history(row[24])
            run = _claimed(row, history or [], _decode_intents(row[25]) if row[25] else [])
            if len(run.history) == recorded or await self._read_rest(run):
                taken.runs.append(run)
        # A run that was set aside has left its place in its queue.
        set_aside = len(taken.runs) < len(found)
        taken.again = taken.again or set_aside or len(found) == limit or affected(released) == _RELEASE_LIMIT
        return taken

    def _take_statements(self, where: Sequence[object], limit: int) -> tuple[Statement, ...]:
        sql = self._lanes.sql
        return (
            statement(sql("claims/release_delayed"), _RELEASE_LIMIT),
            statement(sql("claims/expire"), _RELEASE_LIMIT),
            statement(sql("claims/in_order")),
            statement(sql("claims/take"), *where, min(_FIRST_PAGE, _FIRST_PAGES // limit)),
        )

    async def _take_bare(self, where: Sequence[object]) -> Taken:
        """Without histories first: one that cannot be read must not keep the others from being claimed."""
        _, answer = await self._lanes.misc.run(
            statement(self._lanes.sql("claims/in_order")), statement(self._lanes.sql("claims/take_bare"), *where)
        )
        found, taken = _sorted(rows(answer))
        claimed = [_claimed(row, [], []) for row in found]
        for run in claimed:
            with contextlib.suppress(StoreFault):  # the same will be said by _read_rest
                (begun,) = await self._lanes.misc.run(statement(self._lanes.sql("claims/begun"), run.run_id))
                run.intents = [RecordedIntent(*row) for row in rows(begun)]
        taken.runs = [run for run in claimed if await self._read_rest(run)]
        taken.again = taken.again or bool(found)
        return taken

    def _ended_unstarted(self) -> None:
        """Runs have ended without ever having started: somebody may wait for them."""

    async def _read_rest(self, run: Claimed) -> bool:
        """Complete a history in pages. False if that failed: then the run is BLOCKED, or, if the database is
        in trouble, left to the self-audit, which will find a run that nobody here knows of."""
        try:
            while True:
                last_pos = run.history[-1].pos if run.history else _BEFORE_ALL
                (page,) = await self._lanes.misc.run(
                    statement(self._lanes.sql("claims/history"), run.run_id, last_pos, _PAGE)
                )
                found = [Recorded(*row) for row in rows(page)]
                if not found:
                    return True
                run.history += found
        except StoreFault as fault:
            if fault.kind in _REFUSED_ANSWER:
                reason = f"its history cannot be read: {fault}"
                await self.leave([Leave(run.run_id, run.epoch, "BLOCKED", reason=reason)])
            return False


def _sorted(answer: list[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], Taken]:
    """Its runs by rank: an UPDATE returns its rows in the order of their place on disk. And how the queues stand."""
    found = [row for row in answer if row[0] is not None]
    found.sort(key=_rank)
    (_, held, again, opens_in) = next((row[20:24] for row in answer if row[0] is None), (None, False, False, None))
    return found, Taken([], again, held, opens_in)


def _rank(row: tuple[Any, ...]) -> float:
    """As claim_rank in SQL says it."""
    return float(row[16] + PRIORITY_SECONDS * row[19])


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
        queue=row[20],
    )
