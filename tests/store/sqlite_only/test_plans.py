"""No statement that runs often reads a whole table, whether SQLite has statistics or not."""

import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest

from stepwell.model.looking import RunFilter
from stepwell.store.api import StoreIdentity
from stepwell.store.sqlite.connection import SQL, Session
from stepwell.store.sqlite.functions import contains
from stepwell.store.sqlite.listing import explain_list
from tests.store.sqlite_only.conftest import Opened

Outsider = Callable[[], sqlite3.Connection]

#: These look at few rows by design: processes, migrations, or all that is pending.
SCANS = {"executors/list", "migrations/exists", "migrations/applied", "waits/satisfied", "waits/next"}
SCANS |= {"transactions/tables"}
# The few processes; the newest rows by rowid, so many at most; the few apps, of a CTE.
SCANS |= {"watching/owned", "watching/started", "watching/ended"}
SMALL = {"owners", "parents", "below", "json_each", "CONSTANT", "waits", "w", "(subquery", "(subquery-3)", "taken"}
SMALL |= {"(subquery-1)", "(subquery-2)", "(subquery-4)", "waiting", "executing", "schedules"}
CLAIM = "workflow_status_claim (namespace=? AND app=?"
LANE = f"{CLAIM} AND in_queue=? AND route=? AND in_partition"


@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "analyzed"])
async def test_every_statement_searches(opened: Opened, outsider: Outsider, analyzed: bool) -> None:
    store = await opened()
    other = outsider()
    other.execute(store.dialect().outcome_table)
    connection = filled(other, analyzed=analyzed)
    bad = {}
    for name in sorted(set(SQL) - SCANS):
        scans = [detail for detail in plan(connection, name) if detail.startswith("SCAN") and not small(detail)]
        if scans:
            bad[name] = scans
    assert bad == {}


def small(detail: str) -> bool:
    return detail.split()[1] in SMALL and "USING" not in detail


def plan(connection: sqlite3.Connection, name: str) -> list[str]:
    parameters = set(re.findall(r":(\w+)", SQL[name]))
    values = dict.fromkeys(parameters) if parameters else (None,) * SQL[name].count("?")
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {SQL[name]}", values)]


def filled(connection: sqlite3.Connection, *, analyzed: bool) -> sqlite3.Connection:
    connection.create_function("stepwell_clock", 0, lambda: 0.0)
    connection.create_function("stepwell_contains", 2, contains, deterministic=True)
    fill(connection)
    if analyzed:
        connection.execute("ANALYZE")
    return connection


