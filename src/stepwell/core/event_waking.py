"""Who is parked on a published event: woken by whoever published it, after the commit, if the event is what it wants.

A filter that cannot be read or evaluated here wakes its run, which evaluates it itself: that is never wrong.
"""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepwell.core.expressions import names_of, parse
from stepwell.errors import InvalidArgument, UnreadablePayload
from stepwell.model.published import EventWait, PublishedRow
from stepwell.serde.codec import CodecFault
from stepwell.serde.text import from_text

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: Waits that one query brings, and events.
_PAGE = 1000
_EVENTS = 200


async def wake(runtime: "Runtime", event: str, number: int, payload: Any, outside: bool) -> None:
    """Wake the runs that are parked on this event, which is committed."""
    after: tuple[UUID, str, int] | None = None
    while True:
        waits = await runtime.patient(runtime.store.event_waits, event, number, after, _PAGE, outside=outside)
        await _wake_runs(runtime, [wait for wait in waits if _concerns(wait.filter, payload)], outside)
        if len(waits) < _PAGE:
            return
        after = waits[-1].run_id, waits[-1].branch, waits[-1].seq


async def look_again(runtime: "Runtime") -> bool:
    """One page of the parked runs whose filters nobody has applied to the newest events, because who published those
    died; whether there may be more. For the others nothing is left to look at: their waits are moved up."""
    waits = await runtime.patient(runtime.store.event_waits_behind, _PAGE)
    lowest: dict[str, int] = {}
    for wait in waits:
        lowest[wait.event] = min(wait.position, lowest.get(wait.event, wait.position))
    found = await runtime.patient(runtime.store.events_above, list(lowest.items()), _EVENTS)
    rows_of = dict(zip(lowest, found, strict=True))
    payloads = {row.number: _payload(runtime, row) for rows in found for row in rows}
    ripe: list[EventWait] = []
    passed: list[EventWait] = []
    for wait in waits:
        rows = [row for row in rows_of[wait.event] if row.number > wait.position]
        if any(_concerns(wait.filter, payloads[row.number]) for row in rows):
            ripe.append(wait)
        elif rows:
            passed.append(EventWait(wait.run_id, wait.branch, wait.seq, wait.event, rows[-1].number, wait.filter))
    await _wake_runs(runtime, ripe, outside=False)
    await runtime.patient(runtime.store.advance_event_waits, passed)
    return len(waits) == _PAGE or any(len(rows) == _EVENTS for rows in found)


async def _wake_runs(runtime: "Runtime", waits: list[EventWait], outside: bool) -> None:
    runs = list(dict.fromkeys(wait.run_id for wait in waits))
    if not runs:
        return
    woken = await runtime.patient(runtime.store.wake_parked, runs, outside=outside)
    if woken:
        runtime.work.set()


#: The payload of an event that cannot be read here.
_UNREADABLE = object()


def _payload(runtime: "Runtime", row: PublishedRow) -> Any:
    try:
        return from_text(runtime.serializer.plain(row.payload, row.codec_id))
    except (UnreadablePayload, CodecFault):
        return _UNREADABLE


def _concerns(filter: str | None, payload: Any) -> bool:
    if filter is None or payload is _UNREADABLE:
        return True
    try:
        return parse(filter, "filter")(names_of(payload))
    except InvalidArgument:
        return True
