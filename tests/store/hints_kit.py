"""An ear that remembers, for the tests of hints in both stores."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import reduce

from stepwell.store.api import Store
from stepwell.store.hints import Hint

PATIENCE_SECONDS = 20.0


class RememberingEar:
    """See `store.hints.Ear`."""

    def __init__(self) -> None:
        self.said: list[Hint] = []
        self.states: list[str | None] = []
        self.is_wanted = asyncio.Event()
        self.is_wanted.set()

    async def wanted(self) -> None:
        await self.is_wanted.wait()

    def heard(self, hints: Hint) -> None:
        self.said.append(hints)

    def works(self, why_not: str | None) -> None:
        self.states.append(why_not)

    @property
    def all(self) -> Hint:
        """Everything that was said since the last `forget`."""
        return reduce(lambda one, other: one | other, self.said, Hint(0))

    def forget(self) -> None:
        self.said.clear()

    async def hears(self, hints: Hint) -> None:
        """Wait until all of these were said."""
        await self.until(lambda: self.all & hints == hints)

    async def until(self, check: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not check():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def listening(store: Store) -> AsyncIterator[RememberingEar]:
    """`store` listens meanwhile."""
    ear = RememberingEar()
    task = asyncio.create_task(store.listen(ear))
    try:
        yield ear
    finally:
        task.cancel()
        await asyncio.wait([task])
