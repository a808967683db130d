"""The SQL of docs/sql.md is real."""

import re
from pathlib import Path

import psycopg

import stepwell
from stepwell import Stepwell, workflow
from tests.engine.kit import Lab, reaches

DOCUMENT = Path(__file__).parents[2] / "docs" / "sql.md"
BLOCKS = re.findall(r"^```sql run\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


@workflow(name="shop:checkout")
async def checkout(order_id: str, cents: int) -> str:
    await stepwell.aio.sleep(0.01)
    if order_id == "2":
        await stepwell.aio.sleep(3600)
    return f"{order_id} for {cents}"


def test_every_block_runs(lab: Lab, sql: psycopg.Connection) -> None:
    assert len(BLOCKS) == 3
    try:
        sql.execute(BLOCKS[0].encode())
        sql.execute(BLOCKS[1].encode())
        last = sql.execute(BLOCKS[2].encode())
        answers = [last.fetchall()]
        while last.nextset():
            answers.append(last.fetchall())
        assert answers[0] == [("order-1", "ENQUEUED", None, None), ("order-2", "ENQUEUED", None, None)]
        assert answers[-2:] == [[(True,)], [(None,)]]
        assert sql.execute("select topic, key from stepwell.messages").fetchall() == [("shipped", "shipment-77")]
        engine: Stepwell = lab.launch()
        assert engine.handle("order-1").result(timeout=15) == "1 for 4200"
        assert reaches(engine.handle("order-2"), "CANCELLED")
    finally:
        sql.execute("drop table if exists orders cascade")
        sql.execute("drop function if exists start_checkout")


def test_the_signatures_are_those_of_the_document(sql: psycopg.Connection) -> None:
    text = " ".join(DOCUMENT.read_text().split())
    found = sql.execute(
        "select proname, pg_get_function_arguments(oid), pg_get_function_result(oid) from pg_proc"
        " where pronamespace = 'stepwell'::regnamespace and prosecdef order by 1"
    ).fetchall()
    assert [name for name, _, _ in found] == ["cancel_workflow", "send_message", "start_workflow", "workflow_result"]
    for name, arguments, result in found:
        plain = re.sub(
            r"(?i)\bDEFAULT (NULL|'[^']*'|false)(::[a-z ]+)?", lambda m: f"default {m[1].lower()}", arguments
        )
        plain = plain.replace("integer", "int").replace("timestamp with time zone", "timestamptz")
        assert f"{name}({plain}) returns {result}" in text


def test_definers_rights_go_with_a_fixed_path(sql: psycopg.Connection) -> None:
    loose = sql.execute(
        "select proname from pg_proc where pronamespace = 'stepwell'::regnamespace and prosecdef"
        " and not coalesce(proconfig, '{}') @> array['search_path=pg_catalog, pg_temp']"
    ).fetchall()
    assert loose == []
