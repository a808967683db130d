"""The heartbeat's own connection, used by one OS thread and by nobody else."""

from collections.abc import Callable
from uuid import UUID

from stepwell.model.rows import Beat
from stepwell.store.sqlite import executors
from stepwell.store.sqlite.connection import Session
from stepwell.store.sqlite.lanes import Lane


class SQLiteHeartbeat:
    """A `HeartbeatPort`. Opens its connection with its first beat, and again after it broke.

    SQLite waits for the write lock itself, up to the store's `call_deadline`: the thread has nothing
    else to do. After that, StoreFault(CONTENTION).
    """

    def __init__(self, opener: Callable[[], Session], deadline: float) -> None:
        self._lane = Lane(opener, "BEGIN IMMEDIATE", deadline)

    def beat(self, incarnation: UUID, lease: float) -> Beat:
        """Prolong the lease by `lease` seconds. Raises StoreFault."""
        return self._lane.transact(executors.beat, incarnation, lease)

    def close(self) -> None:
        """Give the connection back. Safe to call twice, after the thread has stopped."""
        self._lane.close()
