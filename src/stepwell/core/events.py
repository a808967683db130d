"""`get_event`: what another run has set under a key, or will set."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from stepwell.core import async_ops, effects, sealing, thread_ops, waiting
from stepwell.core.context import Branch
from stepwell.core.execution import Execution
from stepwell.core.facts import ENDED
from stepwell.core.keys import Key
from stepwell.core.locked_file import refuse_while_file_is_locked
from stepwell.core.recall import Reader
from stepwell.core.receive import Written, late, or_default
from stepwell.core.ref import RunRef
from stepwell.core.verbs import async_branch, def_branch, draw, place_to_wait
from stepwell.errors import WaitTimeout, WorkflowEnded
from stepwell.model.durations import Duration, seconds
from stepwell.model.ids import check_known_id, check_name
from stepwell.model.messaging import EventRow
from stepwell.model.rows import Wait
from stepwell.model.sentinel import RAISE
from stepwell.serde.fingerprint import fingerprint


class Get:
    """One checked call of `get_event`."""

    def __init__(self, ref: RunRef, key: str, tp: Any, timeout: Duration | None, default: object) -> None:
        check_known_id(ref.workflow_id)
        self.ref = ref
        self.key = check_name(key, "key")
        self.timeout = None if timeout is None else seconds(timeout, "timeout")
        self.default = default
        self.name = f"get_event({key})"
        self.mark = fingerprint(self.name, (ref.workflow_id,), {})
        self.reader: Reader = Written(ref.runtime.serializer.value(Any if tp is None else tp))

    def late(self) -> WaitTimeout:
        """The error of a wait that was too short."""
        return WaitTimeout(
            f"workflow {self.ref.workflow_id!r} has not set the event {self.key!r} within {self.timeout or 0:g} s; "
            "it goes on"
        )

    def ended(self) -> WorkflowEnded:
        """The error of an event that never comes."""
        return WorkflowEnded(f"workflow {self.ref.workflow_id!r} has ended without setting the event {self.key!r}")

    # -- outside a workflow ------------------------------------------------------------------------------------
    async def outside(self) -> Any:
        """Wait on the core's loop."""
        run_id = await self.ref.bound()
        facts = self.ref.runtime.facts
        event = facts.event(run_id, self.key)
        try:
            async with asyncio.timeout(None) as limit:
                await facts.first_look(event)  # what is there wins over a timeout of nothing
                if self.timeout is not None:
                    limit.reschedule(self.ref.runtime.loop.time() + self.timeout)
                row = await event
        except TimeoutError:
            if self.default is RAISE:
                raise self.late() from None
            return self.default
        finally:
            event.cancel()
        if row is ENDED:
            if self.default is RAISE:
                raise self.ended()
            return self.default
        return await sealing.patiently(self.ref.runtime, self.reader.decode, row.value, row.codec_id)

    # -- within ------------------------------------------------------------------------------------------------
    def _fact(self, execution: Execution, run_id: UUID) -> waiting.Fact:
        facts = self.ref.runtime.facts

        def row(key: Key, due: float | None) -> Wait:
            return Wait(key[0], key[1], "event", wake_at=due, target_run=run_id, key=self.key)

        here = self.ref.runtime is execution.runtime
        return waiting.Fact(
            facts, lambda: facts.event(run_id, self.key), lambda future: future.cancel(), row if here else None
        )

    def _found(self, execution: Execution, found: Any) -> tuple[Any, str | None, str | None, None]:
        """What is recorded; with a default an end without the event is recorded like a timeout."""
        if isinstance(found, EventRow):
            return self.reader.decode(found.value, found.codec_id), found.value, found.codec_id, None
        if found is ENDED and self.default is RAISE:
            raise self.ended()
        return late(execution, self.late(), self.default)

    def in_thread(self, branch: Branch) -> Any:
        """For a def workflow: recorded there."""
        runtime = branch.execution.runtime

        def live(execution: Execution, key: Key, mark: int) -> tuple[Any, str | None, str | None, None]:
            fact = self._fact(execution, runtime.inbox.run(self.ref.bound(outside=False)))
            found = waiting.in_thread(execution, key, self.name, "get_event", mark, fact, self.timeout)
            return self._found(execution, found)

        return or_default(
            thread_ops.operation(
                branch, draw(branch), "get_event", self.name, self.mark, self.reader, live, reads=True
            ),
            self.default,
        )

    def on_loop(self, branch: Branch) -> Coroutine[Any, Any, Any]:
        """For an async workflow; numbered now."""

        async def live(execution: Execution, key: Key) -> tuple[Any, str | None, str | None, None]:
            fact = self._fact(execution, await self.ref.bound(outside=False))
            return self._found(execution, await waiting.on_loop(execution, key, self.name, fact, self.timeout))

        operation = async_ops.run_operation(
            branch, draw(branch), "get_event", self.name, self.mark, self.reader, live, reads=True
        )

        async def get() -> Any:
            return or_default(await operation, self.default)

        return get()


def get(ref: RunRef, key: str, tp: Any, timeout: Duration | None, default: object) -> Any:
    """From def code: outside, or in a workflow."""
    asked = Get(ref, key, tp, timeout, default)
    here = place_to_wait("get_event")
    if here is None:
        refuse_while_file_is_locked(ref.runtime, "get_event")
        return effects.now_in_thread(ref.runtime, "get_event", asked.outside())
    return asked.in_thread(def_branch("get_event"))


async def get_async(ref: RunRef, key: str, tp: Any, timeout: Duration | None, default: object) -> Any:
    """From async code."""
    asked = Get(ref, key, tp, timeout, default)
    here = place_to_wait("get_event")
    if here is None:
        refuse_while_file_is_locked(ref.runtime, "get_event")
        return await effects.now_on_loop(ref.runtime, asked.outside())
    return await asked.on_loop(async_branch("get_event"))
