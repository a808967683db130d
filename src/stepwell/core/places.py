"""Places in queues: whether limits hold back what could be executed here, and when one of them may let it go."""

import asyncio


class Places:
    """Of one runtime. A place that becomes free while a claim is on its way is remembered: the answer, that nothing may
    start, is then out of date when it comes. All on the loop."""

    def __init__(self, work: asyncio.Event) -> None:
        self._work = work
        self._freed = 0
        #: What the last look at the queues has said.
        self.held_back = False

    @property
    def freed_so_far(self) -> int:
        """A mark for `held_since`."""
        return self._freed

    def freed(self) -> None:
        """A run of a queue has left its place, here or elsewhere."""
        self._freed += 1
        if self.held_back:
            self._work.set()

    def held_since(self, mark: int) -> None:
        """A claim that was sent at this mark says that limits hold something back."""
        self.held_back = True
        if self._freed != mark:
            self._work.set()
