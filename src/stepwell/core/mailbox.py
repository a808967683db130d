"""The messages of one execution: which it knows, which it has chosen, and which of its receives wait.

Only the execution that owns a run consumes its messages, so the choice is made in memory: the oldest of the topic goes
to the receive that has waited longest, and to no other of this execution. The receive's checkpoint names the message
and marks it consumed in its own transaction (docs/decisions/0010); a receive that ends otherwise gives it back.
"""

import asyncio
import bisect
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stepwell.core.keys import Key
from stepwell.model.messaging import Message

if TYPE_CHECKING:
    from stepwell.core.execution import Execution

#: Messages that one query brings for one run and topic.
MESSAGES = 200

_UNRECORDED = float("inf")


def _number(message: Message) -> int:
    return message.number


class Mailbox:
    """One per execution that receives. On the loop, but for what is said of a choice, which a def run's thread says."""

    __slots__ = ("_claims", "_execution", "_known", "_taken", "_waiting")

    def __init__(self, execution: "Execution") -> None:
        self._execution = execution
        self._known: dict[str | None, list[Message]] = {}
        # Chosen ones, until no query can bring them again: -> how much the run had appended with their receive.
        self._taken: dict[str, float] = {}
        self._waiting: dict[str | None, deque[asyncio.Future[Any]]] = {}
        self._claims: dict[Key, Message] = {}

    # -- receiving -------------------------------------------------------------------------------------------
    def next(self, topic: str | None) -> "asyncio.Future[Any]":
        """The oldest message of exactly that topic, chosen for the caller: at once, or when it has come."""
        future: asyncio.Future[Any] = self._execution.runtime.loop.create_future()
        self._waiting.setdefault(topic, deque()).append(future)
        self._match(topic)
        return future

    def withdraw(self, topic: str | None, future: "asyncio.Future[Any]") -> None:
        """Nobody waits for this answer any more; a message that it holds is nobody's again."""
        queue = self._waiting.get(topic)
        if queue is not None and future in queue:
            queue.remove(future)
            if not queue:
                del self._waiting[topic]
        if future.done() and not future.cancelled() and future.exception() is None:
            answer = future.result()
            if isinstance(answer, Message):
                self.give_back(answer)
        future.cancel()

    def give_back(self, message: Message) -> None:
        """A message that was chosen and is not recorded as received: the next receive gets it."""
        self._taken.pop(message.key, None)
        self._learn(message)
        self._match(message.topic or None)

    @property
    def topics(self) -> list[str | None]:
        """What receives of this execution wait for now."""
        return list(self._waiting)

    # -- what became of a choice -------------------------------------------------------------------------------
    def claimed(self, key: Key, message: Message) -> None:
        """This receive has the message; its outcome is about to be recorded."""
        self._claims[key] = message

    def claim(self, key: Key) -> Message | None:
        """What this receive has taken already: reading it is tried again."""
        return self._claims.get(key)

    def recorded(self, key: Key, ended: str) -> str | None:
        """The key of the message that this outcome of a receive consumes; `appended` follows. An interrupted receive
        has received nothing."""
        message = self._claims.pop(key, None)
        if message is None:
            return None
        if ended == "abandoned":
            self.give_back(message)
            return None
        return message.key

    def appended(self, consumed: str) -> None:
        """The outcome that consumes this message is in the journal."""
        self._taken[consumed] = self._execution.appended

    # -- what queries bring ------------------------------------------------------------------------------------
    def about_to_ask(self) -> int:
        """A query begins now: what is durably consumed before cannot be in its answer. How much else of it is no news.

        An answer that held nothing else would hide what lies behind, and no hint would come for that any more.
        """
        flushed = self._execution.flushed
        for key, appended in list(self._taken.items()):
            if appended <= flushed:
                del self._taken[key]
        return len(self._taken)

    def arrived(self, messages: Sequence[Message]) -> bool:
        """What a query has brought for this run. Whether somebody got one."""
        known = {message.key for row in self._known.values() for message in row}
        for message in messages:
            if message.key not in self._taken and message.key not in known:
                self._learn(message)
        found = False
        for topic in list(self._waiting):
            found = self._match(topic) or found
        return found

    def _learn(self, message: Message) -> None:
        bisect.insort(self._known.setdefault(message.topic or None, []), message, key=_number)

    def _match(self, topic: str | None) -> bool:
        known = self._known.get(topic)
        queue = self._waiting.get(topic)
        found = False
        while queue:
            if queue[0].done():  # its time was over, or its task was interrupted
                queue.popleft()
                continue
            if not known:
                return found
            message = known.pop(0)
            self._taken[message.key] = _UNRECORDED
            queue.popleft().set_result(message)
            found = True
        if queue is not None:
            del self._waiting[topic]
        if known is not None and not known:
            del self._known[topic]
        return found


def mailbox(execution: "Execution") -> Mailbox:
    """The execution's; made when first needed."""
    if execution.mail is None:
        execution.mail = Mailbox(execution)
    return execution.mail
