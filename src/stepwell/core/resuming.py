"""How a run in ERROR goes on: the operations whose failure ended it are tried again, the others stay recorded.

Which those are is read from the history. An outcome *came of* a failure if its body began after the failure was
recorded, unless it lies in a line of tasks that stood beside the failed one before: such a line does not know of it. A
failure is tried again if it is the one with which the run ended (by type and message, also as a cause or a member of a
group), or if nothing came of it: then nothing handled it. What came of a failure that is tried again is forgotten.
Children that the run had started, and that were cancelled with it, go on too.
"""

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepwell.core import sealing
from stepwell.core.cancel import FAN_OUT_FAILED, PARENT_CLOSED
from stepwell.errors import StepwellError
from stepwell.model.ids import child_id
from stepwell.model.looking import RunFilter, RunRow, StepRow
from stepwell.model.resumption import Resumption
from stepwell.model.status import Status

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime

_PAGE = 1000

#: Durations are stored with seven digits.
_ROUNDING = 1e-6

#: Whether such a body has run, nobody knows: only `rewind` runs it again.
_NEVER_AGAIN = "stepwell.errors:StepInterrupted"
_TIMEOUT = "stepwell.errors:WaitTimeout"

#: (type, message); no message: any.
Told = tuple[str, str | None]


async def plan(runtime: "Runtime", run: RunRow) -> list[Resumption]:
    """What to archive so that a run in ERROR goes on, and its failed children before it; parents first."""
    if run.status != Status.ERROR:
        return [Resumption(run.run_id, run.epoch)]
    outcomes = await _outcomes(runtime, run)
    failures = [row for row in outcomes if row.ended == "error" or row.kind == "timeout"]
    came_of = {id(failure): _came_of(failure, outcomes) for failure in failures}
    told = {id(failure): await sealing.patiently(runtime, _told_by, runtime, failure) for failure in failures}
    ended_with = await sealing.patiently(runtime, _told, runtime, run.error, run.output_codec_id)
    last = next((row for row in reversed(failures) if _same(told[id(row)], ended_with)), None)
    again = [
        row
        for row in failures
        if (row is last or not any(each.ended != "abandoned" for each in came_of[id(row)]))
        and _NEVER_AGAIN not in (name for name, _ in told[id(row)][:1])
    ]
    chosen = {(row.branch, row.seq) for row in again}
    undone = {(each.branch, each.seq) for row in again for each in came_of[id(row)]} - chosen
    plans = [Resumption(run.run_id, run.epoch, tuple(sorted(chosen)), tuple(sorted(undone)))]
    for row in again:
        child = await _failed_child(runtime, run, row)
        if child is not None:
            plans += await plan(runtime, child)
    started = {row.child_run for row in outcomes if row.kind == "start" and (row.branch, row.seq) not in undone}
    known = {each.run_id for each in plans}
    return plans + [each for each in await _cancelled_with(runtime, run, started) if each.run_id not in known]


async def _outcomes(runtime: "Runtime", run: RunRow) -> list[StepRow]:
    """All recorded outcomes in the order of their delivery, of payloads only the errors."""
    outcomes: list[StepRow] = []
    after = -1
    while True:
        page = await runtime.patient(runtime.store.list_steps, run.run_id, True, _PAGE, after, outside=True)
        recorded = [row for row in page if row.ended is not None]
        for row in recorded:
            row.output = None
        outcomes += recorded
        if len(page) < _PAGE or not recorded:
            return outcomes
        after = max(row.pos or 0 for row in recorded)


# -- what came of a failure ----------------------------------------------------------------------------------


def _came_of(failure: StepRow, outcomes: list[StepRow]) -> list[StepRow]:
    at = failure.pos or 0
    beside = {_line(row.branch, failure.branch) for row in outcomes if _began_before(row, failure)} - {None}
    return [
        row
        for row in outcomes
        if (row.pos or 0) > at
        and row.kind != "cancel"
        and (
            row.ended == "abandoned"  # interrupted because of it, or soon to be interrupted again
            or not (_began_before(row, failure) or _line(row.branch, failure.branch) in beside)
        )
    ]


def _began_before(row: StepRow, failure: StepRow) -> bool:
    """Whether this body began before that failure could be known."""
    ended, began, known = row.completed_at or 0.0, row.started_at or 0.0, failure.completed_at or 0.0
    return began + (ended - began) * _ROUNDING < known


def _line(branch: str, other: str) -> str | None:
    """The part of `branch` that shows where it left the way of `other`; None if one of them lies on the other's way."""
    ours, theirs = branch.split(".") if branch else [], other.split(".") if other else []
    for depth, (mine, its) in enumerate(zip(ours, theirs, strict=False)):
        if mine != its:
            return ".".join(ours[: depth + 1])
    return None


# -- what a failure says -------------------------------------------------------------------------------------


def _told_by(runtime: "Runtime", failure: StepRow) -> list[Told]:
    if failure.kind == "timeout":
        return [(_TIMEOUT, None)]
    return _told(runtime, failure.error, failure.codec_id)


def _told(runtime: "Runtime", text: str | None, codec_id: str | None) -> list[Told]:
    """Type and message of a recorded exception, of its causes and its members; nothing if it cannot be read here."""
    if text is None:
        return []
    try:
        return _chain(json.loads(runtime.serializer.plain(text, codec_id)))
    except (StepwellError, ValueError, TypeError, AttributeError):
        return []


def _chain(record: dict[str, Any]) -> list[Told]:
    told: list[Told] = [(str(record.get("type")), str(record.get("message")))]
    for linked in (record.get("cause"), *(record.get("members") or ())):
        if linked:
            told += _chain(linked)
    return told


def _same(failure: list[Told], ended_with: list[Told]) -> bool:
    return bool(failure) and any(
        failure[0][0] == name and failure[0][1] in (message, None) for name, message in ended_with
    )


# -- children ------------------------------------------------------------------------------------------------


async def _cancelled_with(runtime: "Runtime", run: RunRow, started: set[UUID | None]) -> list[Resumption]:
    """Those of its started children that were cancelled because it failed, or because another of them did: they go on
    with it."""
    found: list[Resumption] = []
    after: UUID | None = None
    while started:
        where = RunFilter(parent_run=run.run_id, status=(Status.CANCELLED,), limit=_PAGE, after=after)
        page = await runtime.patient(runtime.store.list_runs, where, outside=True)
        found += [
            Resumption(row.run_id, row.epoch)
            for row in page
            if row.run_id in started and row.reason in (PARENT_CLOSED, FAN_OUT_FAILED)
        ]
        if len(page) < _PAGE:
            break
        after = page[-1].run_id
    return found


async def _failed_child(runtime: "Runtime", run: RunRow, row: StepRow) -> RunRow | None:
    """The child whose end is this failure, if it can be resumed."""
    if row.kind not in ("child", "result"):
        return None
    if row.child_run is not None:
        child = await runtime.patient(runtime.store.get_run, row.child_run, outside=True)
    else:
        id = row.name if row.kind == "result" else child_id(run.workflow_id, row.branch, row.seq)
        child = await runtime.patient(runtime.store.find_run, id, outside=True)
    if child is None or child.parent_run != run.run_id or child.status not in (Status.ERROR, Status.CANCELLED):
        return None
    return child
