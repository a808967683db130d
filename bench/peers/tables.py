"""What the benchmark looks up in each system's own tables: to check counts, and to fill them with old runs.

Old runs are copies of one run that the system itself made, with only ids and times changed; the columns
come from the server's catalogue, so nothing here depends on the rest of either schema.
"""

import sqlite3
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table of the model run: the column that ties rows to the run, expressions for changed columns.

    In an expression, `i` is the copy's number, and a column name is the model's value.
    """

    name: str
    run_column: str
    changes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Tables:
    """`steps`, `unfinished` and `asleep` are queries without parameters that return one number; `more` asks by index
    whether anything is unfinished, so that to look costs next to nothing."""

    schema: str
    steps: str
    unfinished: str
    more: str
    asleep: str
    model_run: str  # run_column's value of the newest finished run
    copied: tuple[CopiedTable, ...]


# A UUIDv7 of one hour ago and i milliseconds earlier: 48 bits of time, version, variant, the rest from md5.
_UUID7 = (
    "(lpad(to_hex((extract(epoch from now()) * 1000)::bigint - 3600000 - i), 12, '0')"
    " || '7' || substr(md5(i::text), 1, 3) || '8' || substr(md5(i::text), 4, 15))::uuid"
)
_HOUR_AND_I_MS = "make_interval(secs => 3600 + i / 1000.0)"

TABLES = {
    "stepwell": Tables(
        schema="stepwell",
        steps="select count(*) from {schema}operation_outputs where kind = 'step'",
        unfinished="select count(*) from {schema}workflow_status where completed_at is null",
        more="select exists (select from {schema}workflow_status where owner is not null) or exists (select"
        " from {schema}workflow_status where status = 'ENQUEUED' and status not in ('PENDING', 'SUCCESS'))",
        asleep="select count(*) from {schema}operation_intents where kind = 'wait'",
        model_run="select run_id from stepwell.workflow_status where status = 'SUCCESS' limit 1",
        copied=(
            CopiedTable(
                "workflow_status",
                "run_id",
                {
                    "run_id": _UUID7,
                    "workflow_id": "'old-' || i",
                    "root_run_id": "null",
                    "created_at": f"created_at - {_HOUR_AND_I_MS}",
                    "started_at": f"started_at - {_HOUR_AND_I_MS}",
                    "completed_at": f"completed_at - {_HOUR_AND_I_MS}",
                },
            ),
            CopiedTable(
                "operation_outputs",
                "run_id",
                {"run_id": _UUID7, "completed_at": f"completed_at - {_HOUR_AND_I_MS}"},
            ),
        ),
    ),
    "dbos": Tables(
        schema="dbos",
        steps="select count(*) from {schema}operation_outputs where function_name like '%add%'",
        unfinished="select count(*) from {schema}workflow_status where status in ('PENDING', 'ENQUEUED')",
        more="select exists (select from {schema}workflow_status where status in ('PENDING', 'ENQUEUED'))",
        asleep="select count(*) from {schema}operation_outputs where function_name ilike '%sleep%'",
        model_run="select workflow_uuid from dbos.workflow_status where status = 'SUCCESS' limit 1",
        copied=(
            CopiedTable(
                "workflow_status",
                "workflow_uuid",
                {
                    "workflow_uuid": "md5(i::text)::uuid::text",
                    "created_at": "created_at - 3600000 - i",
                    "updated_at": "updated_at - 3600000 - i",
                    "started_at_epoch_ms": "started_at_epoch_ms - 3600000 - i",
                    "completed_at": "completed_at - 3600000 - i",
                },
            ),
            *(
                CopiedTable(
                    name,
                    "workflow_uuid",
                    {
                        "workflow_uuid": "md5(i::text)::uuid::text",
                        "retention_timestamp": "retention_timestamp - 3600000 - i",
                        "started_at_epoch_ms": "started_at_epoch_ms - 3600000 - i",
                        "completed_at_epoch_ms": "completed_at_epoch_ms - 3600000 - i",
                    },
                )
                for name in ("workflow_input", "workflow_output", "operation_outputs")
            ),
        ),
    ),
    "pgqueuer": Tables(
        schema="public",
        steps="",
        unfinished="select count(*) from {schema}pgqueuer",
        more="select exists (select from {schema}pgqueuer)",
        asleep="",
        model_run="",
        copied=(),
    ),
}


def count(system: str, what: str, url: str) -> int:
    """One of the counting queries (`steps`, `unfinished`, `asleep`), on Postgres or on a SQLite file."""
    tables = TABLES[system]
    query = str(getattr(tables, what))
    if url.startswith("sqlite:"):
        with sqlite3.connect(urlsplit(url).path[1:]) as file:
            return int(file.execute(query.format(schema="")).fetchone()[0])
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.format(schema=tables.schema + ".").encode()).fetchone()
        assert row is not None
        return int(row[0])


class Lookout:
    """Whether anything is unfinished, asked over one connection: to connect anew each time would be felt."""

    def __init__(self, system: str, url: str) -> None:
        tables = TABLES[system]
        self._query = tables.more.format(schema=tables.schema + ".").encode()
        self._connection = psycopg.connect(url, autocommit=True)

    def more(self) -> bool:
        """Blocks for the answer."""
        row = self._connection.execute(self._query).fetchone()
        assert row is not None
        return bool(row[0])

    def close(self) -> None:
        self._connection.close()


def wait_for_count(system: str, what: str, url: str, wanted: int, timeout: float) -> int:
    """Poll a counting query until it says `wanted`, at most `timeout` seconds; returns the last count."""
    deadline = time.monotonic() + timeout
    while (found := count(system, what, url)) != wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def fill_with_finished_runs(system: str, url: str, runs: int) -> None:
    """Add `runs` copies of the finished run that is there, with inputs, outputs and steps, and analyze."""
    tables = TABLES[system]
    with psycopg.connect(url, autocommit=True) as connection:
        model = connection.execute(tables.model_run.encode()).fetchone()
        if model is None:
            raise RuntimeError(f"{system} has no finished run to copy")
        for table in tables.copied:
            _copy(connection, tables.schema, table, model[0], runs)
        connection.execute("vacuum analyze")


def _copy(
    connection: psycopg.Connection[tuple[Any, ...]], schema: str, table: CopiedTable, model: object, runs: int
) -> None:
    rows = connection.execute(
        "select column_name from information_schema.columns where table_schema = %s and table_name = %s"
        " and is_generated = 'NEVER' and is_identity = 'NO' order by ordinal_position",
        [schema, table.name],
    ).fetchall()
    names = [str(name) for (name,) in rows]
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in names)
    values = sql.SQL(", ").join(
        sql.SQL(table.changes[name]) if name in table.changes else sql.Identifier("model", name) for name in names
    )
    statement = sql.SQL(
        "insert into {table} ({columns}) select {values} from {table} model, generate_series(1, {runs}) i"
        " where model.{run_column} = {model}"
    )
    connection.execute(
        statement.format(
            table=sql.Identifier(schema, table.name),
            columns=columns,
            values=values,
            runs=sql.Literal(runs),
            run_column=sql.Identifier(table.run_column),
            model=sql.Literal(model),
        )
    )
