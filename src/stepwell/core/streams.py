"""`read_stream`: the entries of another run's stream, in order, until it is closed or its run has ended.

Within a workflow what is there is recorded in one outcome, many entries at once; each value is given to the workflow
once, and a replay gives the same.
"""

from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import msgspec

from stepwell.core import async_ops, effects, sealing, thread_ops, waiting
from stepwell.core.context import Branch
from stepwell.core.execution import Execution
from stepwell.core.keys import Key
from stepwell.core.locked_file import refuse_while_file_is_locked
from stepwell.core.ref import RunRef
from stepwell.core.verbs import async_branch, def_branch, draw, place_to_wait
from stepwell.errors import InvalidArgument
from stepwell.model.durations import is_integer
from stepwell.model.ids import check_known_id, check_name
from stepwell.model.messaging import StreamEntry
from stepwell.model.rows import Wait
from stepwell.serde.coder import Coder
from stepwell.serde.fingerprint import fingerprint

#: One recorded outcome holds entries of so many characters at most, and always at least one entry.
_BATCH_CHARACTERS = 1_000_000
_MOST = 2**31 - 1


class _Batch(msgspec.Struct):
    """What is recorded: values as they were written, and whether the stream ends here."""

    values: list[msgspec.Raw]
    ends: bool


class Reading:
    """One checked call of `read_stream`, and how far it has come."""

    def __init__(self, ref: RunRef, key: str, tp: Any, start: int) -> None:
        check_known_id(ref.workflow_id)
        if not is_integer(start, 0, _MOST):
            raise InvalidArgument(f"start must be the number of an entry, from 0, not {start!r}")
        self.ref = ref
        self.key = check_name(key, "key")
        self.next = start
        self.ready: deque[Any] = deque()
        self.ended = False
        self.name = f"read_stream({key})"
        self.coder: Coder = ref.runtime.serializer.value(Any if tp is None else tp)

    # -- reading and recording ---------------------------------------------------------------------------------
    def decode(self, text: str, codec_id: str | None = None) -> _Batch:
        """A recorded batch. Raises UnreadablePayload."""
        return msgspec.json.decode(self.ref.runtime.serializer.plain(text, codec_id), type=_Batch)

    def _recorded(self, entries: list[StreamEntry]) -> tuple[_Batch, str, str | None, None]:
        batch = self._batch(entries)
        text, codec_id = self.ref.runtime.serializer.seal(msgspec.json.encode(batch).decode())
        return batch, text, codec_id, None

    def _batch(self, entries: list[StreamEntry]) -> _Batch:
        serializer = self.ref.runtime.serializer
        batch = _Batch([], not entries)
        room = _BATCH_CHARACTERS
        for entry in entries:
            if entry.value is None:
                batch.ends = True
                break
            text = serializer.plain(entry.value, entry.codec_id)
            room -= len(text)
            if room < 0 and batch.values:
                break
            batch.values.append(msgspec.Raw(text.encode()))
        return batch

    def take(self, batch: _Batch) -> None:
        """These are the next. Raises UnreadablePayload if one does not fit `type=`."""
        self.next += len(batch.values)
        self.ended = batch.ends
        self.ready.extend(bytes(value).decode() for value in batch.values)

    def pop(self) -> Any:
        """The next value that is ready."""
        return self.coder.receive(self.ready.popleft())

    # -- outside -----------------------------------------------------------------------------------------------
    async def more(self) -> None:
        """Wait on the core's loop until there is more, or the end."""
        run_id = await self.ref.bound()
        entries = self.ref.runtime.facts.entries(run_id, self.key, self.next)
        try:
            self.take(await sealing.patiently(self.ref.runtime, self._batch, await entries))
        finally:
            entries.cancel()

    # -- within a workflow -------------------------------------------------------------------------------------
    @property
    def _mark(self) -> int:
        return fingerprint(self.name, (self.ref.workflow_id, self.next), {})

    def _fact(self, execution: Execution, run_id: UUID) -> waiting.Fact:
        facts, number = self.ref.runtime.facts, self.next

        def row(key: Key, due: float | None) -> Wait:
            return Wait(key[0], key[1], "stream", wake_at=due, target_run=run_id, key=self.key, number=number)

        return waiting.Fact(
            facts,
            lambda: facts.entries(run_id, self.key, number),
            lambda future: future.cancel(),
            row if self.ref.runtime is execution.runtime else None,
        )

    def more_in_thread(self, branch: Branch) -> None:
        """The operation of a def workflow."""
        runtime = branch.execution.runtime

        def live(execution: Execution, key: Key, mark: int) -> tuple[Any, str, str | None, None]:
            fact = self._fact(execution, runtime.inbox.run(self.ref.bound(outside=False)))
            return self._recorded(waiting.in_thread(execution, key, self.name, "read_stream", mark, fact, None))

        self.take(
            thread_ops.operation(branch, draw(branch), "read_stream", self.name, self._mark, self, live, reads=True)
        )

    async def more_on_loop(self, branch: Branch) -> None:
        """The operation of an async workflow."""

        async def live(execution: Execution, key: Key) -> tuple[Any, str, str | None, None]:
            fact = self._fact(execution, await self.ref.bound(outside=False))
            return self._recorded(await waiting.on_loop(execution, key, self.name, fact, None))

        self.take(
            await async_ops.run_operation(
                branch, draw(branch), "read_stream", self.name, self._mark, self, live, reads=True
            )
        )


class StreamIterator(Iterator[Any]):
    """For def code."""

    __slots__ = ("_reading",)

    def __init__(self, reading: Reading) -> None:
        place_to_wait("read_stream")
        self._reading = reading

    def __next__(self) -> Any:
        reading = self._reading
        while not reading.ready:
            if reading.ended:
                raise StopIteration
            if place_to_wait("read_stream") is None:
                refuse_while_file_is_locked(reading.ref.runtime, "read_stream")
                effects.now_in_thread(reading.ref.runtime, "read_stream", reading.more())
            else:
                reading.more_in_thread(def_branch("read_stream"))
        return reading.pop()


class AsyncStreamIterator(AsyncIterator[Any]):
    """For async code."""

    __slots__ = ("_reading",)

    def __init__(self, reading: Reading) -> None:
        place_to_wait("read_stream")
        self._reading = reading

    async def __anext__(self) -> Any:
        reading = self._reading
        while not reading.ready:
            if reading.ended:
                raise StopAsyncIteration
            if place_to_wait("read_stream") is None:
                refuse_while_file_is_locked(reading.ref.runtime, "read_stream")
                await effects.now_on_loop(reading.ref.runtime, reading.more())
            else:
                await reading.more_on_loop(async_branch("read_stream"))
        return reading.pop()
