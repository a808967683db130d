"""Rows of `model.rows` as the parameters of the statements that write them, in the order of their SQL."""

from collections.abc import Sequence
from uuid import UUID

from stepwell.model.messaging import EventWrite, StreamWrite
from stepwell.model.rows import Checkpoint, Finish, Intent, NewRun
from stepwell.store.postgres import params
from stepwell.store.postgres.params import Statement, statement

_MAX_INT2 = 32767


def checkpoint_one(sql: bytes, row: Checkpoint, known_cancels: Sequence[UUID]) -> Statement:
    return statement(
        sql,
        row.run_id,
        row.epoch,
        row.seq,
        row.fingerprint,
        row.pos,
        row.elapsed,
        min(row.attempts, _MAX_INT2),
        row.child_run,
        params.uuids(known_cancels),
        params.optional_texts((row.branch, row.name, row.kind, row.ended, row.output, row.error, row.codec_id)),
    )


def checkpoint_columns(rows: Sequence[Checkpoint]) -> list[bytes]:
    return [
        params.uuids([row.run_id for row in rows]),
        params.int4s([row.epoch for row in rows]),
        params.texts([row.branch for row in rows]),
        params.int4s([row.seq for row in rows]),
        params.texts([row.name for row in rows]),
        params.texts([row.kind for row in rows]),
        params.texts([row.ended for row in rows]),
        params.optional_texts([row.output for row in rows]),
        params.optional_texts([row.error for row in rows]),
        params.int8s([row.fingerprint for row in rows]),
        params.int4s([row.pos for row in rows]),
        params.float4s([row.elapsed for row in rows]),
        _attempts([row.attempts for row in rows]),
        params.optional_uuids([row.child_run for row in rows]),
        params.optional_texts([row.codec_id for row in rows]),
    ]


def _attempts(attempts: list[int]) -> bytes:
    """Nearly always 1, which is what the statement takes a missing one for."""
    return params.int2s([min(n, _MAX_INT2) for n in attempts] if max(attempts) > 1 else ())


def checkpoint_many(sql: bytes, rows: Sequence[Checkpoint], known_cancels: Sequence[UUID]) -> Statement:
    return columns(sql, *checkpoint_columns(rows), params.uuids(known_cancels))


def checkpoint_explain(sql: bytes, rows: Sequence[Checkpoint]) -> Statement:
    """Up to the fingerprint, and the child: what makes an outcome the same."""
    bound = checkpoint_columns(rows)
    return columns(sql, *bound[:10], bound[13])


def settled_intents(sql: bytes, rows: Sequence[Checkpoint]) -> Statement:
    return columns(
        sql,
        params.uuids([row.run_id for row in rows]),
        params.texts([row.branch for row in rows]),
        params.int4s([row.seq for row in rows]),
    )


def consumed_messages(sql: bytes, rows: Sequence[Checkpoint]) -> Statement:
    """Only of rows that consume."""
    return columns(
        sql,
        params.uuids([row.run_id for row in rows]),
        params.int4s([row.epoch for row in rows]),
        params.texts([row.branch for row in rows]),
        params.int4s([row.seq for row in rows]),
        params.texts([row.consumes or "" for row in rows]),
    )


def event_writes(sql: bytes, rows: Sequence[EventWrite]) -> Statement:
    return columns(
        sql,
        params.uuids([row.run_id for row in rows]),
        params.int4s([row.epoch for row in rows]),
        params.texts([row.branch for row in rows]),
        params.int4s([row.seq for row in rows]),
        params.texts([row.key for row in rows]),
        params.texts([row.value for row in rows]),
        params.optional_texts([row.codec_id for row in rows]),
    )


def stream_writes(sql: bytes, rows: Sequence[StreamWrite]) -> Statement:
    return columns(
        sql,
        params.uuids([row.run_id for row in rows]),
        params.int4s([row.epoch for row in rows]),
        params.texts([row.branch for row in rows]),
        params.optional_int4s([row.seq for row in rows]),
        params.texts([row.key for row in rows]),
        params.optional_texts([row.value for row in rows]),
        params.optional_texts([row.codec_id for row in rows]),
    )


def intents(sql: bytes, rows: Sequence[Intent], known_cancels: Sequence[UUID]) -> Statement:
    return columns(
        sql,
        params.uuids([row.run_id for row in rows]),
        params.int4s([row.epoch for row in rows]),
        params.texts([row.branch for row in rows]),
        params.int4s([row.seq for row in rows]),
        params.texts([row.name for row in rows]),
        params.texts([row.kind for row in rows]),
        params.int4s([row.attempt for row in rows]),
        params.optional_float8s([row.delay for row in rows]),
        params.optional_float8s([row.due for row in rows]),
        params.optional_texts([row.error for row in rows]),
        params.uuids(known_cancels),
    )


def finish_one(sql: bytes, row: Finish, known_cancels: Sequence[UUID]) -> Statement:
    return statement(
        sql,
        row.run_id,
        row.epoch,
        params.uuids(known_cancels),
        params.optional_texts((row.status, row.output, row.error, row.reason, row.codec_id)),
    )


