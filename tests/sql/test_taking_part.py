"""In the caller's own transaction, in a trigger, from psql and from Node.js."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stepwell import Stepwell
from tests.engine.kit import eventually
from tests.sql.flows import ran

NODE = Path(__file__).parent / "client.mjs"


@pytest.fixture(autouse=True)
def fresh() -> None:
    ran.clear()


@pytest.fixture
def orders(sql: psycopg.Connection) -> Iterator[None]:
    """A table of the user's own."""
    sql.execute("create table orders (id int primary key, sku text, cents int)")
    yield
    sql.execute("drop table orders cascade")
    sql.execute("drop function if exists start_checkout cascade")


def test_a_start_is_part_of_the_callers_transaction(
    engine: Stepwell, orders: None, database_url: str, sql: psycopg.Connection
) -> None:
    place = "select stepwell.start_workflow('checkout', %s, id => %s)"
    arguments = '[{"sku": "anvil", "cents": 1}]'
    with psycopg.connect(database_url) as caller:
        caller.execute("insert into orders values (1, 'anvil', 1)")
        caller.execute(place.encode(), [arguments, "o-1"])
        assert sql.execute("select count(*) from stepwell.workflows").fetchall() == [(0,)]
        caller.rollback()
        caller.execute("insert into orders values (2, 'anvil', 1)")
        caller.execute(place.encode(), [arguments, "o-2"])
        caller.commit()
    engine.handle("o-2").result(timeout=15)
    assert sql.execute("select id from orders").fetchall() == [(2,)]
    assert sql.execute("select workflow_id from stepwell.workflows").fetchall() == [("o-2",)]


def test_a_savepoint_keeps_the_transaction_after_a_refusal(sql: psycopg.Connection, database_url: str) -> None:
    with psycopg.connect(database_url) as caller:
        caller.execute("select stepwell.start_workflow('a', '[1]', id => 'o')")
        with pytest.raises(psycopg.Error), caller.transaction():
            caller.execute("select stepwell.start_workflow('b', '[1]', id => 'o')")
        caller.execute("select stepwell.cancel_workflow('o')")
    assert sql.execute("select name, status from stepwell.workflows").fetchall() == [("a", "CANCELLED")]


def test_a_trigger_starts_one_workflow_per_row(engine: Stepwell, orders: None, sql: psycopg.Connection) -> None:
    sql.execute(
        """
        create function start_checkout() returns trigger language plpgsql as $$
        begin
            perform stepwell.start_workflow('checkout', id => 'order-' || new.id,
                kwargs => json_build_object('order', json_build_object('sku', new.sku, 'cents', new.cents)));
            return new;
        end $$;
        create trigger start_checkout after insert on orders for each row execute function start_checkout();
        """
    )
    sql.execute("insert into orders select n, 'sku ' || n, n from generate_series(1, 20) n")
    with pytest.raises(psycopg.errors.UniqueViolation):
        sql.execute("insert into orders select n, 'sku ' || n, n from generate_series(100, 1, -1) n")
    for n in range(1, 21):
        assert engine.handle(f"order-{n}").result(timeout=15)["cents"] == n
    assert engine.count() == 20
    assert sorted(ran) == sorted(f"sku {n}" for n in range(1, 21))


def test_a_trigger_tells_a_workflow_of_each_row_that_is_committed(
    engine: Stepwell, orders: None, sql: psycopg.Connection
) -> None:
    sql.execute("select stepwell.start_workflow('sql:receives', id => 'order-' || n) from generate_series(1, 5) n")
    sql.execute(
        """
        create function start_checkout() returns trigger language plpgsql as $$
        begin
            perform stepwell.send_message('order-' || new.id, key => 'row-' || new.id, topic => 'shipped',
                message => json_build_object('parcel', new.sku, 'weight', new.cents));
            return new;
        end $$;
        create trigger tell after insert or update on orders for each row execute function start_checkout();
        """
    )
    with pytest.raises(psycopg.errors.UniqueViolation):
        sql.execute("insert into orders values (1, 'rolled back', 0), (1, 'rolled back', 0)")
    sql.execute("insert into orders select n, 'sku ' || n, n from generate_series(1, 5) n")
    sql.execute("update orders set sku = 'the same key'")
    for n in range(1, 6):
        engine.send(f"order-{n}", "last")
        assert engine.handle(f"order-{n}").result(timeout=15) == ["Shipped", f"sku {n}", "last"]
    assert sql.execute("select count(*) from stepwell.messages").fetchall() == [(10,)]
    with pytest.raises(psycopg.Error, match="no workflow has the id"):
        sql.execute("insert into orders values (6, 'for nobody', 1)")
    assert sql.execute("select count(*) from orders").fetchall() == [(5,)]


@pytest.mark.skipif(shutil.which("psql") is None, reason="there is no psql")
def test_from_psql(engine: Stepwell, database_url: str) -> None:
    script = r"""
        \set ON_ERROR_STOP on
        \set who 'it''s "me" $$ \\'
        begin;
        select stepwell.start_workflow('sql:echo', json_build_array(:'who'), id => 'from psql') as id \gset
        commit;
        select stepwell.start_workflow('sql:receives', id => 'receives') as receiver \gset
        begin;
        select stepwell.send_message(:'receiver', '{"parcel": "never sent", "weight": 1}', 'shipped');
        rollback;
        select stepwell.send_message(:'receiver', json_build_object('parcel', :'who', 'weight', 1), 'shipped', 'k');
        select stepwell.send_message(:'receiver', '2');
        \echo :id
    """
    done = subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", database_url],
        input=script, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[-2] == "from psql"
    assert engine.handle("from psql").result(timeout=15) == {"args": ['it\'s "me" $$ \\'], "kwargs": {}}
    assert engine.handle("receives").result(timeout=15) == ["Shipped", 'it\'s "me" $$ \\', 2]


@pytest.fixture(scope="session")
def node_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which Node.js finds the `pg` package; kept between runs."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no Node.js here")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stepwell-tests" / "node"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:
        cache = tmp_path_factory.mktemp("node")
    if not (cache / "node_modules" / "pg").exists():
        private = tmp_path_factory.mktemp("node")
        command = ["npm", "install", "pg@8", "--no-audit", "--no-fund", "--silent", "--prefix", str(private)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            pytest.skip(f"npm cannot install pg: {done.stderr.strip()[-200:]}")
        shutil.copytree(private, cache, dirs_exist_ok=True)
    return cache


def test_from_node(engine: Stepwell, database_url: str, node_packages: Path, tmp_path: Path) -> None:
    program = tmp_path / "client.mjs"
    program.write_text(NODE.read_text())
    (tmp_path / "node_modules").symlink_to(node_packages / "node_modules")
    done = subprocess.run(
        ["node", str(program), database_url], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["result"] == {"args": [{"name": "it's ü 😀", "n": 1}], "kwargs": {"key": None}}
    assert said["again"] == said["id"]
    assert said["conflict"] == "SW409"
    assert said["view"] == [{"workflow_id": said["id"], "name": "sql:echo", "status": "SUCCESS"}]
    assert said["failure"] == "SW500"
    assert said["received"] == ["Shipped", "first", "ü"]
    refusals = [said[what] for what in ("late", "nobody", "forged", "large")]
    assert refusals == ["SW410", "SW404", "22023", "54000"]
    assert said["cancelled"] is True
    eventually(lambda: engine.count(status="SUCCESS") == 2)
