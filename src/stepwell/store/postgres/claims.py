"""Claims: taking runs, with all that is needed to go on with them."""

import contextlib
from collections.abc import Mapping, Sequence
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
from stepwell.store.rounds import Place, Rounds, Step, Walk, partitions_of

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


#: The walks over the names of what waits, without and with partitions.
_PAIRS, _PARTITIONED = "pairs", "partitioned"
_NOWHERE: Mapping[Walk, Place] = {}


class Claims(Leaves):
    """The claims of a store."""

    @cached_property
    def _halves(self) -> Halves:
        return Halves()

    @cached_property
    def _rounds(self) -> Rounds:
        return Rounds()

    async def claim(
        self,
        incarnation: UUID,
        routes: Sequence[str],
        queues: Sequence[str] | None,
        limit: int,
        anew: bool = False,
    ) -> Taken:
        """See `Store.claim`. Runs that were started directly are in the queue ''."""
        if limit <= 0 or not routes:
            return Taken([])
        identity = self._lanes.identity
        share = self._halves.for_limited(routes, limit)
        places = self._rounds.places(routes, anew)
        where = (
            incarnation,
            identity.namespace,
            identity.app,
            None if queues is None else params.texts(queues),
            params.texts(routes),
            limit,
            share,
        )
        try:
            taken, steps = await self._take(where, limit, places)
        except StoreFault as fault:
            if fault.kind not in _REFUSED_ANSWER and fault.code != "53200":
                raise
            taken, steps = await self._take_bare(where, places)
        again, took = taken.again, len(taken.runs)
        more = self._rounds.walked(routes, steps, took=took, again=again, share=share, limit=limit)
        taken.again = again or more
        return taken

    async def _take(
        self, where: Sequence[object], limit: int, places: Mapping[Walk, Place]
    ) -> tuple[Taken, dict[Walk, Step]]:
        """In one round trip, as far as the histories fit into it; and how far it has looked."""
        released, expired, _, answer = await self._lanes.misc.run(*self._take_statements(where, limit, places))
        if rows(expired):
            self._ended_unstarted()
        found, taken, steps = _sorted(rows(answer), places)
        for row in found:
            recorded, history = _decode_history(row[30]) if row[30] else (0, [])
            run = _claimed(row, history or [], _decode_intents(row[31]) if row[31] else [])
            if len(run.history) == recorded or await self._read_rest(run):
                taken.runs.append(run)
        # A run that was set aside has left its place in its queue.
        set_aside = len(taken.runs) < len(found)
        taken.again = taken.again or set_aside or len(found) == limit or affected(released) == _RELEASE_LIMIT
        return taken, steps

    def _take_statements(
        self, where: Sequence[object], limit: int, places: Mapping[Walk, Place] = _NOWHERE
    ) -> tuple[Statement, ...]:
        sql = self._lanes.sql
        return (
            statement(sql("claims/release_delayed"), _RELEASE_LIMIT),
            statement(sql("claims/expire"), _RELEASE_LIMIT),
            statement(sql("claims/in_order")),
            statement(sql("claims/take"), *where, *_going_on(places), min(_FIRST_PAGE, _FIRST_PAGES // limit)),
        )

    async def _take_bare(self, where: Sequence[object], places: Mapping[Walk, Place]) -> tuple[Taken, dict[Walk, Step]]:
        """Without histories first: one that cannot be read must not keep the others from being claimed."""
        _, answer = await self._lanes.misc.run(
            statement(self._lanes.sql("claims/in_order")),
            statement(self._lanes.sql("claims/take_bare"), *where, *_going_on(places)),
        )
        found, taken, steps = _sorted(rows(answer), places)
        claimed = [_claimed(row, [], []) for row in found]
        for run in claimed:
            with contextlib.suppress(StoreFault):  # the same will be said by _read_rest
                (begun,) = await self._lanes.misc.run(statement(self._lanes.sql("claims/begun"), run.run_id))
                run.intents = [RecordedIntent(*row) for row in rows(begun)]
        taken.runs = [run for run in claimed if await self._read_rest(run)]
        taken.again = taken.again or bool(found)
        return taken, steps

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


def _going_on(places: Mapping[Walk, Place]) -> tuple[object, ...]:
    """Parameters: after which names a claim looks, and in which queues after which partition."""
    if not places:
        return "", "", "", None, None
    turning = {walk[0]: place[0] for walk, place in places.items() if isinstance(walk, tuple)}
    queues, keys = params.texts(list(turning)), params.texts(list(turning.values()))
    return *places.get(_PAIRS, ("", "")), *places.get(_PARTITIONED, ("",)), queues, keys


def _sorted(
    answer: list[tuple[Any, ...]], places: Mapping[Walk, Place]
) -> tuple[list[tuple[Any, ...]], Taken, dict[Walk, Step]]:
    """Its runs by rank: an UPDATE returns its rows in the order of their place on disk. How the queues stand, and how
    far it has looked."""
    found = [row for row in answer if row[0] is not None]
    found.sort(key=_rank)
    (_, held, again, opens_in, *met) = next(row[20:30] for row in answer if row[0] is None)
    return found, Taken([], again, held, opens_in), _steps(places, *met)


def _steps(
    places: Mapping[Walk, Place],
    queue: str | None,
    route: str | None,
    partitioned: str | None,
    turning: list[str] | None,
    keys: list[str | None] | None,
    wrapped: list[bool] | None,
) -> dict[Walk, Step]:
    steps: dict[Walk, Step] = {}
    met: dict[str, Place | None] = {_PAIRS: None if queue is None or route is None else (queue, route)}
    met[_PARTITIONED] = None if partitioned is None else (partitioned,)
    for walk, place in met.items():
        if place is not None or walk in places:
            steps[walk] = Step(place, from_start=walk not in places, passed_end=place is None)
    for name, key, passed in zip(turning or [], keys or [], wrapped or [], strict=True):
        whole = key is None  # all of it
        steps[partitions_of(name)] = Step(None if key is None else (key,), whole, whole or passed)
    return steps


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