def finish_columns(rows: Sequence[Finish]) -> list[bytes]:
    return [
        params.uuids([row.run_id for row in rows]),
        params.int4s([row.epoch for row in rows]),
        params.texts([row.status for row in rows]),
        params.optional_texts([row.output for row in rows]),
        params.optional_texts([row.error for row in rows]),
        params.optional_texts([row.reason for row in rows]),
        params.optional_texts([row.codec_id for row in rows]),
    ]


def finish_many(sql: bytes, rows: Sequence[Finish], known_cancels: Sequence[UUID]) -> Statement:
    return columns(sql, *finish_columns(rows), params.uuids(known_cancels))


def finish_carefully(sql: bytes, rows: Sequence[Finish]) -> Statement:
    return columns(sql, *finish_columns(rows))


def finish_explain(sql: bytes, rows: Sequence[Finish]) -> Statement:
    return columns(sql, *finish_columns(rows)[:5])


def start_one(sql: bytes, namespace: str, app: str, run: NewRun, *, own: bool) -> Statement:
    """`own`: nobody else can know its ids; one that is taken is an error."""
    parent = run.parent
    fields = (
        namespace,
        app,
        str(run.run_id),
        run.workflow_id,
        run.name,
        run.route,
        run.input,
        run.input_digest,
        run.version,
        run.instance,
        run.code_hint,
        run.codec_id,
        run.queue,
        str(run.priority),
        None if parent is None else str(parent.run_id),
        None if parent is None else parent.branch,
        None if parent is None else str(parent.seq),
        run.parent_close,
        None if run.root_run_id is None else str(run.root_run_id),
        str(run.max_recoveries),
        run.partition_key,
        run.dedup_key,
    )
    return statement(
        sql,
        own,
        params.optional_texts(fields),
        run.owner,
        run.delay,
        run.not_before,
        run.timeout,
        run.deadline,
        run.expires,
    )


def start_many(sql: bytes, namespace: str, app: str, runs: Sequence[NewRun]) -> Statement:
    return columns(
        sql,
        namespace.encode(),
        app.encode(),
        params.uuids([run.run_id for run in runs]),
        params.texts([run.workflow_id for run in runs]),
        params.texts([run.name for run in runs]),
        params.texts([run.route for run in runs]),
        params.optional_uuids([run.owner for run in runs]),
        params.texts([run.input for run in runs]),
        params.texts([run.input_digest for run in runs]),
        params.optional_texts([run.version for run in runs]),
        params.optional_texts([run.instance for run in runs]),
        params.optional_texts([run.code_hint for run in runs]),
        params.optional_texts([run.codec_id for run in runs]),
        params.optional_texts([run.queue for run in runs]),
        params.int4s([run.priority for run in runs]),
        params.optional_float8s([run.delay for run in runs]),
        params.optional_float8s([run.not_before for run in runs]),
        params.optional_float8s([run.timeout for run in runs]),
        params.optional_float8s([run.deadline for run in runs]),
        *_parent_columns(runs),
        params.texts([run.parent_close for run in runs]),
        params.optional_uuids([run.root_run_id for run in runs]),
        params.int4s([run.max_recoveries for run in runs]),
        params.optional_texts([run.partition_key for run in runs]),
        params.optional_texts([run.dedup_key for run in runs]),
        params.optional_float8s([run.expires for run in runs]),
    )


def _parent_columns(runs: Sequence[NewRun]) -> tuple[bytes, bytes, bytes]:
    parents = [run.parent for run in runs]
    return (
        params.optional_uuids([None if parent is None else parent.run_id for parent in parents]),
        params.optional_texts([None if parent is None else parent.branch for parent in parents]),
        params.optional_int4s([None if parent is None else parent.seq for parent in parents]),
    )


def start_attributes(sql: bytes, runs: Sequence[NewRun]) -> Statement:
    return columns(
        sql,
        params.uuids([run.run_id for run in runs]),
        params.optional_texts([run.attributes for run in runs]),
    )


def start_look_up(sql: bytes, namespace: str, runs: Sequence[NewRun]) -> Statement:
    return columns(
        sql,
        namespace.encode(),
        params.uuids([run.run_id for run in runs]),
        params.texts([run.workflow_id for run in runs]),
        *_parent_columns(runs),
        params.optional_texts([run.queue for run in runs]),
        params.optional_texts([run.dedup_key for run in runs]),
        params.bools([run.replace for run in runs]),
    )


def start_replacing(sql: bytes, namespace: str, runs: Sequence[NewRun]) -> Statement:
    return columns(
        sql,
        namespace.encode(),
        params.texts([run.workflow_id for run in runs]),
        params.uuids([run.run_id for run in runs]),
        params.optional_texts([run.queue for run in runs]),
        params.optional_texts([run.dedup_key for run in runs]),
        *_parent_columns(runs),
    )


def columns(sql: bytes, *arrays: bytes) -> Statement:
    """A statement whose parameters are all in binary form already."""
    return Statement(sql, arrays, (1,) * len(arrays))
