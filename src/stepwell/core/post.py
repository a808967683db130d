"""The way out for messages, events, stream entries and published events: many at once share a commit."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stepwell.core.batcher import Batcher
from stepwell.core.faults import unavailable
from stepwell.errors import StepwellError
from stepwell.model.messaging import EventWrite, NewMessage, Published, Sent, StreamWrite
from stepwell.model.published import Announced, NewPublished
from stepwell.store.faults import StoreFault

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

_WIDTH = 500
#: Events of one transaction: each may start many runs.
_EVENTS = 50
_CLAIM_SECONDS = 0.02


class Post:
    """One per engine, on its loop. Everything it sends may be sent again: the database knows it by its key or place."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._messages: Batcher[NewMessage, Sent] = Batcher(self._send, _WIDTH, runtime.pause)
        self._claiming = False
        self._writes: Batcher[EventWrite | StreamWrite, Published] = Batcher(self._publish, _WIDTH, runtime.pause)
        self._announcing: Batcher[NewPublished, Announced] = Batcher(self._announce, _EVENTS, runtime.pause)

    async def send(self, message: NewMessage, outside: bool = False) -> Sent:
        """Send; receivers of this process are told at once. From outside a workflow it ends in StoreUnavailable after
        `call_patience`, and is not tried again then."""
        runtime = self._runtime
        patience = runtime.settings.call_patience
        try:
            async with asyncio.timeout(patience if outside else None):
                return await self._messages.add(message)
        except TimeoutError:
            raise unavailable(runtime.health.fault, patience) from runtime.health.fault
        except StoreFault as fault:
            raise StepwellError(
                f"the database refuses a message to {message.workflow_id!r}: {fault.code} {fault}"
            ) from fault

    async def publish(self, write: EventWrite | StreamWrite) -> Published:
        """Set an event or append to a stream, under the writer's fence; readers of this process are told at once."""
        try:
            return await self._writes.add(write)
        except StoreFault as fault:
            raise StepwellError(f"the database refuses {write.key!r}: {fault.code} {fault}") from fault

    async def announce(self, event: NewPublished, outside: bool = False) -> Announced:
        """Publish an event and start its subscribers' runs; who waits here is told at once. From outside a workflow
        like `send`."""
        runtime = self._runtime
        patience = runtime.settings.call_patience
        try:
            async with asyncio.timeout(patience if outside else None):
                return await self._announcing.add(event)
        except TimeoutError:
            raise unavailable(runtime.health.fault, patience) from runtime.health.fault
        except StoreFault as fault:
            raise StepwellError(f"the database refuses the event {event.event!r}: {fault.code} {fault}") from fault

    def _claim_soon(self) -> None:
        """Readers that were parked are woken: claim them, but not for every entry of a stream."""
        if not self._claiming:
            self._claiming = True
            self._runtime.loop.call_later(_CLAIM_SECONDS, self._claim, context=self._runtime.context)

    def _claim(self) -> None:
        self._claiming = False
        self._runtime.work.set()

    async def close(self) -> None:
        """Give up what is under way: the engine stops."""
        await self._messages.close()
        await self._writes.close()
        await self._announcing.close()

    async def _send(self, messages: Sequence[NewMessage]) -> list[Sent]:
        runtime = self._runtime
        sent = await runtime.store.send(messages)
        runtime.facts.look(each.run_id for each in sent if each.run_id is not None)
        if any(each.woke for each in sent):
            runtime.work.set()
        return sent

    async def _announce(self, events: Sequence[NewPublished]) -> list[Announced]:
        runtime = self._runtime
        announced = await runtime.store.announce(events)
        runtime.facts.look({event.event for event in events})
        if any(event.subscribers for event in events):
            runtime.work.set()
        return announced

    async def _publish(self, writes: Sequence[EventWrite | StreamWrite]) -> list[Published]:
        """Entries of one stream in their order; the store numbers them."""
        runtime = self._runtime
        events = [write for write in writes if isinstance(write, EventWrite)]
        entries = [write for write in writes if isinstance(write, StreamWrite)]
        verdicts = await runtime.store.publish(events, entries)
        runtime.facts.look(write.run_id for write in writes)
        self._claim_soon()
        of_events, of_entries = iter(verdicts[: len(events)]), iter(verdicts[len(events) :])
        return [next(of_events if isinstance(write, EventWrite) else of_entries) for write in writes]
