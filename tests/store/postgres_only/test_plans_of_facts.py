"""The plans of what sends, receives, publishes and wakes, in every state that the planner's statistics can be in.

20,000 runs with ten messages, an event, five entries and six places each; one of them with a queue of 5,000, which
stays flat only if nothing reads it whole; a thousand runs each that are parked on a message, an event, an entry.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import psycopg
import pytest

from stepwell.model.messaging import EventWrite, NewMessage, StreamWrite
from stepwell.model.rows import Batch
from stepwell.store.api import StoreIdentity
from stepwell.store.postgres import PostgresStore, binding, params
from stepwell.store.postgres.params import Statement, statement
from stepwell.testing import PostgresServer
from tests.store.conformance.kit import ROUTE, Execution, step
from tests.store.postgres_only.explain import Plan, explain
from tests.store.postgres_only.kit import ME

RUNS = 20_000
PARKED = 1000
BATCH = 100
EXTENDING = 40  # buffers that a statement touches when its tables grow by a page

OF_EMPTY, TRUE = "those of empty tables", "true statistics"
TABLES = ("workflow_status", "operation_outputs", "messages", "events", "streams", "publications", "waits")


def run_id(number: int) -> UUID:
    return UUID(f"01800000-0000-7000-8000-{number:012x}")


BUSY = run_id(RUNS)  # the run with a queue, which a thousand runs watch
OWNED = [run_id(n) for n in range(10_000, 20_000)]  # PENDING; the first thousands wait for what comes

FILL = f"""
insert into stepwell.workflow_status
    (run_id, workflow_id, name, route, status, owner, epoch, attempts, input, input_digest, started_at, completed_at)
