"""Group commit for any verb that takes many: what arrives while one call is in flight goes with the next."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


class Batcher(Generic[In, Out]):
    """Calls `verb(items)` with up to `limit` items; it answers one result (or exception) for each, in order."""

    def __init__(self, verb: Callable[[Sequence[In]], Awaitable[Sequence[Out | Exception]]], limit: int) -> None:
        self._verb = verb
        self._limit = limit
        self._waiting: list[tuple[In, asyncio.Future[Out]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: In) -> Out:
        """Send this item with the next call. Interrupting the await does not take it back."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Out] = loop.create_future()
        self._waiting.append((item, future))
        if self._task is None:
            # Not the caller's context: a workflow's task numbers the tasks that are made in it.
            self._task = loop.create_task(self._send(), context=contextvars.Context())
        return await future

    async def _send(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                await self._send_batch(batch)
        finally:
            self._task = None

    async def _send_batch(self, batch: list[tuple[In, "asyncio.Future[Out]"]]) -> None:
        try:
            answers = await self._verb([item for item, _ in batch])
        except BaseException as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # nobody may be left to look
            if not isinstance(error, Exception):
                raise
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)  # this item alone was refused
                else:
                    future.set_result(answer)
