"""How an execution ends without an outcome, and what passes through the user's code then."""

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

from stepwell.core.inbox import Slot
from stepwell.errors import Parked

if TYPE_CHECKING:
    from stepwell.core.execution import Execution


class Fate(Enum):
    """Why this process stops executing a run whose outcome is not decided."""

    PARKED = "parked"  # waits as rows; goes on when a wait ends
    LOST = "lost"  # the epoch moved on: somebody else owns it
    BLOCKED = "blocked"  # cannot go on with this code
    UNREAD = "unread"  # the codec cannot read what is recorded: BLOCKED, until the next sweep
    RELEASED = "released"  # given back: shutdown, SystemExit, a row that the database refused
    FORCED = "forced"  # cancelled by force, or the grace after a cancellation is over


#: How often a function may catch what ends its execution, and go on, before its thread is given up.
MOST_SWALLOWED = 100


class Unwound(Parked):
    """Raised by every verb once an execution has a fate; whatever the function does then is ignored."""


class Ended(msgspec.Struct):
    """How an execution ended, as its local waiters see it: by an outcome (`value` or `error` live), or by a fate,
    after which the outcome will be another execution's."""

    execution: "Execution"
    status: str | None = None
    output: str | None = None
    recorded_error: str | None = None
    codec_id: str | None = None
    reason: str | None = None
    value: Any = None
    error: BaseException | None = None
    fate: Fate | None = None


def release(waiter: "asyncio.Future[None] | Slot", error: BaseException | None = None) -> None:
    """Wake a blocked branch, of either colour. On the loop's thread."""
    if isinstance(waiter, Slot):
        waiter.resolve() if error is None else waiter.fail(error)
    elif not waiter.done():
        waiter.set_result(None) if error is None else waiter.set_exception(error)
