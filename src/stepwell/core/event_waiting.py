"""`wait_for`: the first published event that matches, from when the wait began.

Two operations. The first records where the wait begins: the number of the last event of that name. The second is the
wait itself: it looks at the events above that number, in their order, and records the one that it took. So a crash
between the two loses no event, and a replay takes the same one.
"""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from stepwell.core import async_ops, thread_ops, waiting
from stepwell.core.async_ops import release_timer
from stepwell.core.context import Branch
from stepwell.core.execution import Execution
from stepwell.core.expressions import names_of, parse
from stepwell.core.keys import Key
from stepwell.core.receive import late, or_default, reader_of
from stepwell.core.unwind import Unwound
from stepwell.core.verbs import async_branch, def_branch, draw
from stepwell.errors import UnreadablePayload, WaitTimeout
from stepwell.model.durations import Duration, seconds
from stepwell.model.published import PublishedRow, check_event
from stepwell.model.rows import Wait
from stepwell.serde.fingerprint import fingerprint
from stepwell.serde.text import from_text

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


class Listener:
    """Looks at the events of one name above a position, page by page, until one matches. On the loop."""

    def __init__(self, runtime: "Runtime", event: str, where: str | None, position: int) -> None:
        self._runtime = runtime
        self._event = event
        self._filter = None if where is None else parse(where, "where")
        #: Of the last event that was looked at and did not match.
        self.position = position
        self._pages: dict[asyncio.Future[Any], asyncio.Future[Any]] = {}

    def subscribe(self) -> "asyncio.Future[Any]":
        """The PublishedRow, once there is one that matches."""
        found: asyncio.Future[Any] = self._runtime.loop.create_future()
        self._ask(found)
        return found

    def give_up(self, found: "asyncio.Future[Any]") -> None:
        """Nobody waits for this answer any more."""
        found.cancel()
        page = self._pages.pop(found, None)
        if page is not None:
            page.cancel()

    def first_look(self, waiting: "asyncio.Future[Any]") -> "asyncio.Future[None]":
        """Done when what is there already has been looked at, all of it."""
        looked: asyncio.Future[None] = self._runtime.loop.create_future()
        task = self._runtime.spawn(self._look_through(waiting))
        task.add_done_callback(lambda _: release_timer(looked), context=self._runtime.context)
        return looked

    async def _look_through(self, found: "asyncio.Future[Any]") -> None:
        while not found.done() and (page := self._pages.get(found)) is not None:
            await self._runtime.facts.first_look(page)
            if not page.done():
                return
            await asyncio.sleep(0)  # whoever it answers looks at it

    def _ask(self, found: "asyncio.Future[Any]") -> None:
        page = self._pages[found] = self._runtime.facts.published(self._event, self.position)
        page.add_done_callback(partial(self._arrived, found), context=self._runtime.context)

    def _arrived(self, found: "asyncio.Future[Any]", page: "asyncio.Future[Any]") -> None:
        if self._pages.pop(found, None) is None or found.done() or page.cancelled():
            return
        try:
            match = next((row for row in page.result() if self._matches(row)), None)
            if match is None:
                self._ask(found)
        except Exception as error:  # the engine is closing; or the codec fails, or cannot read it
            found.set_exception(error)
        else:
            if match is not None:
                found.set_result(match)

    def _matches(self, row: PublishedRow) -> bool:
        if self._filter is not None:
            payload = from_text(self._runtime.serializer.plain(row.payload, row.codec_id))
            if not self._filter(names_of(payload)):
                self.position = row.number
                return False
        return True