select ('01800000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid, 'w' || g, 'n', '{ROUTE}', s,
       case when s = 'PENDING' then '{ME}'::uuid end, 1, 1, '{{}}', 'd', now(), case when s = 'SUCCESS' then now() end
from (select g, case when g <= 3 * {PARKED} then 'WAITING' when g < 10000 then 'SUCCESS' else 'PENDING' end as s
      from generate_series(1, {RUNS}) g) numbered;
insert into stepwell.operation_outputs
    (run_id, fingerprint, elapsed, seq, pos, epoch, branch, name, kind, ended, output)
select run_id, 1, 0.1, g, g, 1, '0', 's', 'recv', 'ok', '1' from stepwell.workflow_status, generate_series(0, 5) g;
insert into stepwell.messages (run_id, key, topic, body, consumed_epoch, consumed_branch, consumed_seq)
select run_id, 'k' || g, '', '1', 1, '0', g from stepwell.workflow_status, generate_series(0, 9) g;
insert into stepwell.messages (run_id, key, topic, body)
select '{BUSY}', 'queued' || g, case when g % 2 = 0 then 't' else '' end, '1' from generate_series(1, 5000) g;
insert into stepwell.events (run_id, branch, seq, key, value) select run_id, '0', 0, 'status', '1'
from stepwell.workflow_status;
insert into stepwell.streams (run_id, number, key, value)
select run_id, g, 'log', '1' from stepwell.workflow_status, generate_series(0, 4) g;
insert into stepwell.streams (run_id, number, key, value)
select '{BUSY}', g, 'long', '1' from generate_series(0, 19999) g;
insert into stepwell.publications (run_id, branch, seq, kind, key)
select run_id, '0', g, case g when 0 then 'event' else 'stream' end, case g when 0 then 'status' else 'log' end
from stepwell.workflow_status, generate_series(0, 5) g;
insert into stepwell.waits (run_id, branch, seq, kind, target_run, key, number)
select run_id, '0', 9, case n % 3 when 0 then 'message' when 1 then 'event' else 'stream' end,
       case when n % 3 > 0 then '{BUSY}'::uuid end, case n % 3 when 1 then 'ready' when 2 then 'long' end,
       case when n % 3 = 2 then 20000 end
from (select run_id, row_number() over () as n from stepwell.workflow_status where status = 'WAITING') parked;
"""


@pytest.fixture(scope="module", params=["no statistics", OF_EMPTY, TRUE])
def filled_url(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[str]:
    name = f"stepwell_facts_{uuid.uuid4().hex[:12]}"
    url = postgres_server.create_database(name)
    asyncio.run(migrated(url))
    with psycopg.connect(url, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"alter table stepwell.{table} set (autovacuum_enabled = false)".encode())
        if request.param == OF_EMPTY:
            connection.execute("analyze")
        connection.execute(FILL.encode())
        if request.param == TRUE:
            connection.execute("analyze")
    yield url
    postgres_server.drop_database(name)


async def migrated(url: str) -> None:
    store = PostgresStore(url, StoreIdentity())
    await store.migrate()
    await store.close()


@pytest.fixture
async def filled(filled_url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(filled_url, StoreIdentity())
    yield store
    await store.close()


async def plans_of(store: PostgresStore, *statements: Statement) -> list[Plan]:
    await explain(store, store._lanes.misc, *statements)  # the session learns what it needs of the catalogs
    plans = await explain(store, store._lanes.misc, *statements)
    for plan in plans:
        assert plan.large_scans == [], f"{plan.large_scans} in\n{plan.sql}"
    return plans


def messages(count: int, to: int) -> list[NewMessage]:
    return [NewMessage(f"w{RUNS - n % to}", f"new{n}", "1") for n in range(count)]


@pytest.mark.parametrize(("count", "to"), [(1, 1), (BATCH, 1), (BATCH, BATCH), (5000, 1), (2000, 2000)])
async def test_sending(filled: PostgresStore, count: int, to: int) -> None:
    (send,) = await plans_of(filled, filled._send_statement(messages(count, to)))
    assert {"workflow_status_id", "workflow_status_pkey"} == send.indexes
    assert send.buffers <= 20 * count + 6 * to + 3 * EXTENDING, (
        "the destination, and a row in the table and two indexes"
    )


async def test_sending_in_a_callers_transaction(filled: PostgresStore) -> None:
    """Each is one message: `document` is what the statements take apart."""
    sql = filled._lanes.sql
    parked = {"run_id": str(run_id(3)), "topic": ""}
    document = {"namespace": "default", "workflow_id": f"w{RUNS}", "key": "new", "topic": "t", "body": "1"}
    send, wake = await plans_of(
        filled,
        statement(sql("transactions/send"), json.dumps(document)),
        statement(sql("transactions/send_waking"), json.dumps(parked)),
    )
    assert {"workflow_status_id", "workflow_status_pkey", "messages_pkey"} == send.indexes
    assert send.buffers <= 30 + EXTENDING
    assert wake.buffers <= 60 + EXTENDING


@pytest.mark.parametrize("count", [1, BATCH, 2000])
async def test_what_waits_is_read_by_its_index(filled: PostgresStore, count: int) -> None:
    """However long the queue is, and however many messages have been received before."""
    pairs = [(run, topic) for run in OWNED[-count:] for topic in ("", "t")]
    (unconsumed,) = await plans_of(filled, filled._unconsumed_statement(pairs, 20))
    assert unconsumed.indexes == {"messages_waiting"}
    assert unconsumed.buffers <= 4 * 2 * count + 2 * 25


@pytest.mark.parametrize("count", [1, 10, BATCH])
async def test_a_receive_goes_by_the_key(filled: PostgresStore, count: int) -> None:
    receives = [step(Execution(BUSY, 1), n % 6, consumes=f"queued{50 * n + 1}") for n in range(count)]
    consume, again = await plans_of(
        filled,
        binding.consumed_messages(filled._lanes.sql("messages/consume"), receives),
        binding.consumed_messages(filled._lanes.sql("messages/consume"), receives),
    )
    assert consume.indexes == again.indexes == {"messages_pkey", "operation_outputs_pkey"}
    assert consume.buffers <= 30 * count + 3 * EXTENDING
    assert again.buffers <= 12 * count


async def test_a_batch_without_receives_has_no_statement_for_them(filled: PostgresStore) -> None:
    taken = filled._journal._statements
    plain, receiving = step(Execution(BUSY, 1), 7), step(Execution(BUSY, 1), 8, consumes="queued1")
    assert [len(taken(Batch(checkpoints=rows), [])[0]) for rows in ([plain], [receiving], [plain, receiving])] == [
        1,
        2,
        2,
    ]


@pytest.mark.parametrize("count", [1, BATCH, 1000])
async def test_publishing(filled: PostgresStore, count: int) -> None:
    runs = OWNED[-count:]
    events = [EventWrite(run, 1, "0", 7, "status", "2") for run in runs]
    entries = [StreamWrite(run, 1, "0", 8 if n % 2 else None, "log", "2") for n, run in enumerate(runs)]
    fence, set_events, append = await plans_of(filled, *filled._publish_statements(events, entries))
    assert fence.indexes == {"workflow_status_pkey"}
    assert fence.buffers <= 5 * count
    assert set_events.indexes == {"workflow_status_pkey"}
    assert set_events.buffers <= 40 * count + 3 * EXTENDING
    assert append.indexes == {"workflow_status_pkey", "publications_pkey", "streams_pkey"}
    assert append.buffers <= 40 * count + 3 * EXTENDING


async def test_appending_to_a_long_stream_is_flat(filled: PostgresStore) -> None:
    entries = [StreamWrite(BUSY, 1, "0", n, "long", "2") for n in range(1000)]
    _, append = await plans_of(filled, *filled._publish_statements([], entries))
    assert append.buffers <= 20 * 1000 + 3 * EXTENDING


@pytest.mark.parametrize("count", [1, BATCH, 2000])
async def test_reading(filled: PostgresStore, count: int) -> None:
    runs = OWNED[-count:]
    events, entries, end = await plans_of(
        filled,
        filled._events_statement([(run, "status") for run in runs]),
        filled._entries_statement([(run, "log", 2) for run in runs], 100),
        filled._entries_statement([(BUSY, "long", 19_990)], 100),
    )
    assert events.indexes == {"events_pkey"}
    assert events.buffers <= 4 * count + 5
    assert entries.indexes == {"streams_pkey"}
    assert entries.buffers <= 6 * count + 5
    assert end.buffers <= 10


async def test_waking(filled: PostgresStore) -> None:
    """A thousand runs of each kind are parked, and on nothing that is there."""
    sql, parked = filled._lanes.sql, [run_id(n) for n in range(1, 3 * PARKED)]
    sweep, due, these, one, readers = await plans_of(
        filled,
        statement(sql("waits/wake_ripe"), BATCH),
        statement(sql("waits/wake_due"), BATCH),
        statement(sql("waits/wake_parked"), params.uuids(parked)),
        statement(sql("waits/wake_parked"), params.uuids(parked[:1])),
        filled._wake_statement([EventWrite(BUSY, 1, "0", 1, "other", "1")], []),
    )
    assert sweep.buffers <= 3 * PARKED * 10, "every wait is looked at"
    assert due.buffers <= 10
    assert these.buffers <= 3 * PARKED * 14
    assert one.buffers <= 20
    assert readers.buffers <= 10, "not all that wait for something of that run"


async def test_waking_a_thousand(filled: PostgresStore) -> None:
    """By one event: each costs what its row and its indexes cost."""
    write = [EventWrite(BUSY, 1, "0", 99, "ready", "1")]
    *_, wake = await plans_of(filled, *filled._publish_statements(write, []), filled._wake_statement(write, []))
    assert wake.buffers <= 80 * PARKED
    receivers = [NewMessage(f"w{n}", "k", "1") for n in range(3, 3 * PARKED, 3)]
    (send,) = await plans_of(filled, filled._send_statement(receivers))
    assert send.buffers <= 26 * PARKED + 3 * EXTENDING
