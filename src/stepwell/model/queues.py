"""Queues as values: what code declares, the row that holds in the database, and what people see."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from stepwell.errors import InvalidArgument
from stepwell.model.durations import Duration, is_integer, seconds
from stepwell.model.ids import RESERVED, check_name

_INT32 = 2**31


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` starts in any `per` seconds: a sliding window, by the database's clock. `Rate(1, per=0.5)` spaces
    starts half a second apart.

    Only first starts count, not going on after a takeover or a wait. With limits above 128, starts within a 128th of
    `per` count as the last of them: the limit is never exceeded, and opens that much late at most.
    Raises InvalidArgument for a limit under 1 or a duration that is not positive.

    Example::

        Queue("emails", rate=Rate(100, per=60))
    """

    limit: int
    per: Duration = 1.0

    def __post_init__(self) -> None:
        _limit(self.limit, "Rate.limit")
        object.__setattr__(self, "per", seconds(self.per, "Rate.per", allow_zero=False))

    @property
    def period(self) -> float:
        """`per` in seconds."""
        return seconds(self.per, "Rate.per")


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and its limits; None is no limit. Runs get into one with `fn.options(queue=...)`.

    `concurrency`: runs of the queue that all processes together execute at once; `worker_concurrency`: of one process.
    `rate`: starts per time. `partition_concurrency`, `partition_rate`: the same for each value of
    `options(partition=)`, at the same time as the queue's own. `fair`: partitions are served in turn; else by priority
    and age alone. `paused`: nothing is started. What counts as executed is what a process owns: a run that waits parked
    does not, unless `keep_place`: then a run has its place in `concurrency` and `partition_concurrency` from its first
    start to its end, whatever it waits for, also while it is BLOCKED or DEAD.

    A queue needs no declaration: one that nobody has declared has no limits. `Stepwell(declare=[Queue(...)])` writes
    its row at launch; what has been changed at run time since (`engine.queues.update`) stays.
    Raises InvalidArgument for names and limits that make no sense.

    Example::

        emails = Queue("emails", concurrency=10, rate=Rate(100, per=60))
        engine = Stepwell(declare=[emails])
        handle = send_mail.options(queue=emails, partition="customer-7").start("hello")
    """

    name: str
    concurrency: int | None = None
    worker_concurrency: int | None = None
    rate: Rate | None = None
    partition_concurrency: int | None = None
    partition_rate: Rate | None = None
    fair: bool = True
    paused: bool = False
    keep_place: bool = False

    def __post_init__(self) -> None:
        if check_name(self.name, "the name of a queue") == EVERY_QUEUE:
            raise InvalidArgument(f"a queue cannot have the name {EVERY_QUEUE!r}, which means all of them")
        if self.name.startswith(RESERVED) and self.name != SINGLETONS:
            raise InvalidArgument(f"the names of queues that begin with {RESERVED!r} are the engine's own")
        for option in ("concurrency", "worker_concurrency", "partition_concurrency"):
            value = getattr(self, option)
            if value is not None:
                _limit(value, f"{option} of the queue {self.name!r}")
        for option in ("rate", "partition_rate"):
            value = getattr(self, option)
            if value is not None and not isinstance(value, Rate):
                raise InvalidArgument(f"{option} of the queue {self.name!r} must be a Rate or None, not {value!r}")
        for option in ("fair", "paused", "keep_place"):
            if not isinstance(getattr(self, option), bool):
                raise InvalidArgument(f"{option} of the queue {self.name!r} must be True or False")

    def changed(self, **fields: Any) -> "Queue":
        """This queue with some fields replaced. Raises InvalidArgument, also for a field that there is not."""
        unknown = fields.keys() - set(SETTINGS)
        if unknown:
            raise InvalidArgument(f"a queue has no {', '.join(sorted(unknown))}: it has {', '.join(SETTINGS)}")
        return replace(self, **fields)

    @property
    def is_limited(self) -> bool:
        """Whether anything but free slots holds its runs back."""
        return self.paused or any(
            limit is not None
            for limit in (
                self.concurrency, self.worker_concurrency, self.rate, self.partition_concurrency, self.partition_rate
            )
        )  # fmt: skip


#: The fields that can be changed.
SETTINGS = (
    "concurrency", "worker_concurrency", "rate", "partition_concurrency", "partition_rate", "fair", "paused",
    "keep_place",
)  # fmt: skip

#: In the list of what a process listens to: all queues there are.
EVERY_QUEUE = "*"

#: Where singletons wait for each other, each key a partition; every process listens to it.
SINGLETONS = f"{RESERVED}singletons"


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """A queue as it is now: its row (`declared` False: it has none, only runs), and what is in it.

    `waiting` counts what could start, `delayed` what is not due yet; both, like `running` and `oldest` (when the oldest
    of them was enqueued), across all apps of the namespace. Counts stop at 100,000.
    """

    queue: Queue
    waiting: int
    delayed: int
    running: int
    oldest: datetime | None
    declared: bool = True

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.queue.name


@dataclass(frozen=True, slots=True)
class QueueRow:
    """What the store tells of a queue."""

    queue: Queue
    waiting: int
    delayed: int
    running: int
    oldest: float | None
    declared: bool = True


@dataclass(frozen=True, slots=True)
class QueueStanding:
    """Why a waiting run of a queue has not started: how its limits stand now.

    `ahead`: runs that come before it by rank, counted up to 1,000. `holders`: workflow ids of runs that fill the limit
    that is full, up to 5. `opens_in`: seconds until a rate lets the next one start.
    """

    queue: Queue
    running: int
    running_in_partition: int
    ahead: int
    opens_in: float | None = None
    partition_opens_in: float | None = None
    holders: tuple[str, ...] = field(default=())


def queue_name(queue: str | Queue) -> str:
    """The name of a queue that is given by its name or as itself. Raises InvalidArgument."""
    return queue.name if isinstance(queue, Queue) else Queue(queue).name


def settings_of(queue: Queue) -> str:
    """What stores keep of a queue, as a JSON object."""
    return json.dumps(
        {
            "concurrency": queue.concurrency,
            "worker_concurrency": queue.worker_concurrency,
            "rate_limit": queue.rate and queue.rate.limit,
            "rate_period": queue.rate and queue.rate.period,
            "partition_concurrency": queue.partition_concurrency,
            "partition_rate_limit": queue.partition_rate and queue.partition_rate.limit,
            "partition_rate_period": queue.partition_rate and queue.partition_rate.period,
            "fair": queue.fair,
            "paused": queue.paused,
            "keep_place": queue.keep_place,
        }
    )


def queue_of(row: Sequence[Any]) -> Queue:
    """A queue from a row of a store: its name, then what `settings_of` has, in that order, then whatever else."""
    name, concurrency, worker, limit, period, partition, partition_limit, partition_period, fair, paused = row[:10]
    return Queue(
        name,
        concurrency=concurrency,
        worker_concurrency=worker,
        rate=None if limit is None else Rate(limit, per=period),
        partition_concurrency=partition,
        partition_rate=None if partition_limit is None else Rate(partition_limit, per=partition_period),
        fair=bool(fair),
        paused=bool(paused),
        keep_place=bool(row[10]),
    )


def _limit(value: object, what: str) -> None:
    if not is_integer(value, 1, _INT32 - 1):
        raise InvalidArgument(f"{what} must be an integer from 1 on (None: no limit), and is {value!r}")
