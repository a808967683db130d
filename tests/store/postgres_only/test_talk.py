"""Messages, events and streams while somebody else's transaction is open: who waits, and what they learn then."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import pytest

from stepwell.model.messaging import Delivery, Published
from stepwell.model.rows import Batch, Verdict
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.link import Link
from stepwell.store.postgres.params import Statement
from tests.store.conformance.kit import draw, finish, step
from tests.store.conformance.talk import entry, event, message
from tests.store.postgres_only.conftest import Bystander
from tests.store.postgres_only.kit import begin, eventually, waiting_for_a_lock

T = TypeVar("T")

INSERT_MESSAGE = "insert into stepwell.messages (run_id, key, body) values (%s, 'k', '\"theirs\"')"
INSERT_ENTRY = "insert into stepwell.streams (run_id, key, number, value) values (%s, 'log', 0, '\"theirs\"')"
END = (
    "update stepwell.workflow_status set status = 'SUCCESS', owner = null, completed_at = stepwell.clock()"
    " where run_id = %s"
)


@contextlib.asynccontextmanager
async def meanwhile(bystander: Bystander, call: Coroutine[Any, Any, T]) -> AsyncIterator["asyncio.Task[T]"]:
    """`call` is under way and waits for a lock of the bystander's transaction, which the block then ends."""
    task = asyncio.ensure_future(call)
    await eventually(lambda: waiting_for_a_lock(bystander))
    yield task
    await task


async def test_a_run_that_ends_while_a_sender_waits_receives_nothing(
    store: PostgresStore, bystander: Bystander
) -> None:
    run = await begin(store)
    bystander.execute("begin")
    bystander.execute(END.encode(), [run.run_id])
    async with meanwhile(bystander, store.send([message(run.run_id)])) as sending:
        bystander.execute("commit")
    assert [answer.delivery for answer in sending.result()] == [Delivery.ENDED]
    assert await store.unconsumed([(run.run_id, None)], 10) == []


async def test_an_id_that_passes_on_while_a_sender_waits(store: PostgresStore, bystander: Bystander) -> None:
    """Replaced: the message goes to the new run, and nobody is told that there is none."""
    old, new = await begin(store), draw()
    bystander.execute("begin")
    bystander.execute(END.encode(), [old.run_id])
    bystander.execute("update stepwell.workflow_status set current = false where run_id = %s", [old.run_id])
    bystander.execute(
        "insert into stepwell.workflow_status (run_id, workflow_id, name, route, status, input, input_digest)"
        " values (%s, %s, 'n', 'r', 'ENQUEUED', '1', 'd')",
        [new, str(old.run_id)],
    )
    async with meanwhile(bystander, store.send([message(old.run_id)])) as sending:
        bystander.execute("commit")
    assert [(answer.delivery, answer.run_id) for answer in sending.result()] == [(Delivery.SENT, new)]


async def test_a_run_does_not_end_while_a_message_is_under_way(store: PostgresStore, bystander: Bystander) -> None:
    """It goes on meanwhile: only its end waits."""
    run = await begin(store)
    bystander.execute("begin")
    bystander.execute("select from stepwell.workflow_status where run_id = %s for share", [run.run_id])
    bystander.execute(INSERT_MESSAGE.encode(), [run.run_id])
    assert (await store.commit(Batch(checkpoints=[step(run, 0)]))).all_written
    assert (await store.commit(Batch(finishes=[finish(run)]))).finishes == [Verdict.BUSY]
    bystander.execute("commit")
    assert (await store.commit(Batch(checkpoints=[step(run, 1, consumes="k")], finishes=[finish(run)]))).all_written
    assert await store.unconsumed([(run.run_id, None)], 10) == []


@pytest.mark.parametrize(("ends", "delivery"), [("commit", Delivery.DUPLICATE), ("rollback", Delivery.SENT)])
async def test_an_older_attempt_of_a_send_is_waited_for(
    store: PostgresStore, bystander: Bystander, ends: str, delivery: Delivery
) -> None:
    run = await begin(store)
    bystander.execute("begin")
    bystander.execute(INSERT_MESSAGE.encode(), [run.run_id])
    async with meanwhile(bystander, store.send([message(run.run_id, body='"mine"')])) as sending:
        bystander.execute(ends.encode())
    assert [answer.delivery for answer in sending.result()] == [delivery]
    (found,) = await store.unconsumed([(run.run_id, None)], 10)
    assert found.body == ('"theirs"' if ends == "commit" else '"mine"')


@pytest.mark.parametrize("ends", ["commit", "rollback"])
async def test_a_number_that_an_older_attempt_takes_is_not_taken_twice(
    store: PostgresStore, bystander: Bystander, ends: str
) -> None:
    run = await begin(store)
    bystander.execute("begin")
    bystander.execute(INSERT_ENTRY.encode(), [run.run_id])
    async with meanwhile(bystander, store.publish([event(run)], [entry(run, '"mine"')])) as publishing:
        bystander.execute(ends.encode())
    assert publishing.result() == [Published.WRITTEN, Published.WRITTEN]
    (found,) = await store.streams([(run.run_id, "log", 0)], 10)
    assert [one.value for one in found] == (['"theirs"', '"mine"'] if ends == "commit" else ['"mine"'])
    assert [one.number for one in found] == list(range(len(found)))


async def test_nobody_is_waited_for_without_end(store: PostgresStore, bystander: Bystander) -> None:
    run = await begin(store)
    bystander.execute("begin")
    bystander.execute(INSERT_MESSAGE.encode(), [run.run_id])
    bystander.execute(INSERT_ENTRY.encode(), [run.run_id])
    for call in (store.send([message(run.run_id)]), store.publish([], [entry(run, "1")])):
        with pytest.raises(StoreFault) as caught:
            await call
        assert caught.value.kind is FaultKind.CONTENTION
    bystander.execute("rollback")
    assert await store.publish([], [entry(run, "1")]) == [Published.WRITTEN]


async def test_a_send_and_a_publication_are_one_round_trip(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the look for who is parked on it, after the commit."""
    run, converse = await begin(store), Link._converse
    trips: list[int] = []

    async def counted(self: Link, statements: tuple[Statement, ...]) -> Any:
        trips.append(len(statements))
        return await converse(self, statements)

    monkeypatch.setattr(Link, "_converse", counted)
    await store.send([message(run.run_id, f"k{n}") for n in range(100)])
    await store.publish([event(run)], [entry(run, "1") for _ in range(100)])
    assert len(trips) == 2
