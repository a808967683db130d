"""What is read of runs, steps and processes: rows of a look, that nobody executes by.

Instants are `float` unix seconds of the database's clock. Payloads are `str`: JSON, or what a codec made of it.
"""

from dataclasses import dataclass
from uuid import UUID


@dataclass(slots=True, frozen=True)
class Outcome:
    """The recorded end of a run, as a waiter sees it."""

    run_id: UUID
    status: str
    output: str | None
    error: str | None
    reason: str | None
    codec_id: str | None


@dataclass(slots=True, frozen=True)
class ExecutorRow:
    """One process start. `lease_over` and `now` are judged by the database's clock."""

    incarnation: UUID
    label: str
    namespace: str
    app: str
    beat: int
    lease_until: float
    lease_over: bool
    draining: bool
    serves: tuple[str, ...]  # routes
    queues: tuple[str, ...]
    started_at: float


@dataclass(slots=True)
class RunRow:
    """One row of a listing or a look-up. input, output, error only if payloads were asked for: `codec_id` is that of
    the input, `output_codec_id` that of output and error."""

    run_id: UUID
    namespace: str
    app: str
    workflow_id: str
    name: str
    version: str | None
    instance: str | None
    route: str
    status: str
    reason: str | None
    queue: str | None
    priority: int
    owner: UUID | None
    epoch: int
    attempts: int
    recoveries: int
    max_recoveries: int
    parent_run: UUID | None
    parent_id: str | None
    root_run_id: UUID | None
    forked_from: UUID | None
    attributes: str | None
    input: str | None
    output: str | None
    error: str | None
    codec_id: str | None
    output_codec_id: str | None
    cancel_reason: str | None
    deadline: float | None
    not_before: float | None
    created_at: float
    started_at: float | None
    completed_at: float | None


@dataclass(slots=True)
class StepRow:
    """One recorded or begun operation, for people to read. `ended` is None for an intent."""

    run_id: UUID
    branch: str
    seq: int
    name: str
    kind: str
    ended: str | None
    output: str | None
    error: str | None
    codec_id: str | None
    attempts: int
    pos: int | None
    epoch: int | None
    child_run: UUID | None
    started_at: float | None
    completed_at: float | None
    due: float | None


@dataclass(slots=True, frozen=True)
class RunFilter:
    """What `find` and `count` look for; None means any. `after` is the run_id of the last row of the page
    before (newest first: run_id is a UUIDv7)."""

    name: str | None = None
    status: tuple[str, ...] | None = None
    id_prefix: str | None = None
    attributes: str | None = None  # JSON object that must be contained
    queue: str | None = None
    since: float | None = None
    until: float | None = None
    parent_run: UUID | None = None
    limit: int = 100
    after: UUID | None = None
