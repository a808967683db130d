"""What people see of runs and steps: frozen, with instants as aware datetimes and payloads as JSON text."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from stepwell.model.looking import ExecutorRow, RunRow, StepRow

T = TypeVar("T")


def moment(instant: float | None) -> datetime | None:
    """Unix seconds as an aware datetime."""
    return None if instant is None else datetime.fromtimestamp(instant, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowInfo:
    """One run. `status` is one of ENQUEUED, PENDING, WAITING, BLOCKED, DEAD, SUCCESS, ERROR, CANCELLED; `reason` says
    why it does not progress, or why it was cancelled. input, output and error are JSON text as stored, or None
    where a listing did not ask for payloads."""

    workflow_id: str
    run_id: UUID
    name: str
    version: str | None
    status: str
    reason: str | None
    queue: str | None
    priority: int
    owner: UUID | None
    attempts: int
    parent_id: str | None
    attributes: dict[str, Any]
    input: str | None
    output: str | None
    error: str | None
    cancel_requested: str | None
    deadline: datetime | None
    not_before: datetime | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None

    @classmethod
    def of(cls, row: RunRow) -> "WorkflowInfo":
        """From a store's row."""
        return cls(
            workflow_id=row.workflow_id,
            run_id=row.run_id,
            name=row.name,
            version=row.version,
            status=str(row.status),
            reason=row.reason,
            queue=row.queue,
            priority=row.priority,
            owner=row.owner,
            attempts=row.attempts,
            parent_id=row.parent_id,
            attributes={} if row.attributes is None else msgspec.json.decode(row.attributes),
            input=row.input,
            output=row.output,
            error=row.error,
            cancel_requested=row.cancel_reason,
            deadline=moment(row.deadline),
            not_before=moment(row.not_before),
            created_at=datetime.fromtimestamp(row.created_at, UTC),
            started_at=moment(row.started_at),
            completed_at=moment(row.completed_at),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInfo:
    """One operation of a run. `id` names it for rewind and fork. `ended` is ok, error, abandoned (interrupted by the
    workflow's own code), or None while it has begun and not ended."""

    id: str
    name: str
    kind: str
    ended: str | None
    output: str | None
    error: str | None
    attempts: int
    child_run: UUID | None
    due: datetime | None
    started_at: datetime | None
    completed_at: datetime | None

    @classmethod
    def of(cls, row: StepRow) -> "StepInfo":
        """From a store's row."""
        return cls(
            id=f"{row.branch}:{row.seq}",
            name=row.name,
            kind=row.kind,
            ended=row.ended,
            output=row.output,
            error=row.error,
            attempts=row.attempts,
            child_run=row.child_run,
            due=moment(row.due),
            started_at=moment(row.started_at),
            completed_at=moment(row.completed_at),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorInfo:
    """One running process. `state` is live, draining (it claims nothing more), or silent (its lease is over: its runs
    are taken over when it has been silent for a full lease). `serves` are the names of its workflows."""

    incarnation: UUID
    label: str
    app: str
    state: str
    serves: list[str]
    queues: list[str]
    lease_until: datetime
    started_at: datetime

    @classmethod
    def of(cls, row: ExecutorRow) -> "ExecutorInfo":
        """From a store's row."""
        return cls(
            incarnation=row.incarnation,
            label=row.label,
            app=row.app,
            state="silent" if row.lease_over else "draining" if row.draining else "live",
            serves=sorted({route.partition("|")[0] for route in row.serves}),
            queues=list(row.queues),
            lease_until=datetime.fromtimestamp(row.lease_until, UTC),
            started_at=datetime.fromtimestamp(row.started_at, UTC),
        )


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a listing. `after` is what the next call takes; None: this was the last."""

    items: list[T]
    after: str | None

    def __iter__(self) -> Any:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
