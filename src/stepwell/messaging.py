"""The blocking verbs for messages, events, streams and tokens; `stepwell.aio` has their awaitable twins."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, TypeVar, overload

from stepwell.core import events, publishing, receive, sending, streams
from stepwell.core.engines import find_runtime
from stepwell.core.ref import RunRef
from stepwell.model.sentinel import RAISE, Raise
from stepwell.tokens import Token, issue

T = TypeVar("T")
D = TypeVar("D")

Limit = float | timedelta | None


# -- messages ------------------------------------------------------------------------------------------------------


@overload
def recv(topic: str | None = None, *, type: type[T], timeout: Limit = None, default: Raise = RAISE) -> T: ...
@overload
def recv(topic: str | None = None, *, type: type[T], timeout: Limit = None, default: D) -> T | D: ...
@overload
def recv(topic: str | None = None, *, type: object = None, timeout: Limit = None, default: object = RAISE) -> Any: ...
def recv(topic: str | None = None, *, type: Any = None, timeout: Limit = None, default: Any = RAISE) -> Any:
    """Wait for the oldest message of exactly this topic that nobody has received, and receive it, once.

    ::

        if recv("shipped", type=Parcel, timeout=3 * 86_400, default=None) is None:
            return "lost in the post"

    Args:
        topic: None receives messages that were sent without one.
        type: what the message is read as; unions too. Without it, as what it says it is.
        timeout: seconds of the database's clock, counted from when the run first waited here; restarts do not
            prolong it. Without it the wait has no end.
        default: returned when the time is over. `None` is a value.

    Raises:
        WaitTimeout: the time is over and there is no default.
        UnreadablePayload: the message does not fit `type`. It has been received: the next call gets the next one.
        NotInWorkflow, UsageError: outside a workflow; within a step.

    Durable: how the wait ended is recorded, in the transaction that marks the message as received. A message is
    received exactly once by a workflow that waits for it, whatever crashes. A wait holds no connection, and a long one
    no thread.
    """
    return receive.recv(topic, type, timeout, default)


def send(id: str, message: object, topic: str | None = None, key: str | None = None, *, conn: object = None) -> None:
    """Send a message to the workflow with this id; it waits there until it is received. Anywhere.

    ::

        send("o-1", Parcel("DHL", 3), "shipped", key=webhook.id)

    Args:
        id: of a run that exists and has not ended.
        message: any value that a step may return.
        topic: which `recv` gets it; None is a topic of its own.
        key: sent twice with the same key, it is there once. In workflows and steps each call has one of its own.
        conn: an open connection of the caller's to the engine's own database: the message exists exactly if the
            caller commits what is open there. Neither committed nor tried again here. In steps, transactions, outside.

    Raises:
        WorkflowNotFound, WorkflowEnded: nobody will receive it.
        NotSerializable, PayloadTooLarge, InvalidArgument: before any effect.
        StoreUnavailable: outside a workflow, after `Settings.call_patience`; whether it was sent is not known.

    Durable: committed when it returns, or with `conn`'s transaction. From a workflow it is sent once; from a step at
    least once with the step, and a repeated attempt sends nothing twice. Messages of one sender are received in their
    order.
    """
    sending.send(find_runtime(), id, message, topic, key, conn)


# -- events --------------------------------------------------------------------------------------------------------


def set_event(key: str, value: object) -> None:
    """Show a value under a key of this run; another value under the same key replaces it.

    ::

        set_event("progress", 0.4)

    In workflows and steps. Durable: committed when it returns, by the run's owner only. From a workflow it happens
    once; from a step at least once with the step. Stays readable after the run has ended, until retention.
    Raises NotSerializable, PayloadTooLarge, InvalidArgument before any effect.
    """
    publishing.publish("set_event", publishing.set_event(key, value))


@overload
def get_event(id: str, key: str, *, type: type[T], timeout: Limit = None, default: Raise = RAISE) -> T: ...
@overload
def get_event(id: str, key: str, *, type: type[T], timeout: Limit = None, default: D) -> T | D: ...
@overload
def get_event(id: str, key: str, *, type: object = None, timeout: Limit = None, default: object = RAISE) -> Any: ...
def get_event(id: str, key: str, *, type: Any = None, timeout: Limit = None, default: Any = RAISE) -> Any:
    """The value that a run has set under a key; waits until it does. In workflows and outside.

    ::

        get_event("o-1", "progress", type=float, timeout=5, default=0.0)

    `type`, `timeout` and `default` as for `recv`; `timeout=0` only looks. Raises WaitTimeout, WorkflowNotFound, and
    WorkflowEnded if the run has ended without setting it (with a default, that is returned).

    Durable: within a workflow the value is recorded; a replay sees the same, whatever was set since.
    """
    return events.get(RunRef(find_runtime(), id, None, None), key, type, timeout, default)


# -- streams -------------------------------------------------------------------------------------------------------


def write_stream(key: str, value: object) -> None:
    """Append a value to a stream of this run.

    ::

        for token in model.stream(prompt):
            write_stream("answer", token)

    In workflows and steps. Durable: committed when it returns, by the run's owner only. From a workflow it is written
    once; from a step at least once: a repeated attempt appends again. Raises StreamClosed after `close_stream`;
    NotSerializable, PayloadTooLarge, InvalidArgument before any effect.
    """
    publishing.publish("write_stream", publishing.write_stream(key, value))


def close_stream(key: str) -> None:
    """End a stream of this run: readers stop after its last value. Closing it again is nothing. Durable."""
    publishing.publish("close_stream", publishing.close_stream(key))


@overload
def read_stream(id: str, key: str, *, type: type[T], start: int = 0) -> Iterator[T]: ...
@overload
def read_stream(id: str, key: str, *, type: object = None, start: int = 0) -> Iterator[Any]: ...
def read_stream(id: str, key: str, *, type: Any = None, start: int = 0) -> Iterator[Any]:
    """The values of a run's stream, in order, from number `start`; ends with the stream, or with its run.

    ::

        for token in read_stream("chat-1", "answer", type=str):
            print(token, end="")

    In workflows and outside. Waits for values that are not there yet. Raises WorkflowNotFound at the first value.
    Durable: within a workflow what was read is recorded, many values at once; a replay reads the same.
    """
    return streams.StreamIterator(streams.Reading(RunRef(find_runtime(), id, None, None), key, type, start))


# -- tokens --------------------------------------------------------------------------------------------------------


@overload
def token(type: type[T], *, expires: Limit = None) -> Token[T]: ...
@overload
def token(type: object = Any, *, expires: Limit = None) -> Token[Any]: ...
def token(type: Any = Any, *, expires: Limit = None) -> Token[Any]:
    """A step that a person, or another system, completes: an id to hand out, and the answer to wait for.

    ::

        t = token(Approval, expires=7 * 86_400)
        mail(manager, t.url)
        if not t.wait(timeout=86_400).granted: ...

    The id is recorded, unguessable, signed, and works once: `engine.complete(t.id, value)` or
    `engine.fail(t.id, error)` from any process on the same database. `expires`: seconds after which it is refused;
    None: when the run ends.
    """
    return issue(type, expires)
