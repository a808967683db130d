"""Hints between the stores of one server: who hears what, how often, and what happens when the path breaks."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from stepwell.model.rows import Batch, Leave
from stepwell.store.api import Store, StoreIdentity
from stepwell.store.hints import EVERYTHING, Hint
from stepwell.store.postgres import PostgresStore, listening, notifier
from stepwell.store.postgres.notifier import GAP_SECONDS, Notice
from stepwell.store.postgres.telling import Telling
from stepwell.store.transactions import Query
from tests.store.conformance.kit import LEASE, ROUTE, Execution, draw, finish
from tests.store.conformance.talk import entry, event, for_event, for_message, message
from tests.store.hints_kit import RememberingEar
from tests.store.hints_kit import listening as listens
from tests.store.postgres_only.conftest import Bystander
from tests.store.postgres_only.kit import begin, new_run

WORK, ENDED, CANCEL, MESSAGE = Hint.WORK, Hint.ENDED, Hint.CANCEL, Hint.MESSAGE

Opener = Callable[..., Awaitable[PostgresStore]]


@pytest.fixture
async def opened(store: PostgresStore, postgres_url: str) -> AsyncIterator[Opener]:
    """Opens stores that tell, on the migrated database."""
    async with AsyncExitStack() as stack:

        async def another(*, notify: bool = True, **identity: str) -> PostgresStore:
            other = PostgresStore(postgres_url, StoreIdentity(**identity), notify=notify)
            stack.push_async_callback(other.close)
            await other.open()
            return other

        yield another


@asynccontextmanager
async def hearing(store: PostgresStore) -> AsyncIterator[RememberingEar]:
    """It listens, and the path is proved."""
    async with listens(store) as ear:
        await ear.until(lambda: ear.states == [None])
        await ear.hears(EVERYTHING)  # what was told before
        ear.forget()
        yield ear


class Said:
    """What a dialect says, on a connection of somebody's."""

    raw = None

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self._connection = connection

    async def run(self, query: Query) -> list[Any]:
        cursor = await self._connection.execute(query.text.replace("$1", "%s").encode(), [query.document])
        return await cursor.fetchall()


async def enqueue(store: PostgresStore) -> Any:
    (started,) = await store.start([new_run(owner=None)])
    return started.run_id


async def test_others_hear_what_was_done(store: PostgresStore, opened: Opener) -> None:
    teller = await opened()
    me = draw()
    await teller.register(me, "host:1", LEASE, [ROUTE], [])
    async with hearing(store) as ear:
        waiting = await enqueue(teller)
        await ear.hears(WORK)
        (claimed,) = (await teller.claim(me, [ROUTE], [], 1)).runs
        ear.forget()
        await teller.request_cancel([waiting], "enough", False, False)
        await ear.hears(CANCEL)
        ear.forget()
        await teller.leave([Leave(claimed.run_id, claimed.epoch, "ENQUEUED", "released")])
        await ear.hears(WORK)
        run = await begin(teller)
        ear.forget()
        await teller.commit(Batch(finishes=[finish(run)]))
        await ear.hears(ENDED)
        ear.forget()
        failed = await begin(teller)
        await teller.commit(Batch(finishes=[finish(failed, "ERROR")]))
        await teller.resume(failed.run_id)
        await ear.hears(WORK)


async def test_others_hear_what_was_written(store: PostgresStore, opened: Opener) -> None:
    """Messages, events and entries; and that somebody who was parked on one of them may be claimed."""
    teller, other_app = await opened(), await opened(app="other")
    run, reader = await begin(teller), await begin(teller)
    name = str(run.run_id)
    async with hearing(other_app) as ear:
        for write in (
            lambda: teller.send([message(name)]),
            lambda: teller.send([message(name)]),  # as after a lost answer
            lambda: teller.publish([event(run)], []),
            lambda: teller.publish([], [entry(run, '"v"')]),
        ):
            await write()
            await ear.hears(MESSAGE)
            assert ear.all == MESSAGE
            ear.forget()
        await teller.send([message("nobody")])
        await teller.publish([event(Execution(draw(), 1))], [])
        await teller.leave([Leave(reader.run_id, 1, "WAITING", waits=(for_event(run.run_id, "later"),))])
        await teller.leave([Leave(run.run_id, 1, "WAITING", waits=(for_message("t"),))])
        await teller.send([message(name, "k2", topic="t")])
        await ear.hears(MESSAGE | WORK)
        assert ear.all == MESSAGE | WORK
        ear.forget()
        (claimed,) = (await teller.claim(draw(), [ROUTE], [], 1)).runs
        await teller.publish([event(claimed, "later")], [])
        await ear.hears(MESSAGE | WORK)


