"""`publish`: an event for whoever subscribed to it, from workflows, steps and outside.

One transaction inserts the event and the runs that it starts; the same id again does nothing. Then those who are parked
on it are woken, and the runs that it cancels are cancelled.
"""

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from stepwell.core import async_ops, effects, event_cancelling, event_waking, sealing, thread_ops
from stepwell.core.context import Branch, StepScope, frame
from stepwell.core.event_subscriptions import read_parameters
from stepwell.core.execution import Execution
from stepwell.core.expressions import names_of, parse
from stepwell.core.keys import Key
from stepwell.core.locked_file import refuse_while_file_is_locked
from stepwell.core.starting import STARTED_IN_SQL
from stepwell.core.verbs import async_branch, def_branch, draw
from stepwell.errors import InvalidArgument, StepwellError
from stepwell.model.published import (
    CANCEL,
    START,
    NewPublished,
    Subscriber,
    Subscription,
    check_event,
    check_event_id,
    subscriber_id,
)
from stepwell.model.rows import NewRun
from stepwell.model.status import Status
from stepwell.serde.fingerprint import fingerprint
from stepwell.serde.text import from_text

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


class Occurrence:
    """A checked event: everything that can be refused is refused before any effect."""

    __slots__ = ("_body", "_id", "_runtime", "_text", "event", "mark", "name")

    def __init__(self, runtime: "Runtime", event: str, payload: object, id: str | None) -> None:
        refuse_while_file_is_locked(runtime, "publish")
        self.event = check_event(event)
        self._id = None if id is None else check_event_id(id)
        self._runtime = runtime
        self._text = runtime.serializer.value(Any).text(payload, "payload")
        self._body = sealing.Payload(runtime.serializer, self._text, "payload")
        self.name = f"publish({event})"
        self.mark = fingerprint(self.name, (id, payload), {})

    async def from_workflow(self, execution: Execution, key: Key) -> str:
        """The effect of a workflow's publish: the place is the id."""
        id, subscriptions, payload = await self._read(placed_id(execution.run_id, key), outside=False)
        # A codec that fails now is the workflow's operation to try again.
        return await self._publish(self._row(id, subscriptions, payload), subscriptions, payload, outside=False)

    def from_step(self, scope: StepScope) -> Coroutine[Any, Any, str]:
        """The same id in every attempt: a repeated one publishes nothing twice."""
        id = placed_id(scope.execution.run_id, (scope.branch.path, scope.seq), next(scope.effects))
        return self._sealed_and_published(id, outside=False)

    def from_outside(self) -> Coroutine[Any, Any, str]:
        """Known by an id of its own, if none was given."""
        return self._sealed_and_published(str(self._runtime.env.uuid7()), outside=True)

    async def _sealed_and_published(self, id: str, outside: bool) -> str:
        id, subscriptions, payload = await self._read(id, outside)
        new = await sealing.patiently(self._runtime, self._row, id, subscriptions, payload)
        return await self._publish(new, subscriptions, payload, outside)

    async def _read(self, drawn: str, outside: bool) -> tuple[str, list[Subscription], Any]:
        runtime = self._runtime
        subscriptions = await runtime.patient(runtime.store.subscriptions, self.event, outside=outside)
        return self._id or drawn, subscriptions, from_text(self._text)

    async def _publish(
        self, new: NewPublished, subscriptions: Sequence[Subscription], payload: Any, outside: bool
    ) -> str:
        runtime, event, id = self._runtime, self.event, new.id
        announced = await runtime.post.announce(new, outside)
        await event_waking.wake(runtime, event, announced.number, payload, outside)
        # An event that was there before is not necessarily this one: what it left undone, a sweep does.
        if announced.fresh and announced.cancelling:
            await event_cancelling.cancel_runs(runtime, id, event, None, payload, subscriptions, outside)
        return id

    def _row(self, id: str, subscriptions: Sequence[Subscription], payload: Any) -> NewPublished:
        wanted = [each for each in subscriptions if each.mode == START and _lets_through(each, payload)]
        body, codec_id = self._body.stored()
        return NewPublished(
            event=self.event,
            id=id,
            payload=body,
            codec_id=codec_id,
            subscribers=tuple(Subscriber(each.app, self._run(id, each)) for each in wanted),
            cancelling=any(each.mode == CANCEL for each in subscriptions),
        )

    def _run(self, id: str, subscription: Subscription) -> NewRun:
        runtime = self._runtime
        takes = read_parameters(subscription.parameters).takes_payload
        text, codec_id = runtime.serializer.wrap(f'{{"args":[{self._text if takes else ""}]}}', "the input")
        return NewRun(
            run_id=runtime.env.uuid7(),
            workflow_id=subscriber_id(id, subscription.workflow),
            name=subscription.workflow,
            route=subscription.route,
            status=Status.ENQUEUED,
            owner=None,
            input=text,
            input_digest=STARTED_IN_SQL,
            version=subscription.version,
            codec_id=codec_id,
            queue=subscription.queue,
            timeout=subscription.timeout,
            max_recoveries=subscription.max_recoveries,
        )


