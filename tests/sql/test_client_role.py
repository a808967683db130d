"""A role that may call the functions can do what they do, and nothing else."""

import psycopg
import pytest
from psycopg import sql as build

from stepwell import ConfigurationError, Stepwell
from stepwell.core.tokens import _unsigned
from stepwell.store.open import client_grants
from tests.cli.kit import invoke
from tests.engine.kit import eventually, reaches
from tests.sql.flows import asks, ran, waits

CALLS = (
    "select stepwell.start_workflow('sql:nothing', id => 'mine')",
    "select stepwell.send_message('mine', '1')",
    "select stepwell.cancel_workflow('mine')",
    "select stepwell.workflow_result('done')",
)


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()


def test_it_may_start_send_cancel_and_read(engine: Stepwell, client: psycopg.Connection) -> None:
    client.execute(
        "select stepwell.start_workflow('sql:checkout', '[{\"sku\": \"anvil\", \"cents\": 1}]', id => 'o-1')"
    )
    engine.handle("o-1").result(timeout=15)
    assert client.execute("select stepwell.workflow_result('o-1') ->> 'sku'").fetchall() == [("anvil",)]
    assert client.execute("select workflow_id, input, output from stepwell.workflows").fetchall() == [
        ("o-1", {"args": [{"sku": "anvil", "cents": 1}]},
         {"type": "Order", "sku": "anvil", "cents": 1, "gift": False}),
    ]  # fmt: skip
    assert client.execute("select name, ended from stepwell.steps").fetchall() == [("note", "ok")]
    handle = waits.sync.options(id="w").start()
    client.execute("select stepwell.send_message('w', '1')")
    client.execute("select stepwell.cancel_workflow('w')")
    assert reaches(handle, "CANCELLED")
    assert client.execute("select count(*) from stepwell.queue_depth").fetchall() == [(0,)]


