"""Claims: which runs a process takes, with all that is needed to go on with them."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nsmallest
from itertools import islice
from operator import itemgetter
from typing import Any
from uuid import UUID

from stepwell.model.queues import Queue, queue_of
from stepwell.model.rows import Claimed, ParentRef, Recorded, RecordedIntent, Taken
from stepwell.store.halves import Halves
from stepwell.store.rounds import Place, Rounds, Step, Walk, partitions_of
from stepwell.store.sqlite.connection import Row, Session, uuid_of
from stepwell.store.sqlite.limits import LimitedQueue
from stepwell.store.sqlite.verbs import Verbs

#: Delayed runs that one claim makes claimable, and runs that it lets expire.
_RELEASED = 1000
#: Pairs of queue and route that one claim looks at; the walk over them.
_SEEN = 1000
_PAIRS = "pairs"

_NOWHERE: Mapping[Walk, Place] = {}

#: rank and rowid among what claims/take returns: RETURNING itself has no order.
_ORDER = itemgetter(20, 21)


class ClaimVerbs(Verbs):
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
        share = self._halves.for_limited(routes, limit)
        places = self._rounds.places(routes, anew)
        taken, steps = await self._write.ask(limit, claim, incarnation, routes, queues, limit, share, places)
        again, took = taken.again, len(taken.runs)
        more = self._rounds.walked(routes, steps, took=took, again=again, share=share, limit=limit)
        taken.again = again or more
        return taken


@dataclass(slots=True)
class _Waiting:
    """A queue of which runs wait that the process may take: its settings, and the routes of those runs."""

    name: str
    queue: Queue | None  # None: without a row
    turn: str | None
    served_at: float | None
    routes: list[str] = field(default_factory=list)
    partitioned: bool = False

    @property
    def has_rules(self) -> bool:
        """Limits, or partitions that are served in turn."""
        return self.name != "" and (self.partitioned or (self.queue is not None and self.queue.is_limited))


def claim(
    db: Session,
    incarnation: UUID,
    routes: Sequence[str],
    queues: Sequence[str] | None,
    limit: int,
    limited: int,
    places: Mapping[Walk, Place] = _NOWHERE,
) -> tuple[Taken, dict[Walk, Step]]:
    """Take ENQUEUED runs by rank, as the limits of their queues allow it; `limited` at most from those with limits. And
    how far it has looked, from `places`."""
    own = {"namespace": db.identity.namespace, "app": db.identity.app}
    (due_at, expired, waits, now) = db.rows("claims/look", own)[0]
    released = 0
    if due_at is not None and due_at <= now:
        released = db.run("claims/release_delayed", (_RELEASED,))
        due_at, _, waits, now = db.rows("claims/look", own)[0]
    if expired:
        db.run("claims/expire", (_RELEASED,))
    taken = Taken([], again=released == _RELEASED, opens_in=None if due_at is None else due_at - now)
    steps: dict[Walk, Step] = {}
    if not waits:
        return taken, steps
    pairs = _some_pairs(db, own, places, steps)
    waiting = _waiting(db, pairs, frozenset(routes), None if queues is None else frozenset(queues))
    chosen = _limited(db, waiting, incarnation.bytes, now, limited, taken, places, steps)
    chosen += _unlimited(db, own, waiting, limit - len(chosen))
    if not chosen:
        return taken, steps
    rows = db.rows("claims/take", {"owner": incarnation.bytes, "rows": json.dumps(chosen), "now": now})
    rows.sort(key=_ORDER)
    taken.runs = [claimed for row in rows if (claimed := _readable(db, row)) is not None]
    # One that was set aside has left its place in its queue.
    taken.again = taken.again or len(rows) == limit or len(taken.runs) < len(rows)
    return taken, steps


def _some_pairs(db: Session, own: dict[str, Any], places: Mapping[Walk, Place], steps: dict[Walk, Step]) -> list[Row]:
    """The next pairs of queue and route of which runs wait."""
    begin = places.get(_PAIRS)
    found = list(islice(_pairs(db, own, begin or ("", "")), _SEEN))
    ended = len(found) < _SEEN
    if not ended or begin is not None:
        place = None if ended else (found[-1][0], found[-1][1])
        steps[_PAIRS] = Step(place, from_start=begin is None, passed_end=ended)
    return found


def _waiting(
    db: Session, pairs: Sequence[Row], served: frozenset[str], listened: frozenset[str] | None
) -> list[_Waiting]:
    found: dict[str, _Waiting] = {}
    for name, route, partitioned in pairs:
        if route not in served or not (name == "" or listened is None or name in listened):
            continue
        if name not in found:
            row = None if name == "" else db.one("queues/get", _key(db, name))
            found[name] = _Waiting(name, None, None, None) if row is None else _Waiting(name, queue_of(row), *row[11:])
        found[name].routes.append(route)
        found[name].partitioned = found[name].partitioned or bool(partitioned)
    return list(found.values())


def _pairs(db: Session, own: dict[str, Any], place: Place) -> Iterator[Row]:
    """The pairs of queue and route of which runs wait, after one, each found by one probe of an index."""
    while (row := db.one("claims/next_pair", own | {"queue": place[0], "route": place[1]})) is not None:
        yield row
        place = row[0], row[1]


def _limited(
    db: Session,
    waiting: Sequence[_Waiting],
    owner: bytes,
    now: float,
    most: int,
    taken: Taken,
    places: Mapping[Walk, Place],
    steps: dict[Walk, Step],
) -> list[int]:
    """Row ids from the queues with limits or partitions, those first that were served longest ago. Says in `taken` how
    they stand after that, and in `steps` which of them have more partitions."""
    rows: list[int] = []
    opens = [] if taken.opens_in is None else [now + taken.opens_in]
    for one in sorted((w for w in waiting if w.has_rules), key=_served_last):
        if one.queue is not None and one.queue.paused:
            continue
        if len(rows) >= most:
            taken.again = True
            break
        if one.queue is None:
            db.run("claims/put_queue", _key(db, one.name))
            one.queue = Queue(one.name)
        walk = partitions_of(one.name)
        (after,) = places.get(walk, (None,))
        picked = LimitedQueue(db, one.queue, one.turn, one.routes, owner, now).pick(most - len(rows), after)
        if picked.step is not None and (after is not None or picked.step.place is not None):
            steps[walk] = picked.step
        rows += picked.rows
        taken.held = taken.held or picked.held
        taken.again = taken.again or picked.again
        if picked.opens_at is not None:
            opens.append(picked.opens_at)
    # The rest of the last one: its share was used up, if not all places.
    taken.again = taken.again or len(rows) >= most > 0
    taken.opens_in = min(opens) - now if opens else None
    return rows


def _served_last(one: _Waiting) -> tuple[float, str]:
    return one.served_at or 0.0, one.name


def _unlimited(db: Session, own: dict[str, Any], waiting: Sequence[_Waiting], most: int) -> list[int]:
    """Row ids from the queues without limits, and of runs that were started directly, by rank."""
    first: list[tuple[float, int]] = []
    for one in waiting:
        if not one.has_rules:
            for route in one.routes:
                place = {"queue": one.name, "route": route, "partition": "", "limit": most}
                first += db.rows("claims/ready", own | place)
    return [row for _, row in nsmallest(most, first)]


def _key(db: Session, queue: str) -> dict[str, Any]:
    return {"namespace": db.identity.namespace, "queue": queue}


def _readable(db: Session, row: Row) -> Claimed | None:
    """The run with its history. One that cannot be read is set aside, and does not spoil the claim."""
    try:
        history = [_recorded(r) for r in db.rows("steps/history", (row[0],))]
        intents = [RecordedIntent(*r) for r in db.rows("intents/begun", (row[0],))]
    except (sqlite3.OperationalError, UnicodeDecodeError) as error:
        if getattr(error, "sqlite_errorcode", None) is not None:
            raise  # the database itself failed, not this run's text
        params = {"run_id": row[0], "epoch": row[2], "reason": "its history is not readable", "hint": None}
        db.run("ownership/block", params)
        return None
    return _claimed(row, history, intents)


def _claimed(row: Row, history: list[Recorded], intents: list[RecordedIntent]) -> Claimed:
    parent = None if row[12] is None else ParentRef(UUID(bytes=row[12]), row[13], row[14])
    return Claimed(
        run_id=UUID(bytes=row[0]),
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
        root_run_id=uuid_of(row[15]),
        created_at=row[16],
        database_now=row[17],
        engine_format=row[18],
        history=history,
        intents=intents,
        queue=row[19],
    )


def _recorded(row: Row) -> Recorded:
    values = list(row)
    values[11] = uuid_of(values[11])
    return Recorded(*values)
