"""How many places of a claim are for queues with limits: all of them or half, in turn, so that no backlog of one kind
takes all places for ever."""

from collections.abc import Sequence

#: Sets of routes that are remembered: a process claims for few.
_MOST = 100


class Halves:
    """Of one process. Claims of different routes take turns each by themselves: as one sequence, claims for one kind of
    workflow that bring nothing could take every second turn, and leave the others always the same."""

    def __init__(self) -> None:
        self._halved: set[tuple[str, ...]] = set()

    def for_limited(self, routes: Sequence[str], limit: int) -> int:
        """Of this claim; the next one of these routes is the other kind."""
        key = tuple(routes)
        if key in self._halved:
            self._halved.discard(key)
            return limit // 2
        if len(self._halved) >= _MOST:
            self._halved.clear()
        self._halved.add(key)
        return limit
