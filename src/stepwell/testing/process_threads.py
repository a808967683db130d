"""The threads of a simulated process: its `def` workflows and steps are the only thing that moves by itself."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from stepwell.core.inbox import Slot
from stepwell.core.runtime import Runtime
from stepwell.core.threads import Job, WorkerPool
from stepwell.core.unwind import Fate, Unwound

_SLOT_WAIT = Slot.wait.__code__
_JOB_RUN = Job.run.__code__
_JOB_RESULT = Job.result.__code__
_JOB_WAIT = Job.wait.__code__
_CONDITION_WAIT = threading.Condition.wait.__code__

#: So many looks in a row must find a thread in a wait that is not ours (a user's lock), before it counts as resting.
_LOOKS = 20

#: How long the threads of a dead process may take to unwind, real seconds. What takes longer is left alone.
_UNWIND_SECONDS = 2.0

#: While somebody looks at stacks, no thread takes the interpreter from another for so long, seconds.
_UNDISTURBED_SECONDS = 0.2


@contextmanager
def undisturbed() -> Iterator[None]:
    """A stack must not run on while it is walked. CPython 3.11 has then been seen to give what is no frame as a frame's
    caller. Put it around a whole series of `ProcessThreads.move`."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_UNDISTURBED_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class ProcessThreads:
    """Looks whether they wait, and ends them."""

    def __init__(self) -> None:
        self._looks = 0

    def move(self, pool: WorkerPool) -> bool:
        """Whether one of them is executing something, or is about to."""
        if not pool._threads:
            return False
        with pool._lock:
            frames = sys._current_frames()
            stacks = [frames[thread.ident] for thread in pool._threads if thread.ident in frames]
            in_jobs = [stack for stack in stacks if _find(stack, {_JOB_RUN}) is not None]
            idle = len(stacks) - len(in_jobs)
            if pool._busy != len(in_jobs) or (pool._jobs and idle):
                return True  # one is on its way into a job, or out of it
        waits = [_waits(stack) for stack in in_jobs]
        if False in waits:
            self._looks = 0
            return True
        self._looks += 1
        return None in waits and self._looks < _LOOKS

    def end(self, runtime: Runtime) -> None:
        """Let threads of a dead process unwind; nothing that they do reaches anybody."""
        runtime.pool.close()
        for execution in list(runtime.executions.values()):
            execution.unwind(Fate.LOST)
            execution._interrupt()
        with undisturbed():
            frames = sys._current_frames()
            for thread in runtime.pool._threads:
                stack = frames.get(thread.ident or 0)
                wait = None if stack is None else _find(stack, {_SLOT_WAIT})
                if wait is not None:
                    wait.f_locals["self"].fail(Unwound())
        runtime.pool.join(_UNWIND_SECONDS)
        runtime.inbox.close()  # what they asked of the loop, which will not turn any more


def _waits(stack: FrameType) -> bool | None:
    """Whether this thread waits; None for waits whose end we cannot foresee."""
    if stack.f_code is _SLOT_WAIT:
        return bool(stack.f_locals["self"]._token)  # not answered yet
    if stack.f_code is not _CONDITION_WAIT:
        return False
    job = _find(stack, {_JOB_RESULT, _JOB_WAIT})
    if job is None:
        return None
    # A wait with a limit is for a body on a thread of its own: that one moves.
    return job.f_code is _JOB_RESULT and not job.f_locals["self"]._done.is_set()


def _find(stack: FrameType, codes: set[Any]) -> FrameType | None:
    frame: FrameType | None = stack
    while frame is not None and frame.f_code not in codes:
        frame = frame.f_back
    return frame
