"""Group commit for any verb that takes many: what arrives while one call is in flight goes with the next."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from stepwell.store.faults import StoreFault

In = TypeVar("In")
Out = TypeVar("Out")

#: The so many-th call that meets a row which somebody holds is the last for all; then it is looked for.
_TOGETHER = 2

#: (error, number of the attempt) -> seconds until the next attempt, or None: it is final.
Patience = Callable[[Exception, int], float | None]


class Batcher(Generic[In, Out]):
    """Calls `verb(items)` with up to `limit` items; it answers one result for each, in order.

    A call that failed in passing is repeated with those items that somebody still waits for. One that failed for
    good is repeated item by item, so that one bad item does not spoil the others. One that meets a row which
    somebody holds is halved in the end until the item that has to wait is found: it does so by itself.
    `unclaimed(item, answer)` is told of answers that came when their caller had gone.
    """

    def __init__(
        self,
        verb: Callable[[Sequence[In]], Awaitable[Sequence[Out]]],
        limit: int,
        patience: Patience,
        unclaimed: Callable[[In, Out], None] = lambda item, answer: None,
    ) -> None:
        self._verb = verb
        self._limit = limit
        self._patience = patience
        self._unclaimed = unclaimed
        self._waiting: list[tuple[In, asyncio.Future[Out]]] = []
        self._task: asyncio.Task[None] | None = None
        self._apart: set[asyncio.Task[None]] = set()  # those that wait for somebody's lock

    async def add(self, item: In) -> Out:
        """Send this item with the next call. If the await is interrupted, the item is not sent again."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Out] = loop.create_future()
        self._waiting.append((item, future))
        if self._task is None:
            # Not the caller's context: a workflow's task numbers the tasks that are made in it.
            self._task = loop.create_task(self._run(), context=contextvars.Context())
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._unclaimed(item, future.result())
            raise

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                await self._send(batch)
        finally:
            self._task = None

    async def _send(self, batch: list[tuple[In, "asyncio.Future[Out]"]], attempt: int = 0, apart: bool = False) -> None:
        while batch := [pair for pair in batch if not pair[1].done()]:
            try:
                answers = await self._verb([item for item, _ in batch])
            except Exception as error:
                pause = self._patience(error, attempt)
                if pause is not None:
                    attempt += 1
                    await asyncio.sleep(pause)
                    if attempt >= _TOGETHER and not apart and _is_held(error):
                        return await self._find_who_waits(batch)
                elif len(batch) == 1:
                    batch[0][1].set_exception(error)
                else:
                    for pair in batch:
                        await self._send([pair])
            else:
                for (item, future), answer in zip(batch, answers, strict=True):
                    if future.done():
                        self._unclaimed(item, answer)
                    else:
                        future.set_result(answer)
        return None

    async def _find_who_waits(self, batch: list[tuple[In, "asyncio.Future[Out]"]]) -> None:
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._send(batch[:middle], _TOGETHER - 1)
            return await self._send(batch[middle:], _TOGETHER - 1)
        waiting = asyncio.get_running_loop().create_task(
            self._send(batch, _TOGETHER, apart=True), context=contextvars.Context()
        )
        self._apart.add(waiting)
        waiting.add_done_callback(self._apart.discard)
        return None

    async def close(self) -> None:
        """Give up what is under way: the engine stops."""
        for _, future in self._waiting:
            future.cancel()
        tasks = [*self._apart, *([] if self._task is None else [self._task])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _is_held(error: Exception) -> bool:
    return isinstance(error, StoreFault) and error.row_held
