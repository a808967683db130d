"""Which runs of a queue with limits or partitions may start now.

The rules are those of claim_from_queue in Postgres. There is one writer, so nothing has to be locked: what is counted
here stays true until the claim commits.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice

from stepwell.model.queues import Queue, Rate
from stepwell.store.rounds import Step
from stepwell.store.sqlite import rates
from stepwell.store.sqlite.connection import Row, Session

#: Partitions that one claim looks at, and those of them that it serves.
_SEEN, _SERVED = 1000, 100
#: Runs that have run before and that one claim looks at, where some of their partitions may be full.
_RESUMED = 1000


@dataclass(slots=True)
class Picked:
    """What a queue lets go now: row ids, and how it stands after them. See `Taken`."""

    rows: list[int] = field(default_factory=list)
    held: bool = False
    again: bool = False
    opens_at: float | None = None
    step: Step | None = None  # along the partitions; None: they were not looked at


@dataclass(slots=True)
class _Lanes:
    """Partitions that may start something, in turn, with how many; and what was seen on the way to them."""

    allowed: list[tuple[str, int]] = field(default_factory=list)
    shut: bool = False
    opens_at: float | None = None
    seen: int = 0
    last: str = ""


class LimitedQueue:
    """One claim from one queue. `turn`: the partition that was served last; None: none ever.

    `routes`: those that the process serves and of which runs wait here.
    """

    def __init__(
        self, db: Session, queue: Queue, turn: str | None, routes: Sequence[str], owner: bytes, now: float
    ) -> None:
        self._db = db
        self._queue = queue
        self._turn = turn
        self._routes = routes
        self._owner = owner
        self._now = now
        self._here = {"namespace": db.identity.namespace, "app": db.identity.app, "queue": queue.name}
        self._resumed_in: Counter[str] = Counter()
        self._wrapped = False  # the walk along the partitions has come around to the first

    def pick(self, most: int, after: str | None = None) -> Picked:
        """Up to `most` runs: first what has run before, as concurrency allows; then as the rates allow it, from the
        partitions in turn or by rank alone. Counts what it picks as started: the caller takes all of it.

        `after`: the partition after which to look, unless after the one that was served last."""
        capacity = self._capacity(most)
        if capacity <= 0:
            return Picked(held=True)
        picked = Picked(self._resumed(capacity))
        capacity -= len(picked.rows)
        room = self._for_first_starts(capacity)
        picked.held = room <= 0
        room, picked.opens_at = self._room("", self._queue.rate, room)
        number = 0
        if room > 0:
            lanes = self._partitions_in_turn(room, self._turn if after is None else after)
            chosen = self._chosen(lanes.allowed, room)
            number = len(chosen)
            picked.rows += [row for row, _ in chosen]
            picked.held, picked.opens_at = picked.held or lanes.shut, lanes.opens_at
            cut = lanes.seen == _SEEN
            picked.again = 0 < number < capacity and (number == room or cut or len(lanes.allowed) > 1)
            whole = number > 0 or not cut
            picked.step = Step(None if whole else (lanes.last,), whole, whole or self._wrapped)
            self._note(chosen)
        elif picked.rows:
            self._set_turn(self._turn)
        picked.held = picked.held or picked.opens_at is not None or number == capacity
        return picked

    # -- how much ------------------------------------------------------------------------------------------

    def _capacity(self, most: int) -> int:
        queue = self._queue
        if queue.concurrency is not None and not queue.keep_place:
            most = min(most, queue.concurrency - self._running("claims/running", queue.concurrency))
        if queue.worker_concurrency is not None:
            mine = self._running("claims/running_of_owner", queue.worker_concurrency, owner=self._owner)
            most = min(most, queue.worker_concurrency - mine)
        return most

    def _for_first_starts(self, capacity: int) -> int:
        """Where runs keep their places, what goes on has one already, and needs none of these."""
        limit = self._queue.concurrency
        if limit is None or not self._queue.keep_place:
            return capacity
        kept = self._running("claims/kept", limit, partition=None)
        return min(capacity, limit - self._running("claims/running", limit) - kept)

    def _running(self, count: str, most: int, **whose: object) -> int:
        return int(self._db.value(count, self._here | whose | {"limit": most}))

    def _free_in_partition(self, key: str, room: int) -> int:
        """As its concurrency allows it, what this claim resumes counted in."""
        limit = self._queue.partition_concurrency
        if key == "" or limit is None:
            return room
        running = self._running("claims/running_in_partition", limit, partition=key)
        if self._queue.keep_place:  # what is resumed is among the kept until it is taken
            return min(room, limit - running - self._running("claims/kept", limit, partition=key))
        return min(room, limit - running - self._resumed_in[key])

    def _room(self, key: str, rate: Rate | None, room: int) -> tuple[int, float | None]:
        """As a rate allows it; and when it opens, if that is all that is in the way."""
        if room <= 0 or rate is None:
            return room, None
        left, opens_at = rates.room(self._db, self._queue.name, key, rate, self._now)
        return min(room, left), opens_at

    # -- which ---------------------------------------------------------------------------------------------

    def _resumed(self, capacity: int) -> list[int]:
        limited = self._queue.partition_concurrency is not None and not self._queue.keep_place
        free: dict[str, int] = {}
        rows: list[int] = []
        for _, row, key in self._by_rank("claims/resumed", limit=_RESUMED if limited else capacity):
            if key not in free:
                free[key] = self._free_in_partition(key, capacity) if limited else capacity
            if self._resumed_in[key] < free[key]:
                self._resumed_in[key] += 1
                rows.append(row)
                if len(rows) == capacity:
                    break
        return rows

    def _partitions_in_turn(self, room: int, after: str | None) -> _Lanes:
        """What partitions may start now; '' stands for the runs without one, and comes first."""
        lanes = _Lanes()
        for key in islice(self._around(after), _SEEN):
            allowed, opens_at = self._free_in_partition(key, room), None
            if key:
                allowed, opens_at = self._room(key, self._queue.partition_rate, allowed)
            lanes.seen, lanes.last = lanes.seen + 1, key
            if opens_at is not None:
                lanes.opens_at = opens_at if lanes.opens_at is None else min(opens_at, lanes.opens_at)
            if allowed <= 0:
                lanes.shut = True
                continue
            lanes.allowed.append((key, allowed))
            if len(lanes.allowed) == _SERVED:
                break
        return lanes

    def _around(self, after: str | None) -> Iterator[str]:
        """The partitions of which runs wait, once around, from the one after another."""
        place: str | None = after
        while place is not None and (place := self._after(place)) is not None:
            yield place
        self._wrapped = True
        if any(self._db.value("claims/waits_without", self._on(route)) is not None for route in self._routes):
            yield ""
        place = self._after("")
        while place is not None and (after is None or place <= after):
            yield place
            place = self._after(place)

    def _after(self, place: str) -> str | None:
        found = (
            self._db.value("claims/next_partition", self._on(route) | {"partition": place}) for route in self._routes
        )
        return min((key for key in found if key is not None), default=None)

    def _chosen(self, lanes: Sequence[tuple[str, int]], room: int) -> list[tuple[int, str]]:
        """Row ids and partitions, in the order of their service."""
        fair = self._queue.fair
        share = -(-room // len(lanes)) if fair and lanes else room
        found = []
        for turn, (key, allowed) in enumerate(lanes):
            limit = min(allowed, share)
            first = islice(self._by_rank("claims/unstarted", partition=key, limit=limit), limit)
            for place, (rank, row) in enumerate(first):
                found.append(((place, turn) if fair else (rank, row), row, key))
        found.sort()
        return [(row, key) for _, row, key in found[:room]]

    def _by_rank(self, statement: str, **words: object) -> Iterator[Row]:
        """The rows of all routes, which each come by rank."""
        return merge(*(self._db.rows(statement, self._on(route) | words) for route in self._routes))

    def _on(self, route: str) -> dict[str, object]:
        return {**self._here, "route": route}

    # -- what is remembered --------------------------------------------------------------------------------

    def _note(self, chosen: Sequence[tuple[int, str]]) -> None:
        queue = self._queue
        if chosen and queue.rate is not None:
            rates.note(self._db, queue.name, "", queue.rate, self._now, len(chosen))
        if queue.partition_rate is not None:
            for key, number in Counter(key for _, key in chosen if key).items():
                rates.note(self._db, queue.name, key, queue.partition_rate, self._now, number)
        if chosen or self._resumed_in:
            self._set_turn(chosen[-1][1] if chosen else self._turn)

    def _set_turn(self, turn: str | None) -> None:
        """It was served now: other queues come first at the next claim."""
        self._db.run("claims/set_turn", self._here | {"turn": turn, "now": self._now})
