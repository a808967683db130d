"""`send`: a message to a workflow, from workflows, steps and outside; received at most once."""

from asyncio.events import _get_running_loop
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from stepwell.core import effects, in_transaction, sealing
from stepwell.core.context import Branch, StepScope, frame
from stepwell.core.execution import Execution
from stepwell.core.keys import Key, drawn_key, sent_key
from stepwell.core.locked_file import refuse_while_file_is_locked
from stepwell.core.outside import blocking, from_any_loop
from stepwell.core.verbs import async_branch, def_branch
from stepwell.errors import AsyncMismatch, StepwellError, UsageError, WorkflowEnded, WorkflowNotFound
from stepwell.model.ids import check_known_id, check_topic
from stepwell.model.messaging import Delivery, NewMessage, Sent
from stepwell.serde.codec import CodecFault
from stepwell.serde.fingerprint import fingerprint
from stepwell.store.hints import Hint
from stepwell.store.transactions import Dialect, Speaker

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
        refuse(self.to, await self._runtime.post.send(self._message(key, sender), outside))

    def _message(self, key: str, sender: Execution | None) -> NewMessage:
        body, codec_id = self._body.stored()
        return NewMessage(
            workflow_id=self.to,
            key=self._key or key,
            body=body,
            topic=self._topic,
            codec_id=codec_id,
            sender_run=None if sender is None else sender.run_id,
        )

    async def from_workflow(self, execution: Execution, key: Key) -> None:
        """The effect of a workflow's send: the place is the key."""
        await self._deliver(sent_key(execution.run_id, key), execution, outside=False)

    def from_step(self, scope: StepScope) -> Coroutine[Any, Any, None]:
        """The same key in every attempt: a repeated one sends nothing twice."""
        return self._sealed_and_delivered(_key_in(scope), scope.execution, outside=False)

    def from_outside(self) -> Coroutine[Any, Any, None]:
        """Known by a key of its own, if none was given."""
        return self._sealed_and_delivered(drawn_key(self._runtime.env.uuid4()), None, outside=True)

    def words(self, here: StepScope | None) -> in_transaction.Words:
        """What is said in the caller's transaction, in a step or outside. Raises CodecFault."""
        self._body.stored()
        if here is None:
            message = self._message(drawn_key(self._runtime.env.uuid4()), None)
        else:
            message = self._message(_key_in(here), here.execution)
        return lambda dialect, speaker: _say(dialect, speaker, message)

    async def sealed(self) -> None:
        """Wait for a codec that fails."""
        await sealing.patiently(self._runtime, self._body.stored)

    async def _sealed_and_delivered(self, key: str, sender: Execution | None, outside: bool) -> None:
        await self.sealed()
        await self._deliver(key, sender, outside)


def _key_in(scope: StepScope) -> str:
    return sent_key(scope.execution.run_id, (scope.branch.path, scope.seq), next(scope.effects))


async def _say(dialect: Dialect, speaker: Speaker, message: NewMessage) -> Sent:
    sent = await dialect.send(speaker, message)
    if sent.delivery is Delivery.SENT:
        await dialect.hint(speaker, Hint.MESSAGE | Hint.WORK if sent.woke else Hint.MESSAGE)
    return sent


def refuse(workflow_id: str, sent: Sent) -> None:
    """Raise what became of a message that nobody will receive."""
    if sent.delivery is Delivery.NOT_FOUND:
        raise WorkflowNotFound(f"there is no workflow with the id {workflow_id!r} in this database and namespace")
    if sent.delivery is Delivery.ENDED:
        raise WorkflowEnded(f"workflow {workflow_id!r} has ended: nobody will receive the message")
    if sent.delivery not in (Delivery.SENT, Delivery.DUPLICATE):
        raise StepwellError(f"the message to {workflow_id!r} met {sent.delivery!r}")


_INSTEAD = "Send it in that transaction with conn=, or after it"


def send(
    runtime: "Runtime", workflow_id: str, message: object, topic: str | None, key: str | None, conn: object = None
) -> None:
    """From def code, wherever it is; with `conn` in the transaction that is open there."""
    here = frame.get()
    if conn is not None:
        _send_within(runtime, conn, here, Parcel(runtime, workflow_id, message, topic, key))
        return
    if isinstance(here, Branch):
        def_branch("send")
    parcel = Parcel(runtime, workflow_id, message, topic, key)
    if isinstance(here, Branch):
        effects.in_thread(here, "send", parcel.name, parcel.mark, parcel.from_workflow)
        return
    refuse_while_file_is_locked(runtime, "send", _INSTEAD)
    coroutine = parcel.from_outside() if here is None else parcel.from_step(here)
    effects.now_in_thread(runtime, "send", coroutine)


async def send_async(
    runtime: "Runtime", workflow_id: str, message: object, topic: str | None, key: str | None, conn: object = None
) -> None:
    """From async code, wherever it is; with `conn` in the transaction that is open there."""
    here = frame.get()
    if conn is not None:
        await _send_within_async(runtime, conn, here, Parcel(runtime, workflow_id, message, topic, key))
        return
    if isinstance(here, Branch):
        async_branch("send")
    parcel = Parcel(runtime, workflow_id, message, topic, key)
    if isinstance(here, Branch):
        await effects.on_loop(here, "send", parcel.name, parcel.mark, parcel.from_workflow)
        return
    refuse_while_file_is_locked(runtime, "send", _INSTEAD)
    coroutine = parcel.from_outside() if here is None else parcel.from_step(here)
    await effects.now_on_loop(runtime, coroutine)


# -- in the caller's own transaction -------------------------------------------------------------------------------

_TWINS = ("await engine.aio.send(..., conn=...)", "engine.send(..., conn=...)")


def _send_within(runtime: "Runtime", conn: object, here: Branch | StepScope | None, parcel: Parcel) -> None:
    scope = _not_a_workflows_own(here)
    if _get_running_loop() is not None:
        raise AsyncMismatch(f"send(conn=...) would block the event loop of this thread: use `{_TWINS[0]}`")
    try:
        words = parcel.words(scope)
    except CodecFault:
        blocking(runtime, parcel.sealed())
        words = parcel.words(scope)
    refuse(parcel.to, in_transaction.say(runtime, conn, words, _TWINS))


async def _send_within_async(runtime: "Runtime", conn: object, here: Branch | StepScope | None, parcel: Parcel) -> None:
    scope = _not_a_workflows_own(here)
    try:
        words = parcel.words(scope)
    except CodecFault:
        await from_any_loop(runtime, parcel.sealed())
        words = parcel.words(scope)
    refuse(parcel.to, await in_transaction.say_async(runtime, conn, words, _TWINS))


def _not_a_workflows_own(here: Branch | StepScope | None) -> StepScope | None:
    if isinstance(here, Branch):
        raise UsageError(
            "send with conn= from within a @transaction or a step, not from a workflow's own code: what that sends is "
            "committed with its own history"
        )
    return here