def test_it_reads_the_views_and_touches_no_table(client: psycopg.Connection, sql: psycopg.Connection) -> None:
    relations = sql.execute(
        "select c.relname, c.relkind = 'v', a.attname"
        " from pg_class c join lateral (select * from pg_attribute f where f.attrelid = c.oid and f.attnum > 0"
        " and f.attidentity = '' and f.attgenerated = '' order by f.attnum limit 1) a on true"
        " where c.relnamespace = 'stepwell'::regnamespace and c.relkind in ('r', 'v')"
    ).fetchall()
    assert {"workflows", "steps", "workflow_status", "operation_outputs"} <= {name for name, _, _ in relations}
    for name, is_view, column in relations:
        names = {"relation": build.Identifier("stepwell", name), "column": build.Identifier(column)}
        for text in (
            "select from {relation}",
            "insert into {relation} ({column}) values (null)",
            "update {relation} set {column} = {column}",
            "delete from {relation}",
            "truncate {relation}",
        ):
            statement = build.SQL(text).format(**names)
            if is_view and text.startswith("select"):
                client.execute(statement)
            else:
                with pytest.raises(psycopg.Error) as refused:
                    client.execute(statement)
                # A view of several tables cannot be updated by anybody.
                assert refused.value.sqlstate in (("42501", "55000", "42809") if is_view else ("42501",)), text
    for text in ("select nextval('stepwell.messages_number_seq')", "create table stepwell.mine ()"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            client.execute(text.encode())


def test_it_calls_nothing_else(client: psycopg.Connection, sql: psycopg.Connection) -> None:
    functions = sql.execute(
        "select p.proname, has_function_privilege(%s, p.oid, 'execute') from pg_proc p"
        " where p.pronamespace = 'stepwell'::regnamespace order by 1",
        [client.info.user],
    ).fetchall()
    assert [name for name, may_call in functions if may_call] == [
        "cancel_workflow", "readable_json", "send_message", "start_workflow", "workflow_result",
    ]  # fmt: skip
    assert {"clock", "hint", "plain_json", "run_of"} <= {name for name, may_call in functions if not may_call}


def test_it_cannot_answer_a_token_that_it_reads(engine: Stepwell, client: psycopg.Connection) -> None:
    """The views show the token's id, but an answer has to be signed, in time, and the only one."""
    handle = asks.options(id="a").start()
    eventually(lambda: client.execute("select from stepwell.steps where kind = 'token'").fetchall())
    ((token_id,),) = client.execute("select output #>> '{}' from stepwell.steps where kind = 'token'").fetchall()
    topic = _unsigned(token_id).topic
    for given in ("topic => %s", "key => %s", "topic => 'x', key => %s"):
        with pytest.raises(psycopg.Error, match="keeps for itself") as refused:
            client.execute(f"select stepwell.send_message('a', '{{\"value\": 1}}', {given})".encode(), [topic])
        assert refused.value.sqlstate == "22023"
    engine.complete(token_id, 2)
    assert handle.result(timeout=15) == 2


def test_without_the_grants_nothing_is_allowed(
    client: psycopg.Connection, sql: psycopg.Connection, database_url: str
) -> None:
    user = build.Identifier(client.info.user)
    sql.execute(build.SQL("revoke all on all functions in schema stepwell from {}").format(user))
    for call in CALLS:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            client.execute(call.encode())
    sql.execute(client_grants(database_url, "stepwell", client.info.user).encode())
    client.execute(CALLS[0].encode())


def test_what_the_caller_puts_first_is_not_used(
    engine: Stepwell, client: psycopg.Connection, sql: psycopg.Connection
) -> None:
    """Its own functions, operators and tables, under the names that ours use, with its settings."""
    user = build.Identifier(client.info.user)
    sql.execute(build.SQL("create schema evil authorization {}").format(user))
    try:
        for statement in (
            "create table evil.stolen (what text)",
            "create function evil.note(what text) returns void language sql as 'insert into evil.stolen values (what)'",
            "create function evil.concat(variadic text[]) returns text language plpgsql as"
            " $$ begin insert into evil.stolen values ('concat ' || current_user); return 'x'; end $$",
            "create function evil.jsonb_path_exists(jsonb, text) returns boolean language plpgsql as"
            " $$ begin insert into evil.stolen values ('path ' || current_user); return false; end $$",
            "create function evil.gen_random_uuid() returns uuid language plpgsql as"
            " $$ begin insert into evil.stolen values ('uuid ' || current_user); return null; end $$",
            "create function evil.eq(text, text) returns boolean language plpgsql as"
            " $$ begin insert into evil.stolen values ('= ' || current_user); return true; end $$",
            "create operator evil.= (leftarg = text, rightarg = text, function = evil.eq)",
            "create temp table workflow_status (run_id uuid)",
            "create temp table messages (run_id uuid)",
            "set search_path = pg_temp, evil, stepwell, pg_catalog",
            "set standard_conforming_strings = off",
            "set escape_string_warning = off",
            "set backslash_quote = on",
            "set transform_null_equals = on",
            "set role none",
        ):
            client.execute(statement.encode())
        refused = "select stepwell.start_workflow('x', pg_catalog.json_build_array(" + (
            "pg_catalog.json_build_object(pg_catalog.chr(36) || 't', 'pickle')))"
        )
        with pytest.raises(psycopg.Error, match="reserved"):
            client.execute(refused.encode())
        client.execute("select stepwell.start_workflow('sql:nothing', id => 'mine')")
        assert engine.handle("mine").result(timeout=15) is None
        client.execute("select stepwell.start_workflow('nobody:serves', id => 'other')")
        client.execute("select stepwell.send_message('other', '1')")
        client.execute("select stepwell.cancel_workflow('other')")
        client.execute("select stepwell.workflow_result('mine')")
        assert client.execute("select pg_catalog.count(*) from evil.stolen").fetchall() == [(0,)]
        assert sql.execute("select count(*) from stepwell.messages").fetchall() == [(1,)]
    finally:
        sql.execute("drop schema evil cascade")


@pytest.mark.parametrize(
    "text", ["'; drop table stepwell.messages; --", "$$ $1 $$", "%s %I {}", '"', "\\", "' or true"]
)
def test_text_stays_text(client: psycopg.Connection, sql: psycopg.Connection, text: str) -> None:
    id = client.execute(
        "select stepwell.start_workflow(%s, %s, id => %s, queue => %s)", [f"n{text}", "[]", f"i{text}", f"q{text}"]
    ).fetchall()[0][0]
    client.execute("select stepwell.send_message(%s, '1', %s, %s)", [id, f"t{text}", f"k{text}"])
    found = sql.execute(
        "select w.workflow_id, w.name, w.queue, m.topic, m.key from stepwell.workflow_status w join stepwell.messages m"
        " using (run_id)"
    ).fetchall()
    assert found == [(f"i{text}", f"n{text}", f"q{text}", f"t{text}", f"k{text}")]
    with pytest.raises(psycopg.Error, match="belongs to a run of"):
        client.execute("select stepwell.start_workflow(%s, id => %s)", [f"other{text}", id])
    with pytest.raises(psycopg.Error, match="no workflow has the id"):
        client.execute("select stepwell.cancel_workflow(%s)", [f"unknown{text}"])


def test_the_command_prints_the_grants(database_url: str, sql: psycopg.Connection) -> None:
    words = ("db", "sql", "--database", database_url, "--client-role", 'an "odd" one', "--schema", "a {role} schema")
    printed = invoke(*words).stdout
    assert 'to "an ""odd"" one";' in printed
    assert 'grant usage on schema "a {role} schema"' in printed
    assert '"a {role} schema".start_workflow(' in printed
    with pytest.raises(ConfigurationError, match="only Postgres"):
        client_grants("sqlite:///some.db", "stepwell", "x")
