"""A fan-out: a run for each item, so many at a time, and their results. What is to be done next, for both colours.

`plan` is a generator: it says what is to be done, is sent what came of it, and goes on from there. It does nothing
itself and looks at nothing else, so a replay that is sent the same answers does the same. Whoever drives it waits.
"""

import heapq
from collections.abc import Generator, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Any

from stepwell.core.definition import BoundCall
from stepwell.core.ref import RunRef
from stepwell.errors import InvalidArgument, TooManyFailures
from stepwell.model.durations import is_integer

#: Runs that may be under way at once.
MOST_AT_ONCE = 10_000
#: So many failures an error carries.
MOST_FAILURES = 100
#: In the order of the items a slow one holds back the results of those after it: so many may have ended meanwhile. Only
#: references to them are kept.
LOOK_AHEAD = 1000


@dataclass(frozen=True, slots=True)
class Policy:
    """How a fan-out goes about it. `tolerate` failures, or if a float which share of all items; `total` of them."""

    concurrency: int
    tolerate: float
    ordered: bool
    total: int | None  # None: nobody knows before the end

    @property
    def allowed(self) -> int | None:
        """How many failures; None: only known at the end."""
        if isinstance(self.tolerate, int):
            return self.tolerate
        return None if self.total is None else int(self.tolerate * self.total)


def checked(items: Iterable[Any], concurrency: int, tolerate: float, ordered: bool) -> Policy:
    """The policy of these arguments. Raises InvalidArgument."""
    if isinstance(items, str | bytes) or not isinstance(items, Iterable):
        raise InvalidArgument(f"map: items must be an iterable of arguments or bound calls, not {items!r:.60}")
    if not is_integer(concurrency, 1, MOST_AT_ONCE):
        raise InvalidArgument(f"map: concurrency must be 1 to {MOST_AT_ONCE}, and is {concurrency!r}")
    if isinstance(tolerate, bool) or not isinstance(tolerate, int | float):
        raise InvalidArgument(f"map: tolerate must be a number of failures, or a share of 0.0 to 1.0, not {tolerate!r}")
    if isinstance(tolerate, float) and not 0.0 <= tolerate <= 1.0:
        raise InvalidArgument(f"map: tolerate as a share must be 0.0 to 1.0, and is {tolerate!r}")
    if tolerate < 0:
        raise InvalidArgument(f"map: tolerate must not be negative, and is {tolerate!r}")
    if not isinstance(ordered, bool):
        raise InvalidArgument(f"map: ordered must be True or False, not {ordered!r}")
    return Policy(concurrency, tolerate, ordered, len(items) if isinstance(items, Sized) else None)


# -- what is to be done, and what may come of it --------------------------------------------------------------


@dataclass(slots=True)
class Start:
    """Start these; the answer is their references."""

    calls: list[BoundCall[Any]]


@dataclass(slots=True)
class Await:
    """Wait until at least one of these has ended; the answer is `Ended`. Keys are the places of their items."""

    refs: dict[int, RunRef]


@dataclass(slots=True, frozen=True)
class Ended:
    """Which have ended, and which of these without success."""

    places: list[int]
    failed: list[int]


@dataclass(slots=True)
class Ask:
    """Ask for the result of this run, which has ended; the answer is the value, or `Failed`."""

    place: int
    ref: RunRef


@dataclass(slots=True, frozen=True)
class Failed:
    """A run ended without success."""

    error: Exception


@dataclass(slots=True)
class Cancel:
    """Cancel these, that have not ended; nothing is answered."""

    refs: list[RunRef]


@dataclass(slots=True)
class Give:
    """The next result, for whoever iterates; nothing is answered."""

    value: Any


Action = Start | Await | Ask | Cancel | Give


# -- the plan -------------------------------------------------------------------------------------------------


def plan(calls: Iterator[BoundCall[Any]], policy: Policy) -> Generator[Action, Any, None]:
    """All of a fan-out, one action after the other. What it raises is for whoever iterates."""
    return _FanOut(calls, policy).run()


class _FanOut:
    def __init__(self, calls: Iterator[BoundCall[Any]], policy: Policy) -> None:
        self._calls = calls
        self._policy = policy
        self._more = True
        self._started = 0
        self._given = 0
        self._running: dict[int, RunRef] = {}
        self._ended: dict[int, RunRef] = {}  # and not asked
        self._turns: list[int] = []  # who has ended and was not given, the first item first
        self._early: dict[int, Any] = {}  # results that were asked for before their turn: failures
        self._failed = 0
        self._failures: list[Exception] = []

    def run(self) -> Generator[Action, Any, None]:
        """See `plan`."""
        while True:
            try:
                yield from self._start()
            except Exception:
                yield Cancel(list(self._running.values()))
                raise
            if (place := self._next()) is not None:
                value = self._early.pop(place) if place in self._early else (yield from self._ask(place))
                self._given += 1
                yield Give(value.error if isinstance(value, Failed) else value)
            elif self._running:
                ended: Ended = yield Await(self._running)
                for place in ended.places:
                    self._ended[place] = self._running.pop(place)
                    heapq.heappush(self._turns, place)
                for place in ended.failed:
                    self._early[place] = yield from self._ask(place)
            else:
                break
        if self._policy.allowed is None and self._failed > self._policy.tolerate * self._started:
            raise self._too_many()

    def _start(self) -> Generator[Action, Any, None]:
        free = self._policy.concurrency - len(self._running)
        held = self._started - self._given - len(self._running)
        room = min(free, LOOK_AHEAD - held) if self._policy.ordered else free
        taken: list[BoundCall[Any]] = []
        while self._more and len(taken) < room:
            call = next(self._calls, None)
            if call is None:
                self._more = False
            else:
                taken.append(call)
        if taken:
            refs: list[RunRef] = yield Start(taken)
            self._running.update(enumerate(refs, self._started))
            self._started += len(refs)

    def _next(self) -> int | None:
        """Whose result is given now; None: nobody's yet."""
        if not self._turns or (self._policy.ordered and self._turns[0] != self._given):
            return None
        return heapq.heappop(self._turns)

    def _ask(self, place: int) -> Generator[Action, Any, Any]:
        answer = yield Ask(place, self._ended.pop(place))
        if isinstance(answer, Failed):
            self._failed += 1
            if len(self._failures) < MOST_FAILURES:
                self._failures.append(answer.error)
            if not self._policy.tolerate:
                yield Cancel(list(self._running.values()))
                raise answer.error
            if self._policy.allowed is not None and self._failed > self._policy.allowed:
                yield Cancel(list(self._running.values()))
                raise self._too_many()
        return answer

    def _too_many(self) -> TooManyFailures:
        total = self._started if self._policy.total is None else self._policy.total
        tolerated = self._policy.tolerate
        limit = f"{tolerated}" if isinstance(tolerated, int) else f"{tolerated:.0%}"
        return TooManyFailures(
            f"{self._failed} of {total} runs failed, and {limit} are tolerated; the first failure: "
            f"{type(self._failures[0]).__name__}: {self._failures[0]}",
            self._failures,
            failed=self._failed,
            total=total,
        )
