"""The threads of a simulated process: its `def` workflows and steps are the only thing that moves by itself."""

import sys
import threading
from types import FrameType

from stepwell.core.inbox import Slot
from stepwell.core.runtime import Runtime
from stepwell.core.unwind import Fate, Unwound
from stepwell.engine import Stepwell

_SLOT_WAIT = Slot.wait.__code__
_CONDITION_WAIT = threading.Condition.wait.__code__


class ProcessThreads:
    """Looks whether they wait, and ends them."""

    def __init__(self) -> None:
        self._rest: dict[int, tuple[object, int]] = {}

    def forget(self) -> None:
        """What was seen is old."""
        self._rest = {}

    def move(self, engine: Stepwell) -> bool:
        """Whether one of them is executing something, or is about to. False only if two looks say so."""
        runtime = engine.left_behind  # type: ignore[attr-defined]
        if runtime is None or not runtime.pool._threads:
            return False
        frames = sys._current_frames()
        rest: dict[int, tuple[object, int]] = {}
        for thread in runtime.pool._threads:
            frame = frames.get(thread.ident or 0)
            if frame is None:
                continue
            if not _waits(frame):
                self._rest = {}
                return True
            rest[thread.ident or 0] = (frame, frame.f_lasti)
        if rest == self._rest:
            return False
        self._rest = rest
        return True

    def end(self, runtime: Runtime) -> None:
        """Let threads of a dead process unwind; nothing that they do reaches anybody."""
        runtime.pool.close()
        for execution in list(runtime.executions.values()):
            execution.unwind(Fate.LOST)
            execution._interrupt()
        frames = sys._current_frames()
        for thread in runtime.pool._threads:
            frame = frames.get(thread.ident or 0)
            if frame is not None and frame.f_code is _SLOT_WAIT:
                frame.f_locals["self"].fail(Unwound())


def _waits(frame: FrameType) -> bool:
    if frame.f_code is _SLOT_WAIT:
        return bool(frame.f_locals["self"]._token)  # not answered yet
    return frame.f_code is _CONDITION_WAIT
