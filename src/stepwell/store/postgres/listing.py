"""The only dynamic SQL: listings, composed from a fixed set of conditions. Values are always bound."""

from dataclasses import dataclass, field

from stepwell.model.looking import RunFilter
from stepwell.store.postgres import params
from stepwell.store.postgres.params import Statement, statement
from stepwell.store.sqlfile import substitute

_EPOCH = "extract(epoch from w.{0})::double precision"
#: In the order of RunRow's fields.
_COLUMNS = (
    "w.run_id",
    "w.namespace",
    "w.app",
    "w.workflow_id",
    "w.name",
    "w.version",
    "w.instance",
    "w.route",
    "w.status",
    "w.reason",
    "nullif(w.queue, '')",
    "w.priority",
    "w.owner",
    "w.epoch",
    "w.attempts",
    "w.recoveries",
    "w.max_recoveries",
    "w.parent_run_id",
    "(select p.workflow_id from stepwell.workflow_status p where p.run_id = w.parent_run_id)",
    "w.root_run_id",
    "w.forked_from",
    "(select a.attributes::text from stepwell.workflow_attributes a where a.run_id = w.run_id)",
    "{input}",
    "{output}",
    "{error}",
    "w.codec_id",
    "w.output_codec_id",
    "w.cancel_reason",
    *(_EPOCH.format(column) for column in ("deadline", "not_before", "created_at", "started_at", "completed_at")),
)
_PAYLOADS = {"input": "w.input", "output": "w.output", "error": "w.error"}


@dataclass(slots=True)
class _Conditions:
    """A conjunction under composition, and the values that it binds."""

    texts: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)

    def add(self, text: str, *values: object) -> None:
        """`text` has one {} for each value."""
        numbers = range(len(self.values) + 1, len(self.values) + len(values) + 1)
        self.texts.append(text.format(*(f"${number}" for number in numbers)))
        self.values.extend(values)

    def __str__(self) -> str:
        return " and ".join(self.texts)


def select_runs(schema: str, namespace: str, where: RunFilter, payloads: bool) -> Statement:
    """One page of runs, newest first: by creation where an index has that, else by run_id (UUIDv7)."""
    conditions = _conditions(namespace, where)
    by_creation = where.name is not None or (where.status is not None and "SUCCESS" not in where.status)
    if where.after is not None and by_creation:
        conditions.add(
            "(w.created_at, w.run_id) <"
            " ((select l.created_at from stepwell.workflow_status l where l.run_id = {}::uuid), {}::uuid)",
            where.after,
            where.after,
        )
    elif where.after is not None:
        conditions.add("w.run_id < {}::uuid", where.after)
    order = "w.created_at desc, w.run_id desc" if by_creation else "w.run_id desc"
    # The page first: its columns come from other tables too.
    sql = (
        f"select {_columns(payloads)} from (select w.* from stepwell.workflow_status w"
        f" where {conditions} order by {order} limit {int(where.limit)}) w order by {order}"
    )
    return statement(substitute(sql, schema).encode(), *conditions.values)


def count_runs(schema: str, namespace: str, where: RunFilter) -> Statement:
    """How many runs match; `limit` and `after` do not count."""
    conditions = _conditions(namespace, where)
    sql = f"select count(*) from stepwell.workflow_status w where {conditions}"
    return statement(substitute(sql, schema).encode(), *conditions.values)


def select_run(schema: str, condition: str, *values: object) -> Statement:
    """The run for which a condition of this module's callers holds, with payloads."""
    sql = f"select {_columns(True)} from stepwell.workflow_status w where {condition}"
    return statement(substitute(sql, schema).encode(), *values)


def _columns(payloads: bool) -> str:
    chosen = _PAYLOADS if payloads else dict.fromkeys(_PAYLOADS, "null::text")
    return ", ".join(_COLUMNS).format(**chosen)


def _conditions(namespace: str, where: RunFilter) -> _Conditions:
    conditions = _Conditions()
    conditions.add("w.namespace = {}::text", namespace)
    if where.name is not None:
        conditions.add("w.name = {}::text", where.name)
    if where.status is not None:
        _add_statuses(conditions, where.status)
    if where.id_prefix is not None:
        # Both partial indexes on ids; starts_with() is not indexable before Postgres 15, LIKE on "C" text is.
        like = where.id_prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        conditions.add(
            "((w.current and w.workflow_id like {}::text) or (not w.current and w.workflow_id like {}::text))",
            like,
            like,
        )
    if where.attributes is not None:
        conditions.add(
            "exists (select from stepwell.workflow_attributes a"
            " where a.run_id = w.run_id and a.attributes @> {}::text::jsonb)",
            where.attributes,
        )
    if where.queue is not None:
        conditions.add("w.queue = {}::text", where.queue)
    if where.since is not None:
        conditions.add("w.created_at >= to_timestamp({}::double precision)", where.since)
    if where.until is not None:
        conditions.add("w.created_at < to_timestamp({}::double precision)", where.until)
    if where.parent_run is not None:
        conditions.add(
            "((w.current and w.parent_run_id = {}::uuid) or (not w.current and w.parent_run_id = {}::uuid))",
            where.parent_run,
            where.parent_run,
        )
    return conditions


def _add_statuses(conditions: _Conditions, statuses: tuple[str, ...]) -> None:
    """In words that tell the planner which partial index holds them; SUCCESS is in none, being most runs."""
    unusual = [status for status in statuses if status not in ("PENDING", "SUCCESS")]
    parts: list[str] = []
    values: list[object] = []
    if len(unusual) == 1:  # equality keeps the index's order, = any does not
        parts.append("(w.status = {}::text and w.status not in ('PENDING', 'SUCCESS'))")
        values.append(unusual[0])
    elif unusual:
        parts.append("(w.status = any ({}::text[]) and w.status not in ('PENDING', 'SUCCESS'))")
        values.append(params.texts(unusual))
    if "PENDING" in statuses:
        parts.append("(w.status = 'PENDING' and w.owner is not null)")
    if "SUCCESS" in statuses:
        parts.append("w.status = 'SUCCESS'")
    conditions.add(f"({' or '.join(parts) or 'false'})", *values)
