"""Notices that another process has changed the file: SQLite counts commits, and tells every connection.

Asking costs some microseconds, waking the loop for it some ten: so the pauses grow while nothing happens. What a commit
was about is not told. Whom an end, a cancellation, an event or an entry of a stream may concern reads, which is cheap.
To claim or to wake takes a transaction that writes: so this looks first whether there is anything to claim or to wake,
and whether a message came.
"""

import asyncio
from typing import Any, NoReturn

from stepwell.store.faults import StoreFault
from stepwell.store.hints import Ear, Hint
from stepwell.store.sqlite.connection import Session
from stepwell.store.sqlite.lanes import Reader, Writer

#: Between two looks at the counter, seconds: the first after a change; each later one is longer, up to the last.
FIRST_PAUSE = 0.01
LAST_PAUSE = 0.08
_GROWTH = 1.05
#: After an error, seconds: others will notice it too, and say so.
_ERROR_PAUSE = 1.0

#: The number of the last message, and what changes with every schedule.
Newest = tuple[Any, Any]


async def listen(writer: Writer, reader: Reader, ear: Ear) -> NoReturn:
    """Tell `ear` of commits that are not the writer's own. Until cancelled."""
    seen: tuple[int, int] | None = None
    newest: Newest = (None, None)
    pause = FIRST_PAUSE
    while True:
        await ear.wanted()
        try:
            version = writer.version()
            if version is not None and version != seen:
                hints, newest = await reader.ask(news, newest)
                ear.heard(hints)
                seen = version
                pause = FIRST_PAUSE
            else:
                pause = min(pause * _GROWTH, LAST_PAUSE)
        except StoreFault:
            pause = _ERROR_PAUSE
        await asyncio.sleep(pause)


def news(db: Session, newest: Newest) -> tuple[Hint, Newest]:
    """What another process's commit may have been about, and the newest things now; `newest`: those before."""
    identity = db.identity
    row = db.one("hints/news", {"namespace": identity.namespace, "app": identity.app})
    assert row is not None, "a SELECT without FROM has one row"
    claimable, to_wake, message, schedules = row
    hints = Hint.ENDED | Hint.CANCEL
    if claimable:
        hints |= Hint.WORK
    if to_wake or message != newest[0]:
        hints |= Hint.MESSAGE
    if schedules != newest[1]:
        hints |= Hint.SCHEDULES
    return hints, (message, schedules)
