"""A look at everything, cheap enough to be taken every second."""

from typing import TYPE_CHECKING

from stepwell.core.operate import executors
from stepwell.core.queueing import info_of
from stepwell.model.vitals import MOST_COUNTED, Overview

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


async def overview(runtime: "Runtime", since: float | None = None) -> Overview:
    """How the namespace does; starts and ends are counted from `since` on, an earlier look's `vitals.now` (None: the
    last ten seconds). Three statements, none of which reads more than 10,000 rows of a status, a queue or a process."""
    vitals = await runtime.patient(runtime.store.vitals, since, MOST_COUNTED, outside=True)
    queues = await runtime.patient(runtime.store.queues, None, MOST_COUNTED, outside=True)
    return Overview(vitals, [info_of(row) for row in queues], await executors(runtime))