def placed_id(run_id: UUID, key: Key, effect: int | None = None) -> str:
    """The id of what this operation publishes: the same however often it is done again. `effect` numbers what the body
    of a step publishes."""
    branch, seq = key
    return str(uuid5(run_id, f"publish {seq} {branch}" if effect is None else f"publish {seq}.{effect} {branch}"))


def _lets_through(subscription: Subscription, payload: Any) -> bool:
    if subscription.filter is None:
        return True
    try:
        return parse(subscription.filter, "where")(names_of(payload))
    except InvalidArgument as error:
        raise StepwellError(
            f"{subscription.workflow!r} of app {subscription.app!r} subscribed to {subscription.event!r} with a filter "
            f"that this version cannot read, so nothing was published: {error}"
        ) from None


# -- from where it is called ---------------------------------------------------------------------------------------


def publish(runtime: "Runtime", event: str, payload: object, id: str | None) -> str:
    """From def code, wherever it is; the event's id."""
    here = frame.get()
    if isinstance(here, Branch):
        return _in_thread(def_branch("publish"), Occurrence(runtime, event, payload, id))
    made = Occurrence(runtime, event, payload, id)
    coroutine = made.from_outside() if here is None else made.from_step(here)
    published: str = effects.now_in_thread(runtime, "publish", coroutine)
    return published


async def publish_async(runtime: "Runtime", event: str, payload: object, id: str | None) -> str:
    """From async code, wherever it is; the event's id."""
    here = frame.get()
    if isinstance(here, Branch):
        return await _on_loop(async_branch("publish"), Occurrence(runtime, event, payload, id))
    made = Occurrence(runtime, event, payload, id)
    coroutine = made.from_outside() if here is None else made.from_step(here)
    published: str = await effects.now_on_loop(runtime, coroutine)
    return published


def _in_thread(branch: Branch, made: Occurrence) -> str:
    runtime = branch.execution.runtime
    coder = runtime.serializer.value(str)

    def live(execution: Execution, key: Key, mark: int) -> tuple[str, str, str | None, None]:
        id = runtime.inbox.run(made.from_workflow(execution, key))
        return (id, *coder.encode(id), None)

    published: str = thread_ops.operation(branch, draw(branch), "publish", made.name, made.mark, coder, live)
    return published


def _on_loop(branch: Branch, made: Occurrence) -> Coroutine[Any, Any, str]:
    coder = branch.execution.runtime.serializer.value(str)

    async def live(execution: Execution, key: Key) -> tuple[str, str, str | None, None]:
        id = await made.from_workflow(execution, key)
        return (id, *coder.encode(id), None)

    return async_ops.run_operation(branch, draw(branch), "publish", made.name, made.mark, coder, live)
