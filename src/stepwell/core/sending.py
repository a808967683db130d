"""`send`: a message to a workflow, from workflows, steps and outside; received at most once."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from stepwell.core import effects, sealing
from stepwell.core.context import Branch, StepScope, frame
from stepwell.core.execution import Execution
from stepwell.core.keys import Key
from stepwell.core.verbs import async_branch, def_branch
from stepwell.errors import StepwellError, WorkflowEnded, WorkflowNotFound
from stepwell.model.ids import check_known_id, check_topic
from stepwell.model.messaging import Delivery, NewMessage, Sent
from stepwell.serde.fingerprint import fingerprint

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


class Parcel:
    """A checked message: everything that can be refused is refused before any effect."""

    __slots__ = ("_body", "_key", "_runtime", "_topic", "mark", "name", "to")

    def __init__(
        self, runtime: "Runtime", workflow_id: str, message: object, topic: str | None, key: str | None
    ) -> None:
        self.to = check_known_id(workflow_id)
        self._topic = None if topic is None else check_topic(topic, "topic")
        self._key = None if key is None else check_topic(key, "key")
        self._runtime = runtime
        text = runtime.serializer.value(Any).text(message, "message")
        self._body = sealing.Payload(runtime.serializer, text, "message")
        self.name = "send" if topic is None else f"send({topic})"
        self.mark = fingerprint(self.name, (workflow_id, message), {})

    async def _deliver(self, key: str, sender: Execution | None, outside: bool) -> None:
        body, codec_id = self._body.stored()
        message = NewMessage(
            workflow_id=self.to,
            key=self._key or key,
            body=body,
            topic=self._topic,
            codec_id=codec_id,
            sender_run=None if sender is None else sender.run_id,
        )
        refuse(self.to, await self._runtime.post.send(message, outside))

    async def from_workflow(self, execution: Execution, key: Key) -> None:
        """The effect of a workflow's send: the place is the key."""
        await self._deliver(f"{execution.run_id}:{key[0]}:{key[1]}", execution, outside=False)

    def from_step(self, scope: StepScope) -> Coroutine[Any, Any, None]:
        """The same key in every attempt: a repeated one sends nothing twice."""
        key = f"{scope.execution.run_id}:{scope.branch.path}:{scope.seq}:{next(scope.effects)}"
        return self._sealed_and_delivered(key, scope.execution, outside=False)

    def from_outside(self) -> Coroutine[Any, Any, None]:
        """Known by a key of its own, if none was given."""
        return self._sealed_and_delivered(str(self._runtime.env.uuid4()), None, outside=True)

    async def _sealed_and_delivered(self, key: str, sender: Execution | None, outside: bool) -> None:
        await sealing.patiently(self._runtime, self._body.stored)
        await self._deliver(key, sender, outside)


def refuse(workflow_id: str, sent: Sent) -> None:
    """Raise what became of a message that nobody will receive."""
    if sent.delivery is Delivery.NOT_FOUND:
        raise WorkflowNotFound(f"there is no workflow with the id {workflow_id!r} in this database and namespace")
    if sent.delivery is Delivery.ENDED:
        raise WorkflowEnded(f"workflow {workflow_id!r} has ended: nobody will receive the message")
    if sent.delivery not in (Delivery.SENT, Delivery.DUPLICATE):
        raise StepwellError(f"the message to {workflow_id!r} met {sent.delivery!r}")


def send(runtime: "Runtime", workflow_id: str, message: object, topic: str | None, key: str | None) -> None:
    """From def code, wherever it is."""
    here = frame.get()
    if isinstance(here, Branch):
        def_branch("send")
    parcel = Parcel(runtime, workflow_id, message, topic, key)
    if isinstance(here, Branch):
        effects.in_thread(here, "send", parcel.name, parcel.mark, parcel.from_workflow)
        return
    coroutine = parcel.from_outside() if here is None else parcel.from_step(here)
    effects.now_in_thread(runtime, "send", coroutine)


async def send_async(runtime: "Runtime", workflow_id: str, message: object, topic: str | None, key: str | None) -> None:
    """From async code, wherever it is."""
    here = frame.get()
    if isinstance(here, Branch):
        async_branch("send")
    parcel = Parcel(runtime, workflow_id, message, topic, key)
    if isinstance(here, Branch):
        await effects.on_loop(here, "send", parcel.name, parcel.mark, parcel.from_workflow)
        return
    coroutine = parcel.from_outside() if here is None else parcel.from_step(here)
    await effects.now_on_loop(runtime, coroutine)
