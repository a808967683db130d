"""Where the running code stands: one context variable that says which run, branch and step this is.

A *branch* is a line of execution inside a run: the root, or one asyncio task. Its path is the ordinal of
every task on the way to it, counted at the tasks' creation: never by timing. Within a branch operations are
numbered when they are called.
"""

from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepwell.core.execution import Execution
    from stepwell.core.runtime import Runtime
    from stepwell.store.transactions import Dialect


class Branch:
    """A line of execution of one run, and the counters that name its operations."""

    __slots__ = ("alike", "children", "execution", "path", "seq")

    #: False in a branch, True in a step's scope (see StepScope).
    in_step = False

    def __init__(self, execution: "Execution", path: str = "") -> None:
        self.execution = execution
        self.path = path
        self.seq = 0
        self.children = 0
        self.alike: dict[str, int] | None = None  # branches with names, and how many of each

    def child(self) -> "Branch":
        """The branch of a task created here, now."""
        ordinal = self.children
        self.children = ordinal + 1
        return self._below(str(ordinal))

    def child_alike(self, what: str) -> "Branch":
        """The branch of a task whose creation has no order of its own: named by what it does, and counted only
        among those that do the same."""
        return self._counted(f"~{what}")

    def named(self, name: str) -> "Branch":
        """The branch that the workflow's own code has given this name; one of several of that name by its number."""
        return self._counted("=" + "".join(c if c.isalnum() or c in "_-" else f"%{ord(c):x}%" for c in name))

    def _counted(self, name: str) -> "Branch":
        if self.alike is None:
            self.alike = {}
        count = self.alike.get(name, 0)
        self.alike[name] = count + 1
        return self._below(name if count == 0 else f"{name}+{count}")

    def _below(self, name: str) -> "Branch":
        return Branch(self.execution, f"{self.path}.{name}" if self.path else name)


class StepScope:
    """The body of a step: steps called within are plain calls, waits raise."""

    __slots__ = ("attempt", "branch", "effects", "execution", "kind", "name", "seq")

    in_step = True

    def __init__(self, branch: Branch, seq: int, name: str, kind: str, attempt: int) -> None:
        self.execution = branch.execution
        self.branch = branch
        self.seq = seq
        self.name = name
        self.kind = kind
        self.attempt = attempt
        self.effects = count()  # numbers what this attempt sends and publishes, from any thread


class OpenTransaction:
    """A transaction whose body is running. `locks`: what is said to the SQLite file whose write lock it holds, if that
    is its engine's own."""

    __slots__ = ("locks", "name")

    def __init__(self, name: str, locks: "Dialect | None") -> None:
        self.name = name
        self.locks = locks

    def holds_up(self, runtime: "Runtime") -> bool:
        """Whether what that engine or client writes would wait for this transaction."""
        return self.locks is not None and runtime.store.dialect() == self.locks


#: The transaction around the running code, in a workflow or not.
open_transaction: ContextVar[OpenTransaction | None] = ContextVar("stepwell_transaction", default=None)

#: None outside any workflow.
frame: ContextVar[Branch | StepScope | None] = ContextVar("stepwell_frame", default=None)
