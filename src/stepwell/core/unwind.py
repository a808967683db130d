"""How an execution ends without an outcome, and what passes through the user's code then."""

from enum import Enum

from stepwell.errors import Parked


class Fate(Enum):
    """Why this process stops executing a run whose outcome is not decided."""

    PARKED = "parked"  # waits as rows; goes on when a wait ends
    LOST = "lost"  # the epoch moved on: somebody else owns it
    BLOCKED = "blocked"  # cannot go on with this code
    RELEASED = "released"  # given back: shutdown, SystemExit, a row that the database refused
    FORCED = "forced"  # cancelled by force, or the grace after a cancellation is over


class Unwound(Parked):
    """Raised by every verb once an execution has a fate; whatever the function does then is ignored."""
