"""Looking at runs and their steps. The only place that composes SQL: from fixed pieces, values bound."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from stepwell.model.looking import Outcome, RunFilter, RunRow, StepRow
from stepwell.model.status import Status
from stepwell.store.sqlite.connection import Row, Session, uuid_of

#: Every column in the order of RunRow's fields.
_COLUMNS = """
    w.run_id, w.namespace, w.app, w.workflow_id, w.name, w.version, w.instance, w.route, w.status, w.reason, w.queue,
    w.priority, w.owner, w.epoch, w.attempts, w.recoveries, w.max_recoveries, w.parent_run_id,
    (SELECT p.workflow_id FROM workflow_status p WHERE p.run_id = w.parent_run_id),
    w.root_run_id, w.forked_from,
    (SELECT a.attributes FROM workflow_attributes a WHERE a.run_id = w.run_id), {payloads}, w.codec_id,
    w.output_codec_id, w.cancel_reason, w.deadline, w.not_before, w.created_at, w.started_at, w.completed_at"""
_PAYLOADS = _COLUMNS.format(payloads="w.input, w.output, w.error")
_NO_PAYLOADS = _COLUMNS.format(payloads="NULL, NULL, NULL")

_UUIDS = (0, 12, 17, 19, 20)

#: One condition for each field of a filter that is not None.
_CONDITIONS = {
    "name": "w.name = :name",
    "queue": "w.queue = :queue",
    "since": "w.created_at >= :since",
    "until": "w.created_at < :until",
    "parent_run": "w.parent_run_id = :parent_run",
    "id_prefix": "substr(w.workflow_id, 1, length(:id_prefix)) = :id_prefix",
    "attributes": "stepwell_contains("
    "(SELECT a.attributes FROM workflow_attributes a WHERE a.run_id = w.run_id), :attributes)",
    "after": "w.run_id < :after",
}


def find_run(db: Session, workflow_id: str) -> RunRow | None:
    """The run that holds this id now. Index: workflow_status_id."""
    condition = "w.namespace = :namespace AND w.workflow_id = :workflow_id AND w.current = 1"
    return _one(db, condition, {"namespace": db.identity.namespace, "workflow_id": workflow_id})


def get_run(db: Session, run_id: UUID) -> RunRow | None:
    """A run of this namespace, current or replaced. Index: primary key."""
    condition = "w.run_id = :run_id AND w.namespace = :namespace"
    return _one(db, condition, {"namespace": db.identity.namespace, "run_id": run_id.bytes})


def list_runs(db: Session, where: RunFilter, payloads: bool) -> list[RunRow]:
    """One page, newest first. Indexes: the primary key, or workflow_status_name or _unsuccessful."""
    conditions, params = _filter(db, where)
    sql = _page_of(conditions, payloads)
    return [_run_row(row) for row in db.connection.execute(sql, {**params, "limit": where.limit})]


def explain_list(db: Session, where: RunFilter) -> list[str]:
    """How SQLite would find a page: for tests of plans."""
    conditions, params = _filter(db, where)
    sql = f"EXPLAIN QUERY PLAN {_page_of(conditions, payloads=False)}"
    return [row[3] for row in db.connection.execute(sql, {**params, "limit": where.limit})]


def _page_of(conditions: str, payloads: bool) -> str:
    columns = _PAYLOADS if payloads else _NO_PAYLOADS
    return f"SELECT {columns} FROM workflow_status w WHERE {conditions} ORDER BY w.run_id DESC LIMIT :limit"


def count_runs(db: Session, where: RunFilter) -> int:
    """How many runs a filter finds, whatever its limit and page."""
    conditions, params = _filter(db, where, page=False)
    row = db.connection.execute(f"SELECT count(*) FROM workflow_status w WHERE {conditions}", params).fetchone()
    return int(row[0])


def outcomes(db: Session, run_ids: Sequence[UUID]) -> list[Outcome]:
    """Those of these runs that have ended."""
    found = []
    for run_id in run_ids:
        row = db.one("workflows/outcome", (run_id.bytes,))
        if row is not None:
            found.append(Outcome(run_id, *row))
    return found


def list_steps(db: Session, run_id: UUID, payloads: bool, limit: int, after_pos: int) -> list[StepRow]:
    """Outcomes by pos; where the page has room left, what has begun and not ended."""
    params = {"run_id": run_id.bytes, "payloads": payloads, "after_pos": after_pos, "limit": limit}
    rows = db.rows("steps/page", params)
    if len(rows) < limit:
        rows += db.rows("intents/page", {"run_id": run_id.bytes, "payloads": payloads, "limit": limit - len(rows)})
    return [_step_row(run_id, row) for row in rows]


def _step_row(run_id: UUID, row: Row) -> StepRow:
    values = list(row)
    values[11] = uuid_of(values[11])
    return StepRow(run_id, *values)


def _one(db: Session, condition: str, params: dict[str, Any]) -> RunRow | None:
    row = db.connection.execute(f"SELECT {_PAYLOADS} FROM workflow_status w WHERE {condition}", params).fetchone()
    return None if row is None else _run_row(row)


def _run_row(row: Row) -> RunRow:
    values = list(row)
    for column in _UUIDS:
        values[column] = uuid_of(values[column])
    return RunRow(*values)


def _filter(db: Session, where: RunFilter, *, page: bool = True) -> tuple[str, dict[str, Any]]:
    conditions = []
    params: dict[str, Any] = {"namespace": db.identity.namespace}
    for field, condition in _CONDITIONS.items():
        value = getattr(where, field)
        if value is not None and (page or field != "after"):
            conditions.append(condition)
            params[field] = value.bytes if isinstance(value, UUID) else value
    unsuccessful = where.status is not None and Status.SUCCESS not in where.status
    if where.status is not None:
        names = {f"status_{i}": str(status) for i, status in enumerate(where.status)}
        conditions.append(f"w.status IN ({', '.join(':' + name for name in names)})")
        params.update(names)
    if unsuccessful:  # said once more, so that the partial index is seen to fit
        conditions.append("w.status <> 'SUCCESS'")
    # With `+` the namespace alone is no reason to take an index: it would be read whole and sorted.
    indexed = where.name is not None or unsuccessful
    conditions.append(f"{'' if indexed else '+'}w.namespace = :namespace")
    return " AND ".join(conditions), params