@pytest.mark.parametrize("said", [WORK, MESSAGE, MESSAGE | WORK])
async def test_what_is_done_in_somebody_elses_transaction_is_heard_exactly_if_that_commits(
    store: PostgresStore, opened: Opener, postgres_url: str, said: Hint
) -> None:
    """By the process that has done it too: it cannot know when that is."""
    teller, silent = await opened(), await opened(notify=False)
    async with hearing(teller) as ear, hearing(store) as other:
        connection = await psycopg.AsyncConnection.connect(postgres_url)
        async with connection:
            for dialect in (silent.dialect(), teller.dialect()):
                await dialect.hint(Said(connection), said)
            assert (ear.said, other.said) == ([], [])
        await ear.hears(said)
        await other.hears(said)
        assert (ear.said, other.said) == ([said], [said])
        async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
            await teller.dialect().hint(Said(connection), said)
            await connection.rollback()
            await teller.dialect().hint(Said(connection), ENDED)
        await other.hears(ENDED)  # later than what was rolled back
        assert other.said == [said, ENDED]


async def test_own_hints_are_not_heard(opened: Opener) -> None:
    store = await opened()
    async with hearing(store) as ear:
        await enqueue(store)
        other = await opened()
        await begin(other)
        await other.commit(Batch(finishes=[finish(await begin(other))]))
        await ear.hears(ENDED)  # later than our own
        assert ear.all == ENDED


async def test_what_concerns_whom(opened: Opener) -> None:
    """Work concerns the app, an end the namespace, a sweep the schema."""
    teller = await opened()
    same, other_app = await opened(), await opened(app="other")
    elsewhere = await opened(namespace="elsewhere")
    async with hearing(same) as one, hearing(other_app) as two, hearing(elsewhere) as three:
        await enqueue(teller)
        await one.hears(WORK)
        await teller.commit(Batch(finishes=[finish(await begin(teller))]))
        await two.hears(ENDED)
        await one.hears(WORK | ENDED)
        assert (two.all, three.all) == (ENDED, Hint(0))
        orphan = await begin(teller)  # its owner has never registered
        assert await teller.reap_orphans(10) >= 1
        for ear in (one, two, three):
            await ear.hears(WORK)
        assert orphan.epoch == 1


@pytest.mark.parametrize("notify", [True, False])
async def test_a_thousand_ends_are_few_notifications(opened: Opener, postgres_url: str, notify: bool) -> None:
    teller = await opened(notify=notify)
    runs = [new_run() for _ in range(1000)]
    await teller.start(runs)
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as bystander:
        await bystander.execute(sql.SQL("LISTEN {}").format(sql.Identifier(teller._notifier.channel)))
        loop = asyncio.get_running_loop()
        began = loop.time()
        for run in runs:
            await teller.commit(Batch(finishes=[finish(_execution(run.run_id))]))
        seconds = loop.time() - began
        await teller.close()  # says what waits
        heard = [notify.payload async for notify in bystander.notifies(timeout=1.0)]
    if not notify:
        assert heard == []
        return
    assert 1 <= len(heard) <= seconds / GAP_SECONDS + 2
    assert len(heard) < 500
    assert set(heard) == {Notice(ENDED).payload()}


def _execution(run_id: Any) -> Any:
    from tests.store.conformance.kit import Execution

    return Execution(run_id, 1)


async def test_a_store_that_was_closed_tells_again_once_it_is_open(store: PostgresStore, opened: Opener) -> None:
    """As when the database was away at the launch."""
    teller = await opened()
    async with hearing(store) as ear:
        await teller.close()
        await teller.open()
        await enqueue(teller)
        await ear.hears(WORK)


