"""The schema itself: invariants, index policy, privileges, views, migrations."""

import contextlib
import itertools
import re
from typing import Any

import psycopg
import pytest
from psycopg import conninfo

from stepwell.model.rows import Batch, Checkpoint
from stepwell.model.status import TERMINAL, TRANSITIONS, Status
from stepwell.store.api import StoreIdentity
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.database import ensure_database
from stepwell.store.postgres.migrate import known_migrations
from stepwell.testing import PostgresServer
from tests.store.conformance.kit import draw, step
from tests.store.conformance.talk import entry, event, message
from tests.store.postgres_only.conftest import Bystander
from tests.store.postgres_only.kit import begin, new_run


def fetch(bystander: Bystander, query: str) -> list[tuple[Any, ...]]:
    return bystander.execute(query.encode()).fetchall()


# -- constraints ---------------------------------------------------------------------------------------------


async def test_the_check_constraint_lists_the_statuses_of_the_model(store: PostgresStore, bystander: Bystander) -> None:
    found = dict(fetch(bystander, "select conname, pg_get_constraintdef(oid) from pg_constraint where contype = 'c'"))
    assert set(re.findall(r"'(\w+)'", found["workflow_status_status"])) == set(Status)
    assert set(re.findall(r"'(\w+)'", found["workflow_status_completed"])) == TERMINAL
    assert {status for pair in TRANSITIONS for status in pair} == set(Status)


async def test_owner_and_completion_go_with_the_status(store: PostgresStore, bystander: Bystander) -> None:
    for status, owned, completed in itertools.product(Status, [False, True], [False, True]):
        run_id = draw()
        values = [run_id, str(run_id), status, draw() if owned else None, "2030-01-01" if completed else None]
        legal = owned == (status is Status.PENDING) and completed == (status in TERMINAL)
        with contextlib.nullcontext() if legal else pytest.raises(psycopg.errors.CheckViolation):
            bystander.execute(
                "insert into stepwell.workflow_status"
                " (run_id, workflow_id, name, route, status, input, input_digest, owner, completed_at)"
                " values (%s, %s, 'n', 'r', %s, '{}', 'd', %s, %s)",
                values,
            )


# -- indexes -------------------------------------------------------------------------------------------------


async def test_no_index_but_a_primary_key_contains_run_id(store: PostgresStore, bystander: Bystander) -> None:
    """With fresh statistics its cost ties with the primary key's, and it is scanned whole for every row.

    One exception, whose statements' plans are tested: the messages that wait, in the order in which they are received.
    """
    indexes = fetch(
        bystander,
        "select c.relname, i.indisprimary, pg_get_indexdef(i.indexrelid) from pg_index i"
        " join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = 'stepwell'",
    )
    assert len(indexes) > 20
    for name, primary, definition in indexes:
        if not primary and name != "messages_waiting":
            assert not re.search(r"[ (]run_id[,) ]", definition), f"{name} contains run_id"


async def test_outcomes_have_one_index_and_no_foreign_key(store: PostgresStore, bystander: Bystander) -> None:
    table = "'stepwell.operation_outputs'::regclass"
    assert fetch(bystander, f"select count(*) from pg_index where indrelid = {table}") == [(1,)]
    assert fetch(bystander, "select count(*) from pg_constraint where contype = 'f'") == [(0,)]


# -- privileges ----------------------------------------------------------------------------------------------


async def test_nothing_is_granted_to_public(store: PostgresStore, bystander: Bystander) -> None:
    granted = fetch(
        bystander,
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a"
        " where n.nspname = 'stepwell' and a.grantee = 0"
        " union all select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace,"
        " aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
        " where n.nspname = 'stepwell' and a.grantee = 0"
        " union all select n.nspname from pg_namespace n, aclexplode(n.nspacl) a"
        " where n.nspname = 'stepwell' and a.grantee = 0",
    )
    assert granted == []


async def test_a_runtime_role_needs_no_ddl(
    store: PostgresStore, bystander: Bystander, postgres_server: PostgresServer, postgres_url: str
) -> None:
    role = f"runtime_{draw().hex[-12:]}"
    login = conninfo.conninfo_to_dict(postgres_server.create_role(role))
    for grant in (
        f"grant usage on schema stepwell to {role}",
        f"grant select, insert, update, delete on all tables in schema stepwell to {role}",
        f"grant execute on all functions in schema stepwell to {role}",
    ):
        bystander.execute(grant.encode())
    url = conninfo.make_conninfo(postgres_url, user=role, password=str(login["password"]))
    runtime = PostgresStore(url, StoreIdentity())
    run = await begin(runtime)
    assert (await runtime.commit(Batch(checkpoints=[step(run, 0)]))).all_written
    assert await runtime.migrate() == [], "nothing to do, so nothing is refused"
    await runtime.close()
    bystander.execute(f"drop owned by {role}".encode())
    bystander.execute(f"drop role {role}".encode())


