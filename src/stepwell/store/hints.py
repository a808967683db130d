"""Hints: "something has changed, look", told to other processes. What they mean, and who listens.

A hint is no message: it may be lost, doubled, late or wrong, and carries nothing but its kind. Whoever hears one
looks into the database, as it would have done a little later anyway; without hints everything works by looking.
"""

from enum import IntFlag
from typing import Protocol


class Hint(IntFlag):
    """What there may be to look at. Several travel together; the numbers are part of what travels."""

    #: A run was enqueued: something may be claimable.
    WORK = 1
    #: A run has ended that somebody may wait for.
    ENDED = 2
    #: A cancellation was requested of runs that somebody may be executing.
    CANCEL = 4
    #: Something came that a parked or waiting run may wait for.
    MESSAGE = 8
    #: A schedule was made or changed: one may be due earlier than was known.
    SCHEDULES = 16


#: Look at everything: said when the path begins to work, since what was told before has not been heard.
EVERYTHING = Hint.WORK | Hint.ENDED | Hint.CANCEL | Hint.MESSAGE | Hint.SCHEDULES


class Ear(Protocol):
    """Who listens. Everything is called on the event loop."""

    async def wanted(self) -> None:
        """Return once somebody here would do something with a hint: before that nobody need listen."""
        ...

    def heard(self, hints: Hint) -> None:
        """Somebody else has said so."""
        ...

    def works(self, why_not: str | None) -> None:
        """Whether hints are known to arrive (None), or why not: then those who wait must look for themselves.

        Said when it changes, at the latest some seconds after. A store that cannot prove it says nothing.
        """
        ...
