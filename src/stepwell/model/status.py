"""The statuses of a run and the one table of legal transitions.

The engine asserts against it, the CHECK constraints of the schema are generated from it
(tests compare them) and the docs print it.
"""

from enum import StrEnum


class Status(StrEnum):
    """Where a run stands. Only SUCCESS, ERROR and CANCELLED are outcomes."""

    ENQUEUED = "ENQUEUED"  # may be claimed by any process that serves it (after `not_before`)
    PENDING = "PENDING"  # owned and executing
    WAITING = "WAITING"  # parked; its waits are rows
    BLOCKED = "BLOCKED"  # cannot go on with this code; carries a reason
    DEAD = "DEAD"  # taken over too often without progress; resumable by hand
    SUCCESS = "SUCCESS"
    ERROR = "ERROR"
    CANCELLED = "CANCELLED"


#: An outcome is written once per run; `completed_at` is set exactly for these.
TERMINAL = frozenset({Status.SUCCESS, Status.ERROR, Status.CANCELLED})

#: (from, to) -> why it happens.
TRANSITIONS: dict[tuple[Status, Status], str] = {
    (Status.ENQUEUED, Status.PENDING): "claimed",
    (Status.ENQUEUED, Status.CANCELLED): "cancelled before it ever started, or by force",
    (Status.PENDING, Status.SUCCESS): "the function returned",
    (Status.PENDING, Status.ERROR): "the function raised",
    (Status.PENDING, Status.CANCELLED): "the cancellation was delivered, or forced",
    (Status.PENDING, Status.WAITING): "parked",
    (Status.PENDING, Status.ENQUEUED): "taken from a dead owner, or released by a live one",
    (Status.PENDING, Status.BLOCKED): "replay mismatch, or an unknown database error after retries",
    (Status.PENDING, Status.DEAD): "max_recoveries takeovers without a new checkpoint",
    (Status.WAITING, Status.ENQUEUED): "a wait is satisfied, due, or a cancellation waits",
    (Status.WAITING, Status.CANCELLED): "cancelled by force",
    (Status.BLOCKED, Status.ENQUEUED): "resumed, or tried by a process with other code",
    (Status.BLOCKED, Status.CANCELLED): "cancelled by force",
    (Status.DEAD, Status.ENQUEUED): "resumed",
    (Status.DEAD, Status.CANCELLED): "cancelled",
    (Status.CANCELLED, Status.ENQUEUED): "resumed or rewound; the old outcome is archived",
    (Status.ERROR, Status.ENQUEUED): "resumed or rewound; the old outcome is archived",
    (Status.SUCCESS, Status.ENQUEUED): "rewound; the old outcome is archived",
}
