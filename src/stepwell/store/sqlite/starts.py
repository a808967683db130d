"""Starts: the INSERT of a run's row is the only gate to execution."""

from collections.abc import Sequence, Set
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from stepwell.model.rows import ENGINE_FORMAT, NewRun, Started
from stepwell.model.status import TERMINAL, Status
from stepwell.store.sqlite.connection import Row, Session, blob


def start(db: Session, runs: Sequence[NewRun]) -> list[Started]:
    """Insert the runs, or attach to what is there; answers in the order of `runs`."""
    answers: dict[int, Started] = {}
    created: set[UUID] = set()
    for place in sorted(range(len(runs)), key=lambda i: runs[i].workflow_id):
        answers[place] = _start_one(db, runs[place], created)
        if answers[place].created:
            created.add(answers[place].run_id)
    return [answers[place] for place in range(len(runs))]


def insert_run(
    db: Session, run: NewRun, *, prev_run_id: bytes | None = None, forked_from: UUID | None = None
) -> Row | None:
    """One row, with its attributes: its (deadline,), or None if one of its unique keys is taken."""
    row = db.one("workflows/insert", _params(db, run, prev_run_id, forked_from))
    if row is not None and run.attributes is not None:
        db.run("workflows/put_attributes", (run.run_id.bytes, run.attributes))
    return row


def _start_one(db: Session, run: NewRun, beside: Set[UUID]) -> Started:
    """`beside`: what the same call has created, and nothing of it replaces."""
    row = insert_run(db, run)
    if row is not None:
        return _created(run, row)
    if (mine := db.one("workflows/started_run", (run.run_id.bytes,))) is not None:
        return _met(mine, created=True)  # an earlier attempt of this very start has arrived
    if run.parent is not None:
        gate = (run.parent.run_id.bytes, run.parent.branch, run.parent.seq)
        if (child := db.one("workflows/started_gate", gate)) is not None:
            return _met(child)
    holder = db.one("workflows/started_id", (db.identity.namespace, run.workflow_id))
    if holder is not None:
        return _start_on_taken_id(db, run, holder, beside)
    return _start_on_taken_key(db, run, None, beside)


def _start_on_taken_id(db: Session, run: NewRun, holder: Row, beside: Set[UUID]) -> Started:
    """Somebody else has the id: take it from one that has ended, step aside as a child, or attach."""
    if run.replace and Status(holder[4]) in TERMINAL:
        return _start_on_taken_key(db, run, holder[0], beside)
    if run.parent is not None:
        aside = replace(run, workflow_id=f"{run.workflow_id}~{run.run_id.hex[-8:]}")
        return _start_on_taken_key(db, aside, None, beside)
    return _met(holder)


def _start_on_taken_key(db: Session, run: NewRun, previous: bytes | None, beside: Set[UUID]) -> Started:
    """The id is free, or `previous` is the ended run that holds it; what is left to meet is the dedup key."""
    if run.dedup_key is not None:
        key = (db.identity.namespace, run.queue or "", run.dedup_key)
        holder = db.one("workflows/started_dedup", key)
        if holder is not None and run.replace and UUID(bytes=holder[0]) not in beside:
            holder = None if db.run("workflows/replace_waiting", (holder[0],)) else holder
        if holder is not None:
            return _met(holder, deduplicated=True)
    if previous is not None:
        db.run("workflows/replace", (previous,))
    return _created(run, insert_run(db, run, prev_run_id=previous))


def _created(run: NewRun, row: Row | None) -> Started:
    assert row is not None, f"no unique key of the start of {run.workflow_id!r} is free"
    return Started(run.run_id, run.workflow_id, True, run.name, run.input_digest, run.status, row[0])


def _met(row: Row, *, created: bool = False, deduplicated: bool = False) -> Started:
    run_id, workflow_id, name, digest, status, deadline = row
    return Started(UUID(bytes=run_id), workflow_id, created, name, digest, status, deadline, deduplicated)


def _params(db: Session, run: NewRun, prev_run_id: bytes | None, forked_from: UUID | None) -> dict[str, Any]:
    parent = run.parent
    return {
        "run_id": run.run_id.bytes,
        "namespace": db.identity.namespace,
        "app": db.identity.app,
        "workflow_id": run.workflow_id,
        "name": run.name,
        "version": run.version,
        "instance": run.instance,
        "route": run.route,
        "code_hint": run.code_hint,
        "status": run.status,
        "owner": blob(run.owner),
        "max_recoveries": run.max_recoveries,
        "timeout": run.timeout,
        "deadline": run.deadline,
        "queue": run.queue,
        "priority": run.priority,
        "partition_key": run.partition_key,
        "dedup_key": run.dedup_key,
        "expires": run.expires,
        "not_before": run.not_before,
        "delay": run.delay,
        "parent_run": None if parent is None else parent.run_id.bytes,
        "parent_branch": None if parent is None else parent.branch,
        "parent_seq": None if parent is None else parent.seq,
        "parent_close": run.parent_close,
        "root_run_id": blob(run.root_run_id),
        "prev_run_id": prev_run_id,
        "forked_from": blob(forked_from),
        "engine_format": ENGINE_FORMAT,
        "input_digest": run.input_digest,
        "codec_id": run.codec_id,
        "input": run.input,
    }
