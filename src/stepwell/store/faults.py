"""How a store reports that the *database* failed. Never an outcome of user code.

Each store has one table from its driver's errors to these kinds; what is done about a kind is decided
once, in `core` (see `protocol.md`, "Database errors").
"""

from enum import StrEnum


class FaultKind(StrEnum):
    CONNECTION = "connection"  # also resources, read-only, a deadline that passed: reconnect, retry for ever
    CONTENTION = "contention"  # lock timeout, serialization, deadlock: retry with back-off for ever
    POOLER = "pooler"  # prepared statements met a pooler: stop preparing, reconnect, retry
    ENVIRONMENT = "environment"  # password, privilege, missing schema or database: pause, say so loudly
    PAYLOAD = "payload"  # too big, bad text: refused, never retried
    UNKNOWN = "unknown"  # five tries, then BLOCKED


class StoreFault(Exception):
    """A statement of the engine failed. `ambiguous`: it may have been committed all the same. `row_held`: somebody's
    open transaction holds one of its rows; statements about others go through.

    The message never contains a payload or a password. `code` is the database's own (SQLSTATE, or
    SQLite's error name).
    """

    def __init__(
        self, kind: FaultKind, message: str, *, code: str = "", ambiguous: bool = False, row_held: bool = False
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code
        self.ambiguous = ambiguous
        self.row_held = row_held

    @property
    def told(self) -> str:
        """The message with the database's code, where there is one."""
        return f"{self.code}: {self}" if self.code else str(self)
