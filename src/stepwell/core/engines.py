"""Which engine a call means: no hidden singleton, four rules in one order."""

import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from stepwell.core.context import frame
from stepwell.errors import AmbiguousEngine, EngineForked, NoRunningEngine, UsageError

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


class HasRuntime(Protocol):
    """An engine or a client, as far as the core knows it."""

    @property
    def runtime(self) -> "Runtime": ...


#: The running engines of this process, in the order of their launch.
RUNNING: list[HasRuntime] = []

#: The engine of the innermost `with engine.use():`.
using: ContextVar[HasRuntime | None] = ContextVar("stepwell_engine", default=None)

_forked = False


def _after_fork_in_child() -> None:
    global _forked
    _forked = bool(RUNNING)
    RUNNING.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)


def find_runtime(asked: Any = None) -> "Runtime":
    """The engine asked for; the running workflow's; the one in use; the only one that runs."""
    if asked is not None:
        found = getattr(asked, "runtime", None)
        if found is None:
            raise UsageError(f"engine= must be a Stepwell or a Client, not {type(asked).__name__}")
        return found  # type: ignore[no-any-return]
    here = frame.get()
    if here is not None:
        return here.execution.runtime
    chosen = using.get()
    if chosen is not None:
        return chosen.runtime
    if len(RUNNING) == 1:
        return RUNNING[0].runtime
    if not RUNNING:
        if _forked:
            raise EngineForked("the engine was launched before fork(): launch it in the child process (post_fork)")
        raise NoRunningEngine(
            "no engine is running in this process: call this inside `with engine:` (or `async with engine:`), "
            "or give options(engine=...)"
        )
    names = ", ".join(repr(each.runtime.name) for each in RUNNING)
    raise AmbiguousEngine(
        f"{len(RUNNING)} engines are running ({names}): say which with options(engine=...) or `with engine.use():`"
    )
