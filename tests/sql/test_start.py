"""start_workflow: what Python would have started, started by any program that speaks SQL."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from stepwell import Settings, Stepwell, WorkflowConflict
from tests.engine.kit import QUICK, Lab, reaches
from tests.sql.flows import Order, Shop, checkout, echo, ran

ORDER = {"sku": "anvil", "cents": 4200}


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()


def start(sql: psycopg.Connection, *args: Any, **named: Any) -> str:
    places = ["%s"] * len(args) + [f"{name} => %({name})s" for name in named]
    if named:
        places[: len(args)] = [f"%(p{n})s" for n in range(len(args))]
        values: Any = {**named, **{f"p{n}": value for n, value in enumerate(args)}}
    else:
        values = args
    (row,) = sql.execute(f"select stepwell.start_workflow({', '.join(places)})".encode(), values).fetchall()
    return str(row[0])


def test_it_runs_and_its_arguments_are_those_of_the_annotations(engine: Stepwell, sql: psycopg.Connection) -> None:
    id = start(sql, "sql:checkout", json.dumps([ORDER]), json.dumps({"gift": True}))
    handle = engine.handle(id)
    assert handle.result(timeout=15) == {"type": "Order", "sku": "anvil", "cents": 4200, "gift": True}
    assert str(handle.run_id) == id, "the id that is drawn is the run's"
    assert handle.run_id.version == 7
    assert ran == ["anvil"]


@pytest.mark.parametrize(
    "value",
    ["text", "ümlaut", "snow ☃ and 😀", "nul \0 in it", 'quote " and \\', "'; drop table x; --", "$1 $$ {}", 1, 2.5,
     None, True, [], {}, {"ä": [{"b": None}]}],
    ids=repr,
)  # fmt: skip
def test_every_value_arrives(engine: Stepwell, sql: psycopg.Connection, value: Any) -> None:
    for text in (json.dumps([value]), json.dumps([value], ensure_ascii="\0" in str(value))):
        id = start(sql, "sql:echo", text, json.dumps({"named": value}))
        assert engine.handle(id).result(timeout=15) == {"args": [value], "kwargs": {"named": value}}
        (stored,) = sql.execute("select input from stepwell.workflow_status where workflow_id = %s", [id]).fetchall()[0]
        assert stored.isascii()


def test_what_is_given_is_kept(lab: Lab, sql: psycopg.Connection) -> None:
    id = start(
        sql, "sql:nothing", id="given", queue="mail", priority=-3, delay="1 hour", deadline="2100-01-01 00:00+00",
        attributes='{"tenant": "eu"}',
    )  # fmt: skip
    assert id == "given"
    found = sql.execute(
        "select w.status, w.queue, w.priority, w.delayed, w.not_before - w.created_at between '59 min' and '61 min',"
        " w.deadline = '2100-01-01 00:00+00', w.name, w.route, w.max_recoveries, v.attributes, v.input"
        " from stepwell.workflow_status w join stepwell.workflows v using (run_id)"
    ).fetchall()
    assert found == [
        ("ENQUEUED", "mail", -3, True, True, True, "sql:nothing", "sql:nothing||", 20, {"tenant": "eu"}, {"args": []})
    ]


def test_names_aliases_versions_and_instances(engine: Stepwell, sql: psycopg.Connection) -> None:
    engine.register("eu", Shop("eu shop"))
    assert engine.handle(start(sql, "checkout", json.dumps([ORDER]))).result(timeout=15)["sku"] == "anvil"
    assert engine.handle(start(sql, "sql:Shop.open||eu", "[9]")).result(timeout=15) == "eu shop opens at 9"
    for name in ("sql:versioned", "sql:versioned|2"):
        assert engine.handle(start(sql, name)).result(timeout=15) == "2"
    versions = sql.execute("select version from stepwell.workflows where name = 'sql:versioned' order by 1").fetchall()
    assert versions == [("2",), (None,)]
    old = start(sql, "sql:versioned|1")
    assert engine.handle(start(sql, "sql:nothing")).result(timeout=15) is None  # the same claim passed it over
    assert engine.handle(old).status().status == "ENQUEUED"


# -- the id ------------------------------------------------------------------------------------------------------


def test_the_same_id_is_the_same_run(engine: Stepwell, sql: psycopg.Connection) -> None:
    for arguments in ('[{"sku": "anvil", "cents": 4200}]', ' [ {"cents":4200,"sku":"anvil"} ] '):
        assert start(sql, "sql:checkout", arguments, id="o-1") == "o-1"
    engine.handle("o-1").result(timeout=15)
    assert start(sql, "sql:checkout", json.dumps([ORDER]), id="o-1") == "o-1"
    assert ran == ["anvil"]
    assert engine.count() == 1


def test_another_workflow_or_other_inputs_under_an_id(sql: psycopg.Connection) -> None:
    start(sql, "sql:echo", "[1]", id="taken")
    with pytest.raises(psycopg.Error, match="belongs to a run of sql:echo, not of sql:nothing") as other_name:
        start(sql, "sql:nothing", id="taken")
    with pytest.raises(psycopg.Error, match="with other inputs") as other_input:
        start(sql, "sql:echo", "[2]", id="taken")
    with pytest.raises(psycopg.Error, match="with other inputs"):
        start(sql, "sql:echo", "[1]", '{"a": 1}', id="taken")
    assert [e.value.sqlstate for e in (other_name, other_input)] == ["SW409", "SW409"]


def test_python_meets_what_sql_started(engine: Stepwell, sql: psycopg.Connection) -> None:
    start(sql, "sql:checkout", kwargs=json.dumps({"order": {**ORDER, "placed": "2030-01-01T00:00:00Z"}}), id="o-1")
    order = Order("anvil", 4200)
    with pytest.raises(WorkflowConflict, match="other inputs"):
        checkout.options(id="o-1").start(order)
    start(sql, "sql:checkout", kwargs=json.dumps({"order": ORDER}), id="o-2")
    assert checkout.options(id="o-2").start(order).run_id == engine.handle("o-2").run_id
    assert checkout.options(id="o-2")(order=order)["sku"] == "anvil"
    start(sql, "sql:checkout", '["no order"]', id="o-3")
    with pytest.raises(WorkflowConflict, match="other inputs"):
        checkout.options(id="o-3").start(order)
    with pytest.raises(WorkflowConflict, match="belongs to a run of"):
        echo.options(id="o-2").start(1)


def test_many_starts_of_python_meet_what_sql_started(engine: Stepwell, sql: psycopg.Connection) -> None:
    start(sql, "sql:checkout", json.dumps([ORDER]), id="a")
    start(sql, "sql:checkout", json.dumps([ORDER]), id="b")
    same, other = (checkout.options(id=id).bind(Order(sku, 4200)) for id, sku in (("a", "anvil"), ("b", "rope")))
    new = checkout.options(id="c").bind(Order("anvil", 1))
    met, made = checkout.start_many([same, new])
    assert (met.id, made.id) == ("a", "c")
    assert met.result(timeout=15)["cents"] == 4200
    with pytest.raises(WorkflowConflict):
        checkout.start_many([other])


def test_sql_meets_what_python_started(engine: Stepwell, sql: psycopg.Connection) -> None:
    checkout.options(id="o-1").start(Order("anvil", 4200), gift=True)
    given = {"sku": "anvil", "cents": 4200, "placed": None}
    assert start(sql, "sql:checkout", json.dumps([given]), '{"gift": true}', id="o-1") == "o-1"
    with pytest.raises(psycopg.Error, match="with other inputs"):
        start(sql, "sql:checkout", json.dumps([given]), id="o-1")


def test_many_connections_with_one_id(engine: Stepwell, database_url: str, sql: psycopg.Connection) -> None:
    def one(number: int) -> list[str]:
        with psycopg.connect(database_url, autocommit=True) as connection:
            return [start(connection, "sql:checkout", json.dumps([ORDER]), id=f"o-{n}") for n in range(20)]

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(one, range(6))) == [[f"o-{n}" for n in range(20)]] * 6
    for n in range(20):
        reaches(engine.handle(f"o-{n}"), "SUCCESS")
    assert len(ran) == 20


def test_a_start_waits_for_the_open_transaction_that_has_its_id(database_url: str, sql: psycopg.Connection) -> None:
    with psycopg.connect(database_url) as first, ThreadPoolExecutor(1) as thread:
        start(first, "sql:echo", "[1]", id="both")
        second = thread.submit(start, sql, "sql:echo", "[2]", id="both")
        first.rollback()
        assert second.result(timeout=15) == "both"
    assert sql.execute("select input from stepwell.workflows").fetchall() == [({"args": [2]},)]


def test_serializable_transactions_are_told_to_try_again(database_url: str, sql: psycopg.Connection) -> None:
    with psycopg.connect(database_url) as late:
        late.execute("set transaction isolation level serializable")
        late.execute("select count(*) from stepwell.workflows")
        start(sql, "sql:echo", "[1]", id="early")
        with pytest.raises(psycopg.errors.SerializationFailure):
            start(late, "sql:echo", "[1]", id="early")


# -- where ---------------------------------------------------------------------------------------------------------


def test_the_app_is_that_which_serves_it(lab: Lab, sql: psycopg.Connection) -> None:
    lab.launch("billing")
    id = start(sql, "sql:checkout", json.dumps([ORDER]))
    assert lab.launch("other", namespace="elsewhere").count() == 0
    engine = lab.launch("third")
    assert engine.handle(id).result(timeout=15)["sku"] == "anvil"
    with pytest.raises(psycopg.Error, match="served by several apps: billing, third") as several:
        start(sql, "sql:checkout", json.dumps([ORDER]))
    assert several.value.sqlstate == "22023"
    with sql.transaction():
        sql.execute("set local stepwell.app = 'third'")
        id = start(sql, "sql:checkout", json.dumps([ORDER]))
    engine.handle(id).result(timeout=15)
    apps = sql.execute("select app, count(*) from stepwell.workflow_status group by 1 order by 1").fetchall()
    assert apps == [("billing", 1), ("third", 1)]


def test_while_nobody_is_there_it_is_the_app_of_the_last_run(lab: Lab, sql: psycopg.Connection) -> None:
    first = lab.launch("billing")
    with first.use():
        checkout(Order("anvil", 1))
    first.close()
    id = start(sql, "sql:checkout", json.dumps([ORDER]))
    assert lab.launch("billing").handle(id).result(timeout=15)["cents"] == 4200


def test_another_namespace(lab: Lab, sql: psycopg.Connection) -> None:
    engine = lab.launch(namespace="tenant")
    with sql.transaction():
        sql.execute("set local stepwell.namespace = 'tenant'")
        id = start(sql, "sql:checkout", json.dumps([ORDER]), id="o-1")
    assert engine.handle(id).result(timeout=15)["sku"] == "anvil"
    start(sql, "sql:echo", id="o-1")


# -- what it refuses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": None}, "name must have 1 to 255 characters"),
        ({"name": ""}, "name must have 1 to 255 characters"),
        ({"name": "x" * 256}, "name must have 1 to 255 characters, and has 256"),
        ({"name": "a|b|c|d"}, "name is a name"),
        ({"id": ""}, "id must have 1 to 255 characters"),
        ({"id": "x" * 256}, "id must have 1 to 255 characters, and has 256"),
        ({"id": "a/b"}, "must not contain '/'"),
        ({"queue": ""}, "queue must have 1 to 255 characters"),
        ({"args": "{}"}, "args must be a JSON array"),
        ({"kwargs": "[]"}, "kwargs a JSON object"),
        ({"attributes": "[]"}, "attributes must be a JSON object"),
        ({"delay": "-1 second"}, "delay must not be negative"),
        ({"deadline": "infinity"}, "infinite"),
        ({"args": '[{"a": [{"$t": "pickle", "v": "gASV"}]}]'}, 'key "\\$t", which is reserved'),
        ({"kwargs": r'{"a": {"\u0024t": "pickle", "v": "gASV"}}'}, 'key "\\$t", which is reserved'),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else None,
)
def test_what_is_out_of_bounds(sql: psycopg.Connection, given: dict[str, Any], message: str) -> None:
    with pytest.raises(psycopg.Error, match=message) as refused:
        start(sql, **{"name": "sql:echo", **given})
    assert refused.value.sqlstate == "22023"
    assert sql.execute("select count(*) from stepwell.workflow_status").fetchall() == [(0,)]


def test_text_that_is_none(sql: psycopg.Connection) -> None:
    for text in (r'["\ud800"]', r'["\udc00 \ud800"]'):
        with pytest.raises(psycopg.DataError):
            start(sql, "sql:echo", text)


def test_what_is_too_large(sql: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.ProgramLimitExceeded, match=r"args takes 1[67]"):
        start(sql, "sql:echo", json.dumps(["x" * 2**24]))


def test_in_a_schema_of_any_name(database_url: str, sql: psycopg.Connection) -> None:
    name = """Odd "schema"; -- it's"""
    quoted = '"' + name.replace('"', '""') + '"'
    try:
        with Stepwell(database_url, schema=name, settings=Settings(**QUICK)) as engine:
            call = f"select {quoted}.start_workflow('sql:echo', '[\"ü\"]', id => 'o-1', attributes => '{{}}')"
            for _ in range(2):
                sql.execute(call.encode())
            assert engine.handle("o-1").result(timeout=15) == {"args": ["ü"], "kwargs": {}}
            assert sql.execute(f"select {quoted}.cancel_workflow('o-1')".encode()).fetchall() == [(False,)]
            assert sql.execute(f"select {quoted}.workflow_result('o-1') -> 'args'".encode()).fetchall() == [(["ü"],)]
            with pytest.raises(psycopg.Error, match="has ended"):
                sql.execute(f"select {quoted}.send_message('o-1', '1')".encode())
        assert sql.execute("select count(*) from stepwell.workflow_status").fetchall() == [(0,)]
    finally:
        sql.execute(f"drop schema if exists {quoted} cascade".encode())
