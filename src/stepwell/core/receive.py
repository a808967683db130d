"""`recv`: the oldest message of a topic that nobody has consumed, received once."""

from typing import Any

from stepwell.core import async_ops, thread_ops, waiting
from stepwell.core.context import Branch
from stepwell.core.execution import Execution
from stepwell.core.keys import Key
from stepwell.core.mailbox import mailbox
from stepwell.core.recall import Reader, TimedOut, encode_failure
from stepwell.core.unwind import Unwound
from stepwell.core.verbs import async_branch, def_branch, draw
from stepwell.errors import UnreadablePayload, WaitTimeout
from stepwell.model.durations import Duration, seconds
from stepwell.model.ids import check_topic
from stepwell.model.messaging import Message
from stepwell.model.rows import Wait
from stepwell.model.sentinel import RAISE
from stepwell.serde.coder import Coder
from stepwell.serde.fingerprint import fingerprint


class Written:
    """Reads what somebody wrote who did not know `type=`: it has the last word."""

    __slots__ = ("_coder",)

    def __init__(self, coder: Coder) -> None:
        self._coder = coder

    def decode(self, text: str, codec_id: str | None = None) -> Any:
        """The value. Raises UnreadablePayload."""
        return self._coder.receive(text, codec_id)


def reader_of(execution: Execution, tp: Any) -> Written:
    """How values for `type=` are read; None: as they say themselves."""
    return Written(execution.runtime.serializer.value(Any if tp is None else tp))


def late(execution: Execution, error: WaitTimeout, default: object) -> tuple[Any, str | None, str | None, None]:
    """What is recorded of a wait that ended by its timeout."""
    if default is not RAISE:
        return TimedOut(None), None, None, None
    failed, codec_id = encode_failure(execution, error)
    return TimedOut(error), failed, codec_id, None


def or_default(answer: Any, default: object) -> Any:
    """What a wait gives to the workflow."""
    if not isinstance(answer, TimedOut):
        return answer
    if default is not RAISE:
        return default
    raise answer.error or WaitTimeout("the wait ended by its timeout, when the call still had a default")


class Receive:
    """One call of `recv`, checked; or of a token's `wait`, which is a receive with a topic of its own."""

    def __init__(self, branch: Branch, topic: str | None, reader: Reader, name: str, kind: str) -> None:
        self.branch = branch
        self.topic = topic
        self.reader = reader
        self.name = name
        self.kind = kind
        self.mark = fingerprint(name, (topic,), {})

    def _fact(self) -> waiting.Fact:
        execution, topic = self.branch.execution, self.topic
        facts = execution.runtime.facts
        return waiting.Fact(
            facts,
            lambda: facts.message(execution, topic),
            lambda future: facts.forget_message(execution, topic, future),
            lambda key, due: Wait(key[0], key[1], "message", wake_at=due, topic=topic),
        )

    def _late(self, timeout: float | None) -> WaitTimeout:
        return WaitTimeout(f"workflow {self.branch.execution.workflow_id!r}: nothing for {self.name} in {timeout:g} s")

    def _took(self, execution: Execution, key: Key, message: Message) -> tuple[Any, str, str | None, None]:
        """From here on the message is this receive's, whatever it turns out to contain."""
        mailbox(execution).claimed(key, message)
        try:
            execution.runtime.serializer.plain(message.body, message.codec_id)
        except UnreadablePayload as error:
            # Not the sender's fault: a process that has the codec receives it.
            execution.mismatch(key, f"a message for {self.name} cannot be read here: {error}")
            raise Unwound from None
        return self.reader.decode(message.body, message.codec_id), message.body, message.codec_id, None

    def in_thread(self, timeout: float | None, default: object) -> Any:
        """For a def workflow."""

        def live(execution: Execution, key: Key, mark: int) -> tuple[Any, str | None, str | None, None]:
            found: Any = mailbox(execution).claim(key)
            if found is None:
                found = waiting.in_thread(execution, key, self.name, self.kind, mark, self._fact(), timeout)
            return (
                late(execution, self._late(timeout), default)
                if found is waiting.LATE
                else self._took(execution, key, found)
            )

        seq = draw(self.branch)
        answer = thread_ops.operation(self.branch, seq, self.kind, self.name, self.mark, self.reader, live, reads=True)
        return or_default(answer, default)

    async def on_loop(self, timeout: float | None, default: object) -> Any:
        """For an async one."""

        async def live(execution: Execution, key: Key) -> tuple[Any, str | None, str | None, None]:
            found: Any = mailbox(execution).claim(key)
            if found is None:
                found = await waiting.on_loop(execution, key, self.name, self._fact(), timeout)
            return (
                late(execution, self._late(timeout), default)
                if found is waiting.LATE
                else self._took(execution, key, found)
            )

        seq = draw(self.branch)
        answer = await async_ops.run_operation(
            self.branch, seq, self.kind, self.name, self.mark, self.reader, live, reads=True
        )
        return or_default(answer, default)


def _checked(topic: str | None, timeout: Duration | None) -> tuple[str, float | None]:
    if topic is not None:
        check_topic(topic, "topic")
    return "recv" if topic is None else f"recv({topic})", None if timeout is None else seconds(timeout, "timeout")


def recv(topic: str | None, tp: Any, timeout: Duration | None, default: object) -> Any:
    """For def workflows."""
    branch = def_branch("recv")
    name, limit = _checked(topic, timeout)
    return Receive(branch, topic, reader_of(branch.execution, tp), name, "recv").in_thread(limit, default)


async def recv_async(topic: str | None, tp: Any, timeout: Duration | None, default: object) -> Any:
    """For async workflows."""
    branch = async_branch("recv")
    name, limit = _checked(topic, timeout)
    return await Receive(branch, topic, reader_of(branch.execution, tp), name, "recv").on_loop(limit, default)
