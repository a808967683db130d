"""Every .sql file is used, says what it is for, and PREPAREs against the migrated schema."""

import re
from pathlib import Path

import psycopg
import pytest

import stepwell.store.postgres
from stepwell.store.api import StoreIdentity
from stepwell.store.postgres import PostgresStore
from stepwell.store.sqlfile import load, quote_identifier, substitute
from tests.store.postgres_only.conftest import Bystander

PACKAGE = Path(stepwell.store.postgres.__file__).parent
FILES = sorted((PACKAGE / "sql").glob("*/*.sql"))
STATEMENTS = load(PACKAGE, "stepwell")


def test_all_files_are_statements() -> None:
    assert set(STATEMENTS) == {path.relative_to(PACKAGE / "sql").with_suffix("").as_posix() for path in FILES}
    assert len(STATEMENTS) == len(FILES) > 30


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_file_opens_with_who_calls_it_what_it_reads_and_what_it_locks(path: Path) -> None:
    header = "".join(re.findall(r"^--.*\n", path.read_text(), re.MULTILINE))
    for word in ("Called by:", "Index:", "Locks:"):
        assert word in header, f"{path.name} does not say {word!r}"


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_is_used(name: str) -> None:
    sources = [path.read_text() for path in PACKAGE.glob("*.py")]
    assert any(f'"{name}"' in source for source in sources), f"nothing sends {name}"


def test_a_statement_is_one_statement() -> None:
    for name, sql in STATEMENTS.items():
        assert ";" not in sql, f"{name} holds several"


#: Twins that differ in one place, for a reason that their headers give; from here to there they are the same.
TWINS = [
    ("starts/insert_own_many", "starts/insert_shared_many", "insert into", "and (select set_config"),
    ("claims/take", "claims/take_bare", "select c.run_id", "extract(epoch from c.opens_at"),
    ("claims/take", "claims/take_bare", "from (select (r.run).*", "$12::text[]) r) c"),
    ("sweeps/reap", "sweeps/reap_orphans", "taken as (", "select count(*)"),
    ("sweeps/reap", "sweeps/reap_orphans", "cross join lateral", "limit"),
    ("waits/wake_ripe", "waits/wake_waiters", "woken as (", "select count(*)"),
    ("waits/wake_ripe", "waits/wake_due", "woken as (", "select count(*)"),
    ("waits/wake_ripe", "waits/wake_readers", "woken as (", "select count(*)"),
    ("operators/delete", "sweeps/purge", "outputs as", "select count(*)"),
]


@pytest.mark.parametrize(("one", "other", "begin", "end"), TWINS)
def test_twins_have_not_grown_apart(one: str, other: str, begin: str, end: str) -> None:
    """A statement is one file that can be read and run as it is: what two of them share is written twice."""
    parts = []
    for name in (one, other):
        sql = " ".join(STATEMENTS[name].split())
        assert begin in sql, name
        rest = sql.partition(begin)[2]
        assert end in rest, name
        parts.append(rest.partition(end)[0])
    assert len(parts[0]) > 100
    assert parts[0] == parts[1]


def test_every_parameter_has_a_type() -> None:
    """The server must not guess: each parameter is cast at least once."""
    for name, sql in STATEMENTS.items():
        for parameter in set(re.findall(r"\$\d+", sql)):
            assert re.search(re.escape(parameter) + r"::", sql), f"{parameter} of {name} is never cast"


def test_statements_are_prepared_against_the_migrated_schema(store: PostgresStore, bystander: Bystander) -> None:
    bystander.execute(store.dialect().outcome_table.encode())  # in databases that are not the engine's
    for number, (name, sql) in enumerate(STATEMENTS.items()):
        try:
            bystander.execute(f"prepare s{number} as {sql}".encode())
        except psycopg.Error as error:
            pytest.fail(f"{name}: {error}")


async def test_a_schema_may_have_any_name(postgres_url: str, bystander: Bystander) -> None:
    name = 'Odd "schema"; --'
    store = PostgresStore(postgres_url, StoreIdentity(schema=name))
    await store.migrate()
    assert await store.now() > 0
    assert await store.executors() == []
    await store.close()
    bystander.execute(store.dialect().outcome_table.encode())
    for number, sql in enumerate(load(PACKAGE, name).values()):
        bystander.execute(f"prepare s{number} as {sql}".encode())
    assert bystander.execute("select 1 from pg_namespace where nspname = 'stepwell'").fetchone() is None


def test_no_statement_depends_on_the_search_path() -> None:
    tables = re.findall(r"create (?:table|view) stepwell\.(\w+)", (PACKAGE / "migrations/0001_tables.sql").read_text())
    assert len(tables) > 10
    for name, sql in STATEMENTS.items():
        for relation in re.findall(r"\b(?:from|join|into|update)\s+([a-z_.\"]+)", sql):
            assert relation not in tables, f"{name} says {relation} without its schema"


@pytest.mark.parametrize(("name", "quoted"), [("stepwell", '"stepwell"'), ('a"b', '"a""b"'), ("A b", '"A b"')])
def test_identifiers_are_quoted(name: str, quoted: str) -> None:
    assert quote_identifier(name) == quoted
    assert substitute("select stepwell.clock()", name) == f"select {quoted}.clock()"


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_cannot_be_an_identifier(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        quote_identifier(name)
