"""No connection is open while the process forks.

SQLite keeps one book per process of the locks that it holds on a file, and a forked child inherits the book but
not the locks: a connection that the child opens later would believe that it holds what the parent holds. Seen:
BUSY for ever, and committed runs gone, because the parent removed the log of a file that the child still used.
So every lane's connection is closed before a fork, and opened again, on either side, when it is next needed.
"""

import os
import threading
from typing import Protocol
from weakref import WeakSet


class Lock(Protocol):
    """What `threading.RLock` is too."""

    def acquire(self) -> bool: ...

    def release(self) -> None: ...


class Forkable(Protocol):
    """Something that has a connection."""

    @property
    def in_use(self) -> "Lock":
        """Held while the connection is in use: a fork waits for it."""
        ...

    def disconnect(self) -> None:
        """Close the connection, if there is one."""
        ...


_LANES: "WeakSet[Forkable]" = WeakSet()
_LANES_LOCK = threading.RLock()


def mind_forks(lane: Forkable) -> None:
    """From now on `lane` is disconnected before a fork."""
    with _LANES_LOCK:
        _LANES.add(lane)


_held: list[Forkable] = []


def _before() -> None:
    _LANES_LOCK.acquire()
    for lane in list(_LANES):
        lane.in_use.acquire()
        _held.append(lane)
        lane.disconnect()


def _after() -> None:
    while _held:
        _held.pop().in_use.release()
    _LANES_LOCK.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
