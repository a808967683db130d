"""What the hints of other processes do here, and whether they arrive. Nothing depends on one for being correct."""

import asyncio
from typing import TYPE_CHECKING

from stepwell.store.hints import Hint

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

_RESTART_SECONDS = 30.0


class Hints:
    """The ear of one runtime (`store.hints.Ear`). All on the loop."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._wanted = asyncio.Event()
        self._wanting: set[object] = set()
        self._complained = False
        #: They are known to arrive: looking without one is for safety only, and may be rare.
        self.arrive = False
        #: Set when runs that execute here may have been cancelled elsewhere.
        self.cancels = asyncio.Event()

    def start(self) -> None:
        """Listen from now on, until the runtime retires."""
        self._runtime.spawn(self._listen())

    def want(self, who: object, wanted: bool) -> None:
        """Whether this part of the engine waits for what others do."""
        self._wanting.add(who) if wanted else self._wanting.discard(who)
        self._wanted.set() if self._wanting else self._wanted.clear()

    async def wanted(self) -> None:
        """See `Ear`."""
        await self._wanted.wait()

    def heard(self, hints: Hint) -> None:
        """See `Ear`."""
        runtime = self._runtime
        if hints & Hint.WORK:
            runtime.work.set()
        if hints & Hint.ENDED:
            runtime.watch.hint()
            runtime.facts.ended()
            runtime.places.freed()  # perhaps
        if hints & Hint.CANCEL:
            self.cancels.set()
            runtime.work.set()  # it may have been parked, or released, meanwhile
        if hints & Hint.MESSAGE:
            runtime.facts.hint()
            runtime.wakeups.hint()
        if hints & Hint.SCHEDULES:
            runtime.schedules.set()

    def works(self, why_not: str | None) -> None:
        """See `Ear`. One line in the log when they stop, and one when they are back."""
        runtime = self._runtime
        self.arrive = why_not is None
        if why_not is not None and not self._complained:
            self._complained = True
            runtime.log.info(
                "engine %r does not hear what other processes do (%s): it looks every %g s instead",
                runtime.name,
                why_not,
                runtime.settings.poll_interval,
            )
        elif why_not is None and self._complained:
            self._complained = False
            runtime.log.info("engine %r hears other processes again", runtime.name)
        # Who has relied on hints, or has slept without them, looks now and chooses its pause anew.
        runtime.work.set()
        runtime.watch.hint()
        runtime.facts.hint()
        self.cancels.set()

    async def _listen(self) -> None:
        while True:
            try:
                await self._runtime.store.listen(self)
                return
            except Exception as error:
                self._runtime.log.exception("listening for hints failed; it begins again")
                self.works(f"{type(error).__name__}: {error}")
            await asyncio.sleep(_RESTART_SECONDS)
