"""How a namespace does at a glance, for who watches."""

from dataclasses import dataclass, field
from uuid import UUID

from stepwell.model.info import ExecutorInfo
from stepwell.model.queues import QueueInfo

#: Where the counts of a glance stop.
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a store counts in one bounded look; each count stops at 10,000.

    `live`: runs that have not ended, by status. `started` and `ended` (by status): since the instant `since`. `delayed`
    and `oldest` (its start) are of what is ENQUEUED; `oldest` leaves out what is delayed. `owned`: runs that each
    process of the schema executes. Instants are unix seconds of the database's clock.
    """

    now: float
    since: float
    live: dict[str, int]
    delayed: int
    oldest: float | None
    started: int
    ended: dict[str, int]
    owned: dict[UUID, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Overview:
    """One look at everything: the numbers, the queues (their counts stop at 10,000 too), and the processes."""

    vitals: Vitals
    queues: list[QueueInfo]
    executors: list[ExecutorInfo]
