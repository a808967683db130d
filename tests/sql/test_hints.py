"""What SQL does is noticed at once: the functions notify, in the caller's transaction."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql as composing

import stepwell
from stepwell import Stepwell, WorkflowCancelled, workflow
from stepwell.store.api import StoreIdentity
from stepwell.store.hints import Hint
from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.notifier import Notice
from tests.engine.kit import Lab, eventually
from tests.engine.test_hints import DEAF, PATIENCE


@workflow(name="sql:hinted")
def hinted() -> Any:
    return stepwell.recv("t")


@pytest.fixture
def engine(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Stepwell:
    """One that finds nothing by looking within a test."""
    monkeypatch.setattr("stepwell.core.facts._SAFETY_POLL_SECONDS", 60.0)
    engine = lab.launch(**{**DEAF, "park_after": 3600.0})
    eventually(lambda: engine.runtime.hints.arrive, "hints to arrive")
    return engine


def test_a_start_a_message_and_a_cancellation(engine: Stepwell, sql: psycopg.Connection) -> None:
    for id in ("a", "b"):
        sql.execute("select stepwell.start_workflow('sql:hinted', id => %s)", [id])
    eventually(lambda: len(engine.runtime.facts._mail) == 2, "the runs to wait")
    sql.execute("select stepwell.send_message('a', '1', 't')")
    assert engine.handle("a").result(timeout=PATIENCE) == 1
    sql.execute("select stepwell.cancel_workflow('b')")
    with pytest.raises(WorkflowCancelled):
        engine.handle("b").result(timeout=PATIENCE)


def test_a_parked_run(lab: Lab, sql: psycopg.Connection) -> None:
    engine = lab.launch(**{**DEAF, "park_after": 0.02})
    eventually(lambda: engine.runtime.hints.arrive, "hints to arrive")
    sql.execute("select stepwell.start_workflow('sql:hinted', id => 'p')")
    eventually(lambda: engine.count(status="WAITING") == 1)
    sql.execute("select stepwell.send_message('p', '2', 't')")
    assert engine.handle("p").result(timeout=PATIENCE) == 2


# -- channels and payloads are the engine's own --------------------------------------------------------------------

#: What a cancellation may have changed.
CANCELLED = Hint.WORK | Hint.ENDED | Hint.CANCEL | Hint.MESSAGE

SCHEMA = 'o"dd schemä'


@pytest.fixture
async def odd(database_url: str, sql: psycopg.Connection) -> Any:
    """A store with a schema and a namespace that need care."""
    store = PostgresStore(database_url, StoreIdentity(schema=SCHEMA, namespace="tenänt"))
    await store.migrate()
    yield store
    await store.close()
    sql.execute(composing.SQL("drop schema {} cascade").format(composing.Identifier(SCHEMA)))


@pytest.mark.parametrize(
    ("kind", "said"), [("work", Hint.WORK), ("message", Hint.MESSAGE | Hint.WORK), ("cancel", CANCELLED)]
)
async def test_what_is_said_where(odd: PostgresStore, sql: psycopg.Connection, kind: str, said: Hint) -> None:
    heard = listening(sql, odd._notifier.channel)
    say(sql, kind)
    notice = next(heard)
    assert Notice.read(notice.payload) == Notice(said)


async def test_what_is_rolled_back_is_not_said(odd: PostgresStore, sql: psycopg.Connection) -> None:
    heard = listening(sql, odd._notifier.channel)
    with sql.transaction(force_rollback=True):
        say(sql, "work")
    say(sql, "cancel")
    assert Notice.read(next(heard).payload) == Notice(CANCELLED)


async def test_it_can_be_silenced(odd: PostgresStore, sql: psycopg.Connection) -> None:
    heard = listening(sql, odd._notifier.channel)
    sql.execute("set stepwell.notify = off")
    say(sql, "work")
    sql.execute("reset stepwell.notify")
    say(sql, "message")
    notice = next(heard)
    assert Notice.read(notice.payload) == Notice(Hint.MESSAGE | Hint.WORK)


def listening(sql: psycopg.Connection, channel: str) -> Iterator[psycopg.Notify]:
    sql.execute(composing.SQL("listen {}").format(composing.Identifier(channel)))
    return sql.notifies(timeout=PATIENCE)


def say(sql: psycopg.Connection, kind: str) -> None:
    sql.execute("set stepwell.namespace = 'tenänt'")
    sql.execute(composing.SQL("select {}.hint(%s)").format(composing.Identifier(SCHEMA)), [kind])
