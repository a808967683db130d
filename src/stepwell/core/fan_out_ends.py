"""Which runs of a fan-out have ended. Each is asked for once, however often and for whom it is waited."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from stepwell.core.fan_out import Ended
from stepwell.core.ref import RunRef
from stepwell.model.looking import Outcome
from stepwell.model.status import Status

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: Outcomes wait here to be asked for while all their results together have at most so many characters; a larger one is
#: read once more when its turn comes.
_KEPT_CHARACTERS = 1 << 20


class Ends:
    """Watches runs from when they are first waited for. On the loop, but for `of` and `take`."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._asked: dict[int, tuple[UUID, asyncio.Future[Outcome]]] = {}
        self._failed: dict[int, bool] = {}  # those that have ended
        self._kept: dict[int, Outcome] = {}
        self._room = _KEPT_CHARACTERS
        self._lock = threading.Lock()  # of `_room`
        self._tell: Callable[[], object] | None = None
        self._error: BaseException | None = None
        self._closed = False

    def watch(self, refs: Mapping[int, RunRef], tell: Callable[[], object]) -> None:
        """Call `tell` once at least one of these has ended: now, if one has. Another call takes its place."""
        for place, ref in refs.items():
            if place not in self._asked and place not in self._failed and not self._closed and ref.run_id is not None:
                try:
                    future = self._runtime.watch.ask(ref.run_id)
                except Exception as error:
                    self._error = error
                    break
                self._asked[place] = ref.run_id, future
                future.add_done_callback(partial(self._ended, place), context=self._runtime.context)
        if self._error is not None or any(place in self._failed for place in refs):
            tell()
        else:
            self._tell = tell

    def of(self, refs: Mapping[int, RunRef]) -> Ended:
        """Which of these have ended. Raises NoRunningEngine if the engine was closed meanwhile. From any thread."""
        if self._error is not None:
            raise self._error
        places = [place for place in refs if place in self._failed]
        return Ended(places, [place for place in places if self._failed[place]])

    def take(self, place: int) -> Outcome | None:
        """The outcome that is asked for, if it is here; once. From any thread."""
        self._failed.pop(place, None)
        outcome = self._kept.pop(place, None)
        if outcome is not None:
            with self._lock:
                self._room += _size(outcome)
        return outcome

    def close(self) -> None:
        """Nobody asks any more."""
        self._closed = True
        self._tell = None
        for run_id, future in self._asked.values():
            self._runtime.watch.give_up(run_id, future)
        self._asked.clear()
        self._kept.clear()

    def _ended(self, place: int, done: "asyncio.Future[Outcome]") -> None:
        if self._asked.pop(place, None) is None or done.cancelled():
            return
        self._error = self._error or done.exception()
        if self._error is None:
            outcome = done.result()
            with self._lock:
                fits = _size(outcome) <= self._room
                self._room -= _size(outcome) if fits else 0
            if fits:
                self._kept[place] = outcome
            self._failed[place] = outcome.status != Status.SUCCESS
        if self._tell is not None:
            tell, self._tell = self._tell, None
            tell()


def _size(outcome: Outcome) -> int:
    return len(outcome.output or "") + len(outcome.error or "")
