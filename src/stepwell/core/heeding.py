"""When to look because of hints: soon, but not once for each of them: they may come a hundred times a second."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


class Heed:
    """Calls `look` after hints: at once, or when the last look is some time ago. All on the loop.

    That time is `first` seconds, doubled up to `longest` while looks that only a hint has caused find nothing: then the
    hints are about what concerns others.
    """

    def __init__(self, runtime: "Runtime", look: Callable[[], object], first: float, longest: float) -> None:
        self._runtime = runtime
        self._look = look
        self._first = self._gap = first
        self._longest = longest
        self._deaf_until = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._hinted = False
        self._closed = False

    def hint(self) -> None:
        """Something has changed in the database."""
        if self._timer is None and not self._closed:
            loop = self._runtime.loop
            self._timer = loop.call_at(max(loop.time(), self._deaf_until), self._now, context=self._runtime.context)

    def looked(self, found: bool, rest: float = 0.0) -> None:
        """A look is over, whatever caused it; `rest`: none for so many seconds because of hints."""
        self._gap = min(self._gap * 2, self._longest) if self._hinted and not found else self._first
        self._deaf_until = self._runtime.loop.time() + max(self._gap, rest)
        self._hinted = False

    def close(self) -> None:
        """No more looks."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _now(self) -> None:
        self._timer = None
        self._hinted = True
        self._look()