async def test_who_is_alone_tells_nobody(opened: Opener, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(listening, "PING_SECONDS", 0.05)
    store = await opened()
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as bystander:
        await bystander.execute(sql.SQL("LISTEN {}").format(sql.Identifier(store._notifier.channel)))
        async with hearing(store) as ear:
            await enqueue(store)
            heard = [Notice.read(notify.payload) async for notify in bystander.notifies(timeout=1.0)]
            assert len(heard) > 3
            assert {notice.hints for notice in heard if notice} == {Hint(0)}, "only pings"
            other = await opened()
            async with hearing(other) as another:
                await ear.until(lambda: store._notifier._alone_from > asyncio.get_running_loop().time())
                await enqueue(store)
                await another.hears(WORK)


async def test_a_lost_connection_is_noticed_and_mended(
    store: PostgresStore, opened: Opener, bystander: Bystander, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_FIRST_PAUSE", 0.01)
    teller = await opened()
    async with hearing(store) as ear:
        bystander.execute("select pg_terminate_backend(%s)", (store._listening.link.greeted_by,))
        await ear.until(lambda: len(ear.states) == 3)
        assert ear.states[0] is ear.states[2] is None
        assert ear.states[1] is not None
        await ear.hears(EVERYTHING)  # whatever was told meanwhile
        ear.forget()
        await enqueue(teller)
        await ear.hears(WORK)


async def test_a_path_that_is_silently_cut_is_noticed(
    store: PostgresStore, bystander: Bystander, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a middlebox does that drops what it forgets: the connection stays, notifications do not come."""
    monkeypatch.setattr(listening, "PING_SECONDS", 0.05)
    monkeypatch.setattr(listening, "ECHO_SECONDS", 0.2)
    async with hearing(store) as ear:
        monkeypatch.setattr(store._notifier, "channel", "stepwell_nobody")  # what it says goes elsewhere
        await ear.until(lambda: len(ear.states) > 1)
        assert "did not arrive" in (ear.states[1] or "")


async def test_nobody_connects_before_anybody_wants_to(store: PostgresStore) -> None:
    async with listens(store) as ear:
        ear.is_wanted.clear()
    connected = store.connection_count()
    async with listens(store) as ear:
        ear.is_wanted.clear()
        await store.now()
        assert store.connection_count() == connected
        ear.is_wanted.set()
        await ear.until(lambda: ear.states == [None])
        assert store.connection_count() == connected + 1


def test_what_travels() -> None:
    for notice in (Notice(Hint(0)), Notice(EVERYTHING, "0badcafe", 4_000_000_000), Notice(WORK, sender=7)):
        assert len(notice.payload()) == 17
        assert Notice.read(notice.payload()) == notice
    assert Notice.read("9" + "0" * 16) == Notice(Hint.MESSAGE | WORK), "as the functions in SQL say it"
    for strange in ("", "1", "x" * 17, "f00000000zzzzzzzz", "1" * 18, "ü" * 17):
        assert Notice.read(strange) is None


def test_channels_have_names_that_postgres_takes(postgres_url: str) -> None:
    stores = [
        PostgresStore(postgres_url, StoreIdentity(schema=schema, namespace=namespace))
        for schema, namespace in [("a", "b"), ("ab", ""), ('"' * 63, "x" * 500), ("a", "c")]
    ]
    channels = {store._notifier.channel for store in stores} | {store._notifier.schema_channel for store in stores}
    assert len(channels) == 7
    assert all(len(channel) < 63 and channel.isidentifier() for channel in channels)


#: Verbs that change nothing which anybody waits for.
SILENT = frozenset(
    {
        "open",
        "close",
        "migrate",
        "migrations",
        "warnings",
        "tidy",
        "now",
        "listen",
        "register",
        "set_draining",
        "unregister",
        "executors",
        "cancels",
        "claim",
        "next_wake",
        "acquire_sweep",
        "acquire_retention",
        "owned",
        "children_left",
        "purge",
        "outcomes",
        "find_run",
        "get_run",
        "list_runs",
        "count_runs",
        "list_steps",
        "abandon_children",
        "delete",
        "unconsumed",
        "events",
        "streams",
        "secret",
        "answered_by",
        "standing",
        "owns",
        "touch",
        "stand_back",
        "update_attributes",
        "schedule",
        "schedules",
        "due_schedules",
        "delete_schedule",
        # Who publishes tells; these look, or write what nobody waits for.
        "subscribe",
        "subscriptions",
        "unsubscribe",
        "event_head",
        "events_above",
        "event_waits",
        "event_waits_behind",
        "advance_event_waits",
        "events_cancelling",
        "event_cancelled",
        "live_runs",
        "run_inputs",
        "purge_events",
        # Their starts and cancellations tell.
        "debounce",
        "supersede",
        "queue",
        "queues",
        "delete_queue",
        "standing_in_queue",
        "vitals",
    }
)


def test_every_verb_either_tells_or_has_nothing_to_tell() -> None:
    """A new verb that enqueues, ends or cancels runs belongs into telling.py, any other into SILENT."""
    verbs = {name for name in dir(Store) if inspect.iscoroutinefunction(getattr(Store, name))}
    telling = {name for name, verb in vars(Telling).items() if inspect.iscoroutinefunction(verb)}
    assert verbs == telling | SILENT
    assert not telling & SILENT
