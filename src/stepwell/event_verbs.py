"""The blocking verbs for published events; `stepwell.aio` has their awaitable twins."""

from datetime import timedelta
from typing import Any, TypeVar, overload

from stepwell.core import event_publishing, event_waiting
from stepwell.core.engines import find_runtime
from stepwell.model.sentinel import RAISE, Raise

T = TypeVar("T")
D = TypeVar("D")

Limit = float | timedelta | None


def publish(event: str, payload: object, *, id: str | None = None) -> str:
    """Publish an event: every workflow that subscribed to it is started (`@workflow(on=...)`), every `wait_for` that it
    matches ends, and what is to be cancelled because of it is (`cancel_on=`). Anywhere.

    ::

        publish("order.paid", {"order_id": "o-1", "amount": 4200}, id=webhook.id)

    Args:
        event: its name, 1 to 255 characters.
        payload: any value that a step may return. Plain JSON, where other programs subscribe: a dataclass is read as
            itself, which takes its module.
        id: published twice with the same id, it happens once, for as long as retention keeps it; a run that it starts
            has the id `"{id}:{workflow}"`. Like a workflow's id. In workflows and steps each call has one of its own.

    Returns:
        The event's id.

    Raises:
        NotSerializable, PayloadTooLarge, InvalidArgument: before any effect.
        StoreUnavailable: outside a workflow, after `Settings.call_patience`; whether it was published is not known. The
            same call with the same id is safe.

    Durable: the event and the runs that it starts are committed in one transaction before it returns. From a workflow
    it is published once; from a step at least once with the step, and a repeated attempt publishes nothing twice.
    """
    return event_publishing.publish(find_runtime(), event, payload, id)


@overload
def wait_for(
    event: str, *, where: str | None = None, type: type[T], timeout: Limit = None, default: Raise = RAISE
) -> T: ...
@overload
def wait_for(event: str, *, where: str | None = None, type: type[T], timeout: Limit = None, default: D) -> T | D: ...
@overload
def wait_for(
    event: str, *, where: str | None = None, type: object = None, timeout: Limit = None, default: object = RAISE
) -> Any: ...
def wait_for(
    event: str, *, where: str | None = None, type: Any = None, timeout: Limit = None, default: Any = RAISE
) -> Any:
    """Wait for the first event of this name that is published from now on; its payload. In workflows.

    ::

        paid = wait_for("order.paid", where=f"order_id == {order_id!r}", type=Paid, timeout=3 * 86_400, default=None)

    Args:
        event: its name.
        where: which of them, as an expression over the fields of the payload: see docs/events.md. Without it, any.
        type: what the payload is read as; unions too. Without it, as what it says it is.
        timeout: seconds of the database's clock, counted from when the run first waited here; restarts do not prolong
            it. Without it the wait has no end.
        default: returned when the time is over. `None` is a value.

    Raises:
        WaitTimeout: the time is over and there is no default.
        InvalidArgument: `where` is no such expression; before any effect.
        UnreadablePayload: the payload does not fit `type`.
        NotInWorkflow, UsageError: outside a workflow; within a step.

    Durable: where the wait began is recorded, and then the payload that it took: a crash between the two loses no
    event, and a replay sees the same. A wait holds no connection, and a long one no thread. It takes nothing from
    others who wait. A next call begins anew: what was published between the two is not for it.
    """
    return event_waiting.wait_for(event, where, type, timeout, default)
