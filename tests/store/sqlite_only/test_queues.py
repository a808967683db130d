"""What is SQLite's own about queues: files from before them, starts on a caller's connection, old buckets of rates."""

import sqlite3
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from stepwell.model.queues import Queue, Rate
from stepwell.model.rows import NewRun
from stepwell.store.sqlite import migrating
from tests.store.sqlite_only.conftest import Opened
from tests.store.sqlite_only.rows import ME, new_run

Outsider = Callable[[], sqlite3.Connection]


def new(**fields: Any) -> NewRun:
    return new_run(status="ENQUEUED", owner=None, **fields)


async def test_a_file_from_before_queues_goes_on(
    opened: Opened, outsider: Outsider, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrating.known
    with monkeypatch.context() as before:
        before.setattr(migrating, "known", lambda: known()[:1])
        store = await opened(clock=lambda: 1000.0)
    columns = "run_id, namespace, app, workflow_id, name, route, status, engine_format, input_digest, created_at, input"
    other = outsider()
    for number, (queue, not_before) in enumerate([(None, None), ("mail", None), ("mail", 900.0), ("mail", 1100.0)]):
        other.execute(
            f"INSERT INTO workflow_status ({columns}, queue, not_before)"
            " VALUES (?, 'default', 'default', ?, 'n', 'n||', 'ENQUEUED', 1, 'd', ?, '[]', ?, ?)",
            (uuid4().bytes, f"o-{number}", float(number), queue, not_before),
        )
    other.close()
    assert "0002_queues" in await store.migrate()
    taken = await store.claim(ME, ["n||"], None, 10)
    assert [run.workflow_id for run in taken.runs] == ["o-0", "o-1", "o-2"]
    assert await store.next_wake() == (1100.0, 1000.0)


async def test_a_start_on_the_callers_connection_meets_keys_of_queues(opened: Opened, outsider: Outsider) -> None:
    store = await opened(clock=lambda: 1000.0)
    speaker: Any = SimpleNamespace(raw=outsider())
    keyed = {"queue": "mail", "dedup_key": "k"}
    speaker.raw.execute("BEGIN IMMEDIATE")
    first = await store.dialect().start(speaker, new(**keyed, workflow_id="o-1", partition_key="p", expires=60.0))
    second = await store.dialect().start(speaker, new(**keyed))
    third = await store.dialect().start(speaker, new(**keyed, replace=True, workflow_id="o-3"))
    speaker.raw.execute("COMMIT")
    assert (first.created, first.deduplicated) == (True, False)
    assert (second.run_id, second.deduplicated) == (first.run_id, True)
    assert (third.created, third.deduplicated) == (True, False)
    row = speaker.raw.execute("SELECT partition_key, expires_at, status FROM workflow_status WHERE workflow_id = 'o-1'")
    assert row.fetchone() == ("p", 1060.0, "CANCELLED")
    assert [run.workflow_id for run in (await store.claim(ME, ["n||"], None, 10)).runs] == ["o-3"]


async def test_old_buckets_of_rates_go_also_those_of_queues_that_are_gone(opened: Opened, outsider: Outsider) -> None:
    now = 1000.0
    store = await opened(clock=lambda: now)
    rate = Rate(1, per=10)
    await store.set_queue(Queue("mail", partition_rate=rate))
    await store.start([new(queue="mail", partition_key=f"p{number}") for number in range(60)])
    while (await store.claim(ME, ["n||"], None, 100)).runs:
        pass
    buckets = outsider().execute
    assert buckets("SELECT count(*) FROM queue_starts").fetchone() == (60,)
    await store.set_queue(Queue("print", rate=rate))
    await store.start([new(queue="print")])
    now += 10
    assert len((await store.claim(ME, ["n||"], None, 100)).runs) == 1
    assert buckets("SELECT queue FROM queue_starts").fetchall() == [("print",)]
