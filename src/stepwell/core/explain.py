"""Why a run does not progress, in words, with what to do."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stepwell.core.explain_queue import explain_queue
from stepwell.core.operate import reference
from stepwell.model.looking import ExecutorRow, RunRow
from stepwell.model.status import Status
from stepwell.model.words import counted

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


async def explain(runtime: "Runtime", workflow_id: str) -> str:
    """Why the run does not progress, in words, with what to do."""
    row = await (await reference(runtime, workflow_id)).row()
    now = await runtime.patient(runtime.store.now, outside=True)
    explained = {
        Status.ENQUEUED: _enqueued,
        Status.PENDING: _pending,
        Status.WAITING: _waiting,
    }.get(Status(row.status))
    if explained is not None:
        return await explained(runtime, row, now)
    if row.status == Status.BLOCKED:
        return (
            f"BLOCKED: {row.reason}. It goes on with matching code (any process with other code tries it once), or "
            f"after `stepwell workflow resume {workflow_id}`."
        )
    if row.status == Status.DEAD:
        return (
            f"DEAD: {counted(row.recoveries, 'process', 'processes')} in a row died while executing it without "
            "recording a new step. "
            f"`stepwell workflow resume {workflow_id}` tries again."
        )
    ended = datetime.fromtimestamp(row.completed_at or now, UTC).isoformat(timespec="seconds")
    return f"{row.status} since {ended}" + (f" ({row.reason})" if row.reason else "") + ": it has ended."


async def _enqueued(runtime: "Runtime", row: RunRow, now: float) -> str:
    if row.not_before is not None and row.not_before > now:
        return f"ENQUEUED: not before {row.not_before - now:.1f} s from now."
    live = [e for e in await runtime.patient(runtime.store.executors, outside=True) if not e.lease_over]
    ours = [e for e in live if (e.namespace, e.app) == (row.namespace, row.app) and not e.draining]
    serving = [e for e in ours if row.route in e.serves]
    if not live:
        return "ENQUEUED: no process is running on this database: start one (`stepwell worker module:engine`)."
    if not serving and len(ours) < len(live):
        return _nobody_of_the_app(row, live, ours)
    if not serving:
        told = f"{counted(len(live), 'process runs', 'processes run')}, and none of them serves {_served_name(row)}"
        return f"ENQUEUED: {told}: deploy one that imports it."
    if row.queue is not None and (held := await explain_queue(runtime, row, row.queue, serving)) is not None:
        return f"ENQUEUED: {held}"
    reason = f" ({row.reason})" if row.reason else ""
    who = counted(len(serving), "process serves", "processes serve")
    return f"ENQUEUED{reason}: {who} it; it starts when one has a free slot."


def _nobody_of_the_app(row: RunRow, live: list[ExecutorRow], ours: list[ExecutorRow]) -> str:
    """Several apps and tenants may share one schema: a process serves the runs of its own."""
    told = f"ENQUEUED: no process of app {row.app!r} in namespace {row.namespace!r} serves {_served_name(row)}"
    leaving = sum((e.namespace, e.app) == (row.namespace, row.app) for e in live) - len(ours)
    elsewhere = sorted({f"{e.app!r} in {e.namespace!r}" for e in live if row.route in e.serves and not e.draining})
    others = f"; of another app there is one that does ({', '.join(elsewhere)})" if elsewhere else ""
    stopping = f"; {counted(leaving, 'process of it is', 'processes of it are')} stopping" if leaving else ""
    return (
        f"{told}{stopping}{others}: start one with Stepwell(..., name={row.app!r}, namespace={row.namespace!r}) "
        "that imports it."
    )


def _served_name(row: RunRow) -> str:
    return (
        row.name
        + (f" version {row.version}" if row.version else "")
        + (f" on {row.instance!r}" if row.instance else "")
    )


async def _pending(runtime: "Runtime", row: RunRow, now: float) -> str:
    owner = next(
        (e for e in await runtime.patient(runtime.store.executors, outside=True) if e.incarnation == row.owner),
        None,
    )
    cancel = f"; a cancellation ({row.cancel_reason}) waits to be delivered" if row.cancel_reason else ""
    if owner is None:
        return f"PENDING: its owner is gone; the next sweep takes it over{cancel}."
    if owner.lease_over:
        return (
            f"PENDING: its owner {owner.label} was not heard of since its lease ended {now - owner.lease_until:.0f} s "
            f"ago; it is taken over once silent for a full lease{cancel}."
        )
    steps = await runtime.patient(runtime.store.list_steps, row.run_id, False, outside=True)
    begun = [step for step in steps if step.ended is None]
    done = [step for step in steps if step.ended is not None]
    doing = "; ".join(
        f"{step.name}: "
        + (f"attempt {step.attempts} failed, the next is due" if step.kind == "attempt" else "waits")
        + ("" if step.due is None else f" in {max(0.0, step.due - now):.1f} s")
        for step in begun
    )
    last = f", the last of them {done[-1].name!r}" if done else ""
    return (
        f"PENDING: executing in {owner.label}; {counted(len(done), 'operation')} recorded{last}"
        + (f"; {doing}" if doing else "")
        + f"{cancel}."
    )


async def _waiting(runtime: "Runtime", row: RunRow, now: float) -> str:
    steps = await runtime.patient(runtime.store.list_steps, row.run_id, False, outside=True)
    waits = [
        f"{step.name}" + ("" if step.due is None else f" for another {max(0.0, step.due - now):.1f} s")
        for step in steps
        if step.ended is None
    ]
    what = ", ".join(waits) or "a call of another workflow, or for a message, an event or a stream"
    return f"WAITING: parked, it holds no thread; it waits in {what}."
