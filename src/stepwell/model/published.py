"""Events that concern many runs, and who subscribed to them, as they cross the seam between `core` and `store`.

Not the events of a run (`set_event`): those are in `model.messaging`.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from stepwell.errors import InvalidArgument
from stepwell.model.ids import LONGEST_ID, check_name, check_workflow_id
from stepwell.model.rows import NewRun

#: What a subscription does when its event is published.
START = "start"
CANCEL = "cancel"


@dataclass(slots=True, frozen=True)
class Subscription:
    """What a workflow of an app does on an event: it is started, or its runs are cancelled.

    Everything that whoever publishes must know, since it may not have the workflow's code. `filter` is an expression
    (None: every event); `parameters` a JSON document: see `core.event_subscriptions`.
    """

    app: str
    event: str
    mode: str  # start | cancel
    workflow: str
    route: str
    filter: str | None
    parameters: str
    version: str | None = None
    queue: str | None = None
    timeout: float | None = None
    max_recoveries: int = 20


@dataclass(slots=True, frozen=True)
class SubscriptionInfo:
    """What people see of one: `mode` is "start" or "cancel", `where` its filter (None: every event)."""

    event: str
    mode: str
    workflow: str
    app: str
    where: str | None
    version: str | None
    queue: str | None

    @classmethod
    def of(cls, row: Subscription) -> "SubscriptionInfo":
        """From a store's row."""
        return cls(row.event, row.mode, row.workflow, row.app, row.filter, row.version, row.queue)


@dataclass(slots=True, frozen=True)
class Subscriber:
    """A run that an event starts, for the app whose workflow subscribed."""

    app: str
    run: NewRun


@dataclass(slots=True, frozen=True)
class NewPublished:
    """An event on its way in. (namespace, id) is its identity: published twice, it has happened once."""

    event: str
    id: str
    payload: str
    codec_id: str | None = None
    subscribers: tuple[Subscriber, ...] = ()
    cancelling: bool = False  # runs may have to be cancelled because of it, after the commit


@dataclass(slots=True, frozen=True)
class Announced:
    """The answer: the event as it is there. `fresh`: it was not there before, so its subscribers were started."""

    number: int
    published_at: float
    cancelling: bool  # whoever must cancel because of it has not said yet that this is done
    fresh: bool


@dataclass(slots=True, frozen=True)
class PublishedRow:
    """An event as it is stored. Of one name in one namespace, the numbers ascend in the order of the commits."""

    event: str
    number: int
    id: str
    payload: str
    codec_id: str | None
    published_at: float


@dataclass(slots=True, frozen=True)
class EventWait:
    """A parked run's wait for an event with a number above `position`; `filter` None: whoever waits filters himself."""

    run_id: UUID
    branch: str
    seq: int
    event: str
    position: int
    filter: str | None


def check_event_id(id: str) -> str:
    """The id itself, if an event may have it: what a run's id may be. Raises InvalidArgument."""
    return check_workflow_id(id)


def check_event(event: str) -> str:
    """The name itself, if an event may have it. Raises InvalidArgument."""
    return check_name(event, "event")


def subscriber_id(event_id: str, workflow: str) -> str:
    """The id of the run that an event starts: one for each workflow. What does not fit becomes a hash.

    subscriber_id("pay-7", "shop:ship")      # "pay-7:shop:ship"
    """
    id = f"{event_id}:{workflow}"
    try:
        return check_workflow_id(id)
    except InvalidArgument:
        tail = "~" + hashlib.sha256(id.encode()).hexdigest()[:32]
        return id.replace("/", ".")[: LONGEST_ID - len(tail)] + tail
