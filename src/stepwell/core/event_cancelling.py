"""`cancel_on`: the runs that a published event cancels.

At least once: the event says in its row that this is still to be done, until it is done. Whoever published it does it;
if he dies, any process of the namespace that sweeps.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepwell.core import cancel
from stepwell.core.event_declarations import THE_EVENT
from stepwell.core.event_subscriptions import Parameters, arguments_by_name, read_parameters
from stepwell.core.expressions import Expression, parse
from stepwell.errors import InvalidArgument, UnreadablePayload
from stepwell.model.published import CANCEL, PublishedRow, Subscription
from stepwell.serde.codec import CodecFault
from stepwell.serde.text import from_text

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: Runs that are looked at, and runs whose inputs are in memory, at once.
_PAGE = 1000
_INPUTS = 100
#: Events of one look for what is left; it is given up after so many seconds.
_EVENTS = 100
_GIVE_UP_SECONDS = 3600.0


async def cancel_runs(
    runtime: "Runtime",
    id: str,
    event: str,
    until: float | None,
    payload: Any,
    subscriptions: Sequence[Subscription],
    outside: bool,
) -> bool:
    """Cancel what this event cancels, and say in its row that it is done; False if something could not be read here.

    `until`: what was created later is not meant. Who publishes gives none: whatever the clocks say, it lives now.
    """
    done = True
    for subscription in subscriptions:
        if subscription.mode == CANCEL:
            done = await _cancel_for(runtime, subscription, event, until, payload, outside) and done
    if done:
        await runtime.patient(runtime.store.event_cancelled, id, outside=outside)
    return done


async def look_again(runtime: "Runtime") -> None:
    """Do what whoever published an event has left, some seconds ago."""
    older_than = 2 * runtime.settings.sweep_interval
    for row in await runtime.patient(runtime.store.events_cancelling, older_than, _EVENTS):
        subscriptions = await runtime.patient(runtime.store.subscriptions, row.event)
        try:
            payload = from_text(runtime.serializer.plain(row.payload, row.codec_id))
            done = await cancel_runs(runtime, row.id, row.event, row.published_at, payload, subscriptions, False)
        except (UnreadablePayload, CodecFault):
            done = False
        if not done and runtime.clock.now() - row.published_at > _GIVE_UP_SECONDS:
            await _give_up(runtime, row)


async def _give_up(runtime: "Runtime", row: PublishedRow) -> None:
    runtime.log.error("the event %r (%s) cannot be read: runs that it cancels go on", row.event, row.id)
    await runtime.patient(runtime.store.event_cancelled, row.id)


async def _cancel_for(
    runtime: "Runtime", subscription: Subscription, event: str, until: float | None, payload: Any, outside: bool
) -> bool:
    """One subscription, page by page."""
    parameters = read_parameters(subscription.parameters)
    try:
        filter = None if subscription.filter is None else parse(subscription.filter, "cancel_where")
    except InvalidArgument:
        return False  # of a newer Stepwell, whose processes can read it
    store, app, names = runtime.store, subscription.app, parameters.names
    after: UUID | None = None
    done = True
    while True:
        runs = await runtime.patient(store.live_runs, app, names, until, after, _PAGE, outside=outside)
        meant: list[UUID] = list(runs)
        if filter is not None:
            meant, all_read = await _meant(runtime, runs, filter, parameters, payload, outside)
            done = done and all_read
        if meant:
            await cancel.request(runtime, meant, f"event:{event}", outside=outside)
        if len(runs) < _PAGE:
            return done
        after = runs[-1]


async def _meant(
    runtime: "Runtime",
    runs: Sequence[UUID],
    filter: Expression,
    parameters: Parameters,
    payload: Any,
    outside: bool,
) -> tuple[list[UUID], bool]:
    """Those whose arguments the filter lets through, and whether all arguments could be read here."""
    meant: list[UUID] = []
    all_read = True
    for at in range(0, len(runs), _INPUTS):
        rows = await runtime.patient(runtime.store.run_inputs, runs[at : at + _INPUTS], outside=outside)
        for run_id, text, codec_id in rows:
            try:
                values = arguments_by_name(parameters, runtime.serializer.plain(text, codec_id))
            except (UnreadablePayload, CodecFault):
                all_read = False
            else:
                if filter({**values, THE_EVENT: payload}):
                    meant.append(run_id)
    return meant, all_read
