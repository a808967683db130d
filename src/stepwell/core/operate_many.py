"""Cancelling and resuming all runs that match a filter: a page at a time, each in a transaction of its own.

What was done stays done: whoever was interrupted calls again, and the rest follows.
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepwell.core import cancel as cancelling
from stepwell.core import operate, resuming
from stepwell.core.locked_file import writes
from stepwell.core.ref import RunRef
from stepwell.errors import InvalidArgument, WorkflowNotFound
from stepwell.model.looking import RunFilter, RunRow
from stepwell.model.resumption import Resumption
from stepwell.model.status import Status

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

#: Runs of one page; all are cancelled in one transaction.
PAGE_ROWS = 500
#: Runs that one transaction resumes: each takes some statements, and others wait for the connection meanwhile.
RESUMED_ROWS = 100

#: What is cancelled, and what is resumed, where no status is asked for. What somebody has cancelled stays so.
CANCELLED_BY_DEFAULT = (Status.ENQUEUED, Status.PENDING, Status.WAITING, Status.BLOCKED, Status.DEAD)
RESUMED_BY_DEFAULT = (Status.BLOCKED, Status.DEAD, Status.ERROR)

#: Told after each page how many runs were cancelled or resumed so far.
Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Done:
    """A page: how many of its runs were changed, and where the next one begins; None: that was all."""

    count: int
    after: UUID | None


#: Does one page.
Page = Callable[["Runtime", RunFilter], Coroutine[Any, Any, Done]]


def checked(where: RunFilter, everything: bool, statuses: tuple[Status, ...]) -> RunFilter:
    """The filter of the first page. Raises InvalidArgument for one that lets everything by, unless that is meant."""
    asked = (where.name, where.status, where.id_prefix, where.queue, where.since, where.until)
    if where.attributes in (None, "{}") and all(each in (None, "") for each in asked) and not everything:
        raise InvalidArgument("no filter is given: that would be all runs. If it is meant, say so with all=True")
    return replace(where, status=tuple(statuses) if where.status is None else where.status, limit=PAGE_ROWS)


def all_pages(do: Callable[[RunFilter], Done], where: RunFilter, progress: Progress | None) -> int:
    """Page after page; how many runs were changed."""
    count = 0
    while True:
        done = do(where)
        count += done.count
        if progress is not None:
            progress(count)
        if done.after is None:
            return count
        where = replace(where, after=done.after)


async def all_pages_async(
    do: Callable[[RunFilter], Awaitable[Done]], where: RunFilter, progress: Progress | None
) -> int:
    """The same, awaited."""
    count = 0
    while True:
        done = await do(where)
        count += done.count
        if progress is not None:
            progress(count)
        if done.after is None:
            return count
        where = replace(where, after=done.after)


# -- one page -------------------------------------------------------------------------------------------------


def cancelling_page(reason: str) -> Page:
    """Cancels a page, for this reason."""

    @writes("cancel_many")
    async def cancel(runtime: "Runtime", where: RunFilter) -> Done:
        rows = await runtime.patient(runtime.store.list_runs, where, outside=True)
        asked = [row.run_id for row in rows if row.completed_at is None and row.cancel_reason is None]
        touched = set(await cancelling.request(runtime, asked, reason, outside=True)) if asked else set()
        return _done(rows, len(touched.intersection(asked)))

    return cancel


@writes("resume_many")
async def resuming_page(runtime: "Runtime", where: RunFilter) -> Done:
    """Resumes a page."""
    rows = await runtime.patient(runtime.store.list_runs, where, outside=True)
    ended = [row for row in rows if row.status in _RESUMABLE]
    plans: dict[UUID, Resumption] = {}
    for row in ended:
        for plan in await _plan(runtime, row):
            plans.setdefault(plan.run_id, plan)
    # Parents are older than their children, and come first.
    ordered = [plans[run_id] for run_id in sorted(plans)]
    together = [ordered[first : first + RESUMED_ROWS] for first in range(0, len(ordered), RESUMED_ROWS)]
    moved: set[UUID] = set()
    for some in together:
        if await runtime.patient(runtime.store.resume_failed, some, outside=True):
            moved.update(plan.run_id for plan in some)
    # Somebody else has touched one of them meanwhile: each of these by itself.
    count = 0
    for row in ended:
        count += row.run_id in moved or await _resumed_alone(runtime, row)
    runtime.work.set()
    return _done(rows, count)


_RESUMABLE = frozenset({Status.BLOCKED, Status.DEAD, Status.CANCELLED, Status.ERROR})


async def _plan(runtime: "Runtime", row: RunRow) -> list[Resumption]:
    """What a page shows of a run has no payloads: the error is read for those that have one."""
    if row.status != Status.ERROR:
        return await resuming.plan(runtime, row)
    whole = await runtime.patient(runtime.store.get_run, row.run_id, outside=True)
    return await resuming.plan(runtime, row if whole is None else whole)


async def _resumed_alone(runtime: "Runtime", row: RunRow) -> bool:
    try:
        return await operate.resumed(runtime, RunRef(runtime, row.workflow_id, row.run_id, None))
    except WorkflowNotFound:
        return False  # it was deleted meanwhile


def _done(rows: list[RunRow], count: int) -> Done:
    return Done(count, rows[-1].run_id if len(rows) == PAGE_ROWS else None)
