"""Walks that go on from claim to claim: a claim looks at so many names or partitions, and what nobody here may take
must not hide what comes after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: Sets of routes that are remembered: a process claims for few.
_MOST = 100
#: Claims in a row that bring nothing and say that there may be more, until the next look goes on from there.
_FRUITLESS = 20

#: What a walk is over: "pairs" of queue and route, or another name of the store's own; or the partitions of a queue.
Walk = str | tuple[str]
Place = tuple[str, ...]


def partitions_of(queue: str) -> Walk:
    """The walk over the partitions of a queue."""
    return (queue,)


@dataclass(slots=True, frozen=True)
class Step:
    """How far a claim came on a walk that it has not made completely: where the next one goes on (None: at the start),
    whether this one began at the start, and whether it passed the end."""

    place: Place | None
    from_start: bool
    passed_end: bool


@dataclass(slots=True)
class _State:
    place: Place | None = None
    whole: bool = False  # it has begun at the start, and nothing has changed since
    done: bool = False


@dataclass(slots=True)
class _Round:
    walks: dict[Walk, _State] = field(default_factory=dict)
    fruitless: int = 0
    shared: bool = False  # here, a claim had places for queues with limits, ...
    spared: bool = False  # ... and one for the others

    def begin(self) -> None:
        """What was seen before does not count."""
        for state in self.walks.values():
            state.whole = state.done = False

    def has_met_both(self, share: int, took: int, limit: int) -> bool:
        """Whether both kinds of queues have had their places here. Where a claim is short of places one kind takes them
        all, and the other in the next claim: if the names went on between, each would meet the same half of them."""
        self.shared = self.shared or share > 0
        self.spared = self.spared or share < limit or took < limit
        both = self.shared and self.spared
        if both:
            self.shared = self.spared = False
        return both

    def go_on(self, steps: Mapping[Walk, Step], names: bool) -> None:
        """Along partitions, and along names if they are to."""
        for name in [name for name in self.walks if isinstance(name, str) and name not in steps]:
            del self.walks[name]  # all at once
        for walk, step in steps.items():
            state = self.walks.setdefault(walk, _State())
            if names or isinstance(walk, tuple):
                whole = state.whole or step.from_start
                state.done = state.done or (whole and step.passed_end)
                state.whole = whole or step.passed_end
                state.place = step.place

    def is_open(self, steps: Mapping[Walk, Step]) -> bool:
        """A queue that was not met says nothing: others claim from it, or nothing waits there any more."""
        return any(not self.walks[walk].done for walk in steps)

    def leaves(self, steps: Mapping[Walk, Step], again: bool) -> bool:
        """End the round. Whether partitions are left, of queues that were not met only because there are many."""
        if not again and not any(isinstance(walk, str) for walk in steps):
            return False
        self.walks = {w: state for w, state in self.walks.items() if isinstance(w, tuple) and w not in steps}
        return bool(self.walks)


class Rounds:
    """Of one process. A claim that looks at everything at once, which is nearly every one, leaves nothing here.

    One that does not says that there may be more, until a whole round has brought nothing: then each name and partition
    has been looked at, wherever the round began. Claims of different routes see different things, and go round each
    by themselves.
    """

    def __init__(self) -> None:
        self._rounds: dict[tuple[str, ...], _Round] = {}

    def places(self, routes: Sequence[str], anew: bool) -> Mapping[Walk, Place]:
        """Where the walks of a claim go on, unless at the start. `anew`: what was seen before counts for no round."""
        if not self._rounds:
            return {}
        if anew:
            for each in self._rounds.values():
                each.fruitless = 0
                each.begin()
        found = self._rounds.get(tuple(routes))
        return {} if found is None else {walk: at.place for walk, at in found.walks.items() if at.place is not None}

    def walked(
        self, routes: Sequence[str], steps: Mapping[Walk, Step], *, took: int, again: bool, share: int, limit: int
    ) -> bool:
        """Note where a claim of up to `limit` runs came, `share` of them from queues with limits; whether the next one
        should follow at once for that. `again`: it should anyway."""
        key = tuple(routes)
        known = self._rounds.get(key)
        if known is None:
            if not steps:
                return False
            if len(self._rounds) >= _MOST:
                self._rounds.clear()
            known = self._rounds[key] = _Round()
        known.fruitless = 0 if took else known.fruitless + 1
        known.go_on(steps, known.has_met_both(share, took, limit))
        if took or again:  # there may be more at a place that the round has behind it
            known.begin()
        if known.is_open(steps):
            if known.fruitless < _FRUITLESS:
                return True
            known.fruitless = 0
        elif not known.leaves(steps, again):
            del self._rounds[key]
        return False