class WaitFor:
    """One checked call of `wait_for`, with both of its numbers."""

    def __init__(self, branch: Branch, event: str, where: str | None, tp: Any, timeout: Duration | None) -> None:
        self.event = check_event(event)
        self.where = where
        if where is not None:
            parse(where, "where")
        self.timeout = None if timeout is None else seconds(timeout, "timeout")
        self.branch = branch
        self.reader = reader_of(branch.execution, tp)
        self.begins, self.waits = f"listen({event})", f"wait_for({event})"
        self.seqs = draw(branch), draw(branch)

    # -- where it begins -----------------------------------------------------------------------------------------
    async def _head(self, execution: Execution) -> int:
        return await execution.runtime.patient(execution.runtime.store.event_head, self.event)

    def begin_in_thread(self) -> int:
        """The number above which events count, recorded."""
        runtime = self.branch.execution.runtime
        coder = runtime.serializer.value(int)

        def live(execution: Execution, key: Key, mark: int) -> tuple[int, str, str | None, None]:
            head = runtime.inbox.run(self._head(execution))
            return (head, *coder.encode(head), None)

        mark = fingerprint(self.begins, (self.event,), {})
        position: int = thread_ops.operation(
            self.branch, self.seqs[0], "listen", self.begins, mark, coder, live, reads=True
        )
        return position

    async def begin_on_loop(self) -> int:
        """The same for an async workflow."""
        coder = self.branch.execution.runtime.serializer.value(int)

        async def live(execution: Execution, key: Key) -> tuple[int, str, str | None, None]:
            head = await self._head(execution)
            return (head, *coder.encode(head), None)

        mark = fingerprint(self.begins, (self.event,), {})
        position: int = await async_ops.run_operation(
            self.branch, self.seqs[0], "listen", self.begins, mark, coder, live, reads=True
        )
        return position

    # -- the wait ------------------------------------------------------------------------------------------------
    @property
    def _mark(self) -> int:
        return fingerprint(self.waits, (self.event, self.where), {})

    def _fact(self, execution: Execution, position: int) -> waiting.Fact:
        listener = Listener(execution.runtime, self.event, self.where, position)
        # Where payloads are sealed, what they are compared with is not for the database to see either.
        shown = None if execution.runtime.serializer.seals else self.where

        def row(key: Key, due: float | None) -> Wait:
            return Wait(
                key[0], key[1], "published", wake_at=due, key=self.event, position=listener.position, filter=shown
            )

        return waiting.Fact(listener, listener.subscribe, listener.give_up, row)

    def _late(self) -> WaitTimeout:
        id = self.branch.execution.workflow_id
        return WaitTimeout(f"workflow {id!r}: no such event for {self.waits} in {self.timeout or 0:g} s")

    def _took(self, execution: Execution, key: Key, row: PublishedRow) -> tuple[Any, str, str | None, None]:
        try:
            execution.runtime.serializer.plain(row.payload, row.codec_id)
        except UnreadablePayload as error:
            raise self._unreadable(execution, key, error) from None
        return self.reader.decode(row.payload, row.codec_id), row.payload, row.codec_id, None

    def _unreadable(self, execution: Execution, key: Key, error: UnreadablePayload) -> Unwound:
        """Not the publisher's fault: a process that has the codec goes on with it."""
        execution.mismatch(key, f"an event for {self.waits} cannot be read here: {error}")
        return Unwound()

    def wait_in_thread(self, position: int, default: object) -> Any:
        """For a def workflow."""

        def live(execution: Execution, key: Key, mark: int) -> tuple[Any, str | None, str | None, None]:
            try:
                fact = self._fact(execution, position)
                found = waiting.in_thread(execution, key, self.waits, "wait_for", mark, fact, self.timeout)
            except UnreadablePayload as error:
                raise self._unreadable(execution, key, error) from None
            if found is waiting.LATE:
                return late(execution, self._late(), default)
            return self._took(execution, key, found)

        answer = thread_ops.operation(self.branch, self.seqs[1], "wait_for", self.waits, self._mark, self.reader, live)
        return or_default(answer, default)

    async def wait_on_loop(self, position: int, default: object) -> Any:
        """For an async one."""

        async def live(execution: Execution, key: Key) -> tuple[Any, str | None, str | None, None]:
            try:
                fact = self._fact(execution, position)
                found = await waiting.on_loop(execution, key, self.waits, fact, self.timeout)
            except UnreadablePayload as error:
                raise self._unreadable(execution, key, error) from None
            if found is waiting.LATE:
                return late(execution, self._late(), default)
            return self._took(execution, key, found)

        answer = await async_ops.run_operation(
            self.branch, self.seqs[1], "wait_for", self.waits, self._mark, self.reader, live
        )
        return or_default(answer, default)


def wait_for(event: str, where: str | None, tp: Any, timeout: Duration | None, default: object) -> Any:
    """For def workflows."""
    wait = WaitFor(def_branch("wait_for"), event, where, tp, timeout)
    return wait.wait_in_thread(wait.begin_in_thread(), default)


async def wait_for_async(event: str, where: str | None, tp: Any, timeout: Duration | None, default: object) -> Any:
    """For async workflows."""
    wait = WaitFor(async_branch("wait_for"), event, where, tp, timeout)
    return await wait.wait_on_loop(await wait.begin_on_loop(), default)