async def test_a_role_without_rights_is_the_environments_fault(
    store: PostgresStore, postgres_server: PostgresServer, bystander: Bystander, postgres_url: str
) -> None:
    role = f"stranger_{draw().hex[-12:]}"
    login = conninfo.conninfo_to_dict(postgres_server.create_role(role))
    url = conninfo.make_conninfo(postgres_url, user=role, password=str(login["password"]))
    stranger = PostgresStore(url, StoreIdentity())
    with pytest.raises(StoreFault) as caught:
        await stranger.start([new_run()])
    assert caught.value.kind is FaultKind.ENVIRONMENT
    await stranger.close()
    bystander.execute(f"drop role {role}".encode())


# -- views ---------------------------------------------------------------------------------------------------


async def test_the_views_have_the_columns_that_are_promised(store: PostgresStore, bystander: Bystander) -> None:
    promised = {
        "workflows": "workflow_id run_id name version status reason queue priority owner attempts parent_id"
        " attributes input output error created_at started_at completed_at",
        "steps": "workflow_id run_id branch seq name kind ended output error attempts started_at completed_at",
        "workflow_messages": "workflow_id run_id number key topic message sender_run reply_to sent_at received branch"
        " seq",
        "workflow_events": "workflow_id run_id key value set_at",
        "workflow_streams": "workflow_id run_id key number value closed written_at",
    }
    for view, columns in promised.items():
        assert (
            " ".join(c.name for c in bystander.execute(f"table stepwell.{view}".encode()).description or ()) == columns
        )


async def test_a_payload_that_is_no_json_does_not_break_a_view(store: PostgresStore, bystander: Bystander) -> None:
    run = await begin(store)
    rows: list[Checkpoint] = [step(run, 0, output='{"a": [1]}'), step(run, 1, output="gz:H4sI")]
    await store.commit(Batch(checkpoints=rows))
    assert fetch(bystander, "select output from stepwell.steps order by seq") == [({"a": [1]},), ("gz:H4sI",)]
    assert fetch(bystander, "select status, input from stepwell.workflows") == [("PENDING", {})]
    assert fetch(bystander, "select count(*) from stepwell.queue_depth") == [(0,)]


async def test_what_was_sent_and_published_is_shown_as_json(store: PostgresStore, bystander: Bystander) -> None:
    run = await begin(store)
    to = str(run.run_id)
    await store.send([message(to, "k1", topic="t", body='{"a": [1]}'), message(to, "k2", body="gz:H4sI")])
    await store.commit(Batch(checkpoints=[step(run, 3, consumes="k1")]))
    await store.publish([event(run, value='{"b": 2}')], [entry(run, "[3]"), entry(run, None)])
    assert fetch(
        bystander,
        "select workflow_id, key, topic, message, received, branch, seq from stepwell.workflow_messages"
        " order by number",
    ) == [(to, "k1", "t", {"a": [1]}, True, "0", 3), (to, "k2", None, "gz:H4sI", False, None, None)]
    assert fetch(bystander, "select workflow_id, key, value from stepwell.workflow_events") == [
        (to, "status", {"b": 2})
    ]
    assert fetch(
        bystander, "select workflow_id, key, number, value, closed from stepwell.workflow_streams order by number"
    ) == [(to, "log", 0, [3], False), (to, "log", 1, None, True)]


# -- migrations ----------------------------------------------------------------------------------------------


def test_migrations_are_numbered_without_gaps() -> None:
    assert [migration.number for migration in known_migrations()] == list(range(1, len(known_migrations()) + 1))
    assert known_migrations()[0].kind == "pre"


async def test_a_database_of_its_own_is_created_when_missing(
    postgres_server: PostgresServer,
) -> None:
    name = f"shop_stepwell_sys_{draw().hex[-12:]}"
    url = postgres_server.url_of(name)
    try:
        assert await ensure_database(url)
        assert not await ensure_database(url)
        store = PostgresStore(url, StoreIdentity())
        assert await store.migrate() == [migration.name for migration in known_migrations()]
        await store.close()
    finally:
        postgres_server.drop_database(name)


async def test_a_database_that_may_not_be_created(postgres_server: PostgresServer) -> None:
    role = f"humble_{draw().hex[-12:]}"
    url = conninfo.make_conninfo(postgres_server.create_role(role), dbname=f"nowhere_{role}")
    with pytest.raises(StoreFault) as caught:
        await ensure_database(url)
    assert caught.value.kind is FaultKind.ENVIRONMENT
    postgres_server.execute(f"drop role {role}")