def fill(connection: sqlite3.Connection) -> None:
    """A thousand finished runs with steps, and a few of every living kind."""
    connection.execute("BEGIN")
    connection.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO workflow_status (run_id, namespace, app, workflow_id, name, route, status,"
        " engine_format, input_digest, created_at, input, completed_at, owner)"
        " SELECT randomblob(16), 'n', 'a', i, 'w', 'w', CASE WHEN i % 100 = 0 THEN 'PENDING'"
        " WHEN i % 101 = 0 THEN 'ENQUEUED' ELSE 'SUCCESS' END, 1, 'd', i, '[]',"
        " CASE WHEN i % 100 = 0 OR i % 101 = 0 THEN NULL ELSE i END,"
        " CASE WHEN i % 100 = 0 THEN randomblob(16) END FROM n"
    )
    connection.execute(
        "INSERT INTO operation_outputs"
        " SELECT run_id, '0', 0, 's', 'step', 'ok', NULL, NULL, 0, 0, 1, 1, NULL, NULL, 0, 0 FROM workflow_status"
    )
    for table in (
        "messages (run_id, key, body, sent_at, consumed_branch, consumed_seq) SELECT run_id, 'k', '1', 0, '0', 1",
        "events (run_id, key, value, branch, seq, set_at) SELECT run_id, 'k', '1', '0', 0, 0",
        "streams (run_id, key, number, value, written_at) SELECT run_id, 'k', 0, '1', 0",
        "publications (run_id, branch, seq, kind, key) SELECT run_id, '0', 0, 'event', 'k'",
        "waits (run_id, branch, seq, kind, target_run, key) SELECT run_id, '0', 0, 'event', run_id, 'k'",
    ):
        connection.execute(f"INSERT INTO {table} FROM workflow_status")
    connection.execute("COMMIT")


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("claims/look", "workflow_status_claim"),
        ("claims/look", "workflow_status_later"),
        ("claims/look", "workflow_status_expiry"),
        ("claims/next_pair", f"{CLAIM} AND in_queue=? AND route>?)"),
        ("claims/next_pair", f"{CLAIM} AND in_queue>?)"),
        ("claims/ready", f"{LANE}=?)"),
        ("claims/unstarted", f"{LANE}=?)"),
        ("claims/next_partition", f"{LANE}>?)"),
        ("claims/waits_without", f"{LANE}=?)"),
        ("claims/resumed", "workflow_status_resumed (namespace=? AND app=? AND in_queue=? AND route=?)"),
        ("claims/running", "workflow_status_running (namespace=? AND queue=?)"),
        ("claims/running_of_owner", "workflow_status_running (namespace=? AND queue=?)"),
        ("claims/running_in_partition", "workflow_status_running (namespace=? AND queue=? AND partition_key=?)"),
        ("claims/release_delayed", "workflow_status_later"),
        ("claims/expire", "workflow_status_expiry (expires_at<?)"),
        ("claims/forget_starts", "queue_starts_old (keep_until<?)"),
        ("queues/depth", "workflow_status_queued (namespace=? AND queue=?)"),
        ("queues/purge", "workflow_status_queued (namespace=? AND queue=?)"),
        ("workflows/started_dedup", "workflow_status_dedup (namespace=? AND in_queue=? AND dedup_key=?)"),
        ("hints/news", "workflow_status_claim"),
        ("ownership/reapable", "workflow_status_owner"),
        ("ownership/owned", "workflow_status_owner"),
        ("ownership/orphans", "workflow_status_owner"),
        ("ownership/blocked", "workflow_status_blocked"),
        ("cancellation/expired", "workflow_status_deadline"),
        ("cancellation/descendants", "workflow_status_children"),
        ("executors/cancels", "workflow_status_cancel"),
        ("waits/satisfied", "waits_due"),
        ("waits/satisfied", "messages_waiting"),
        ("waits/due", "waits_due"),
        ("waits/ripe", "messages_waiting"),
        ("waits/readers", "waits_target"),
        ("messages/unconsumed", "messages_waiting"),
        ("messages/consume", "sqlite_autoindex_messages_1"),
        ("messages/destination", "workflow_status_id"),
        ("waits/next", "workflow_status_later"),
        ("workflows/purge", "workflow_status_done"),
        ("workflows/started_id", "workflow_status_id"),
        ("workflows/started_gate", "workflow_status_gate"),
    ],
)
@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "analyzed"])
async def test_a_statement_uses_the_index_that_was_made_for_it(
    opened: Opened, outsider: Outsider, name: str, index: str, analyzed: bool
) -> None:
    await opened()
    connection = filled(outsider(), analyzed=analyzed)
    assert any(index in detail for detail in plan(connection, name)), plan(connection, name)


FLAT = {
    "nothing": RunFilter(),
    "name": RunFilter(name="w"),
    "one status": RunFilter(status=("ERROR",)),
    "success": RunFilter(status=("SUCCESS",)),
    "name and status": RunFilter(name="w", status=("PENDING",)),
    "time": RunFilter(since=1.0, until=2.0),
    "prefix": RunFilter(id_prefix="o-"),
    "attributes": RunFilter(attributes="{}"),
}


@pytest.mark.parametrize("where", FLAT.values(), ids=FLAT.keys())
@pytest.mark.parametrize("later_page", [False, True])
@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "analyzed"])
async def test_a_page_of_a_list_is_read_in_its_order(
    opened: Opened, outsider: Outsider, where: RunFilter, later_page: bool, analyzed: bool
) -> None:
    """However many runs there are: a plan that sorts reads them all for one page."""
    await opened()
    connection = filled(outsider(), analyzed=analyzed)
    page = replace(where, after=uuid4() if later_page else None)
    details = explain_list(Session(connection, StoreIdentity()), page)
    assert not [detail for detail in details if "TEMP B-TREE" in detail], details
