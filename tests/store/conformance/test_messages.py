"""Messages: to whom they go, in which order they wait, and that each is received once."""

import asyncio

import pytest

from stepwell.model.messaging import Delivery, Message, Sent
from stepwell.model.rows import Verdict
from stepwell.store.faults import FaultKind, StoreFault
from tests.store.conformance.kit import Execution, World, draw, finish, step
from tests.store.conformance.talk import keys, message, sent


def deliveries(answers: list[Sent]) -> list[Delivery]:
    return [answer.delivery for answer in answers]


# -- sending ------------------------------------------------------------------------------------------------


async def test_a_message_comes_back_as_it_went_in(world: World) -> None:
    run, sender = await world.begin(workflow_id="order-1"), draw()
    (answer,) = await sent(
        world, message("order-1", "k1", topic="paid", body='{"b":1,"a":2}', codec_id="zip", sender_run=sender)
    )
    assert (answer.delivery, answer.run_id, answer.woke) == (Delivery.SENT, run.run_id, False)
    (found,) = await world.store.unconsumed([(run.run_id, "paid")], 10)
    assert found == Message(run.run_id, "k1", "paid", '{"b":1,"a":2}', "zip", found.number)


async def test_nobody_has_that_id(world: World) -> None:
    (answer,) = await sent(world, message("nobody"))
    assert (answer.delivery, answer.run_id) == (Delivery.NOT_FOUND, None)


@pytest.mark.parametrize("status", ["SUCCESS", "ERROR", "CANCELLED"])
async def test_an_ended_run_receives_nothing(world: World, status: str) -> None:
    run_id = await world.ended(status)
    (answer,) = await sent(world, message(run_id))
    assert (answer.delivery, answer.run_id) == (Delivery.ENDED, run_id)
    assert await keys(world, run_id) == []


async def test_runs_in_every_state_that_is_not_an_end_receive(world: World) -> None:
    waiting, blocked, dead = [await world.begin(max_recoveries=0) for _ in range(3)]
    enqueued = await world.enqueue()
    await world.park(waiting)
    await world.block(blocked)
    await world.release(dead, recovery=True)
    ids = [waiting.run_id, blocked.run_id, dead.run_id, enqueued]
    answers = await sent(world, *(message(run_id) for run_id in ids))
    assert [(a.delivery, a.run_id) for a in answers] == [(Delivery.SENT, run_id) for run_id in ids]


async def test_the_app_does_not_matter_but_the_namespace_does(world: World) -> None:
    run = await world.begin(workflow_id="order-1")
    same, tenant = await world.another(app="billing"), await world.another(namespace="acme")
    assert deliveries(await sent(world, message("order-1"), store=same)) == [Delivery.SENT]
    assert deliveries(await sent(world, message("order-1", "k2"), store=tenant)) == [Delivery.NOT_FOUND]
    assert await keys(world, run) == ["k"]


async def test_a_message_goes_to_the_run_that_has_the_id_now(world: World) -> None:
    old = await world.ended(workflow_id="order-1")
    new = await world.start(workflow_id="order-1", replace=True)
    (answer,) = await sent(world, message("order-1"))
    assert (answer.delivery, answer.run_id) == (Delivery.SENT, new.run_id)
    assert (await keys(world, old), await keys(world, new.run_id)) == ([], ["k"])


async def test_the_same_key_is_there_once(world: World) -> None:
    run, other = await world.begin(), await world.begin()
    assert deliveries(await sent(world, message(run.run_id, body='"first"'))) == [Delivery.SENT]
    again = await sent(world, message(run.run_id, body='"second"', topic="t"), message(other.run_id))
    assert deliveries(again) == [Delivery.DUPLICATE, Delivery.SENT], "keys belong to the destination"
    (found,) = await world.store.unconsumed([(run.run_id, None), (run.run_id, "t")], 10)
    assert found.body == '"first"'


async def test_the_same_key_twice_in_one_call(world: World) -> None:
    run = await world.begin()
    answers = await sent(world, message(run.run_id, body='"1"'), message(run.run_id, "x"), message(run.run_id))
    assert deliveries(answers) == [Delivery.SENT, Delivery.SENT, Delivery.DUPLICATE]
    assert [m.body for m in await world.store.unconsumed([(run.run_id, None)], 9)] == ['"1"', '"body of x"']


async def test_a_repeated_send_learns_that_it_was_sent_although_the_run_has_ended(world: World) -> None:
    """The answer was lost, the message was received, the run ended: the sender must not take it for undelivered."""
    run = await world.begin()
    await sent(world, message(run.run_id))
    await world.written(step(run, 0, consumes="k"), finish(run))
    assert deliveries(await sent(world, message(run.run_id), message(run.run_id, "new"))) == [
        Delivery.DUPLICATE,
        Delivery.ENDED,
    ]


async def test_a_mixed_call_answers_in_its_order(world: World) -> None:
    ended, run = await world.ended(), await world.begin()
    ids = [str(run.run_id), "nobody", str(ended), str(run.run_id)]
    answers = await sent(world, *(message(to, f"k{n}") for n, to in enumerate(ids)))
    assert deliveries(answers) == [Delivery.SENT, Delivery.NOT_FOUND, Delivery.ENDED, Delivery.SENT]
    assert await sent(world) == []


async def test_a_value_that_the_database_refuses_fails_the_whole_call(world: World) -> None:
    run = await world.begin()
    with pytest.raises(StoreFault) as caught:
        await sent(world, message(run.run_id, "good"), message(run.run_id, "bad", body="\ud800"))
    assert caught.value.kind is FaultKind.PAYLOAD
    assert await keys(world, run) == []


async def test_a_long_key_is_refused_or_kept(world: World) -> None:
    """As a whole: never cut."""
    run, key = await world.begin(), "".join(chr(0x4E00 + n) for n in range(4000))
    try:
        await sent(world, message(run.run_id, key))
    except StoreFault as fault:
        assert fault.kind is FaultKind.PAYLOAD
        assert await keys(world, run) == []
    else:
        assert await keys(world, run) == [key]


# -- order --------------------------------------------------------------------------------------------------


async def test_messages_wait_in_the_order_of_their_sending(world: World) -> None:
    run, other = await world.begin(), await world.begin()
    names = [f"k{9 - n}" for n in range(10)]
    await sent(world, *(message(run.run_id, name) for name in names[:6]))
    await sent(world, *(message(to, name) for name in names[6:] for to in (other.run_id, run.run_id)))
    assert await keys(world, run) == names
    assert await keys(world, run, limit=3) == names[:3]
    numbers = [found.number for found in await world.store.unconsumed([(run.run_id, None)], 10)]
    assert numbers == sorted(set(numbers))


async def test_each_topic_has_a_limit_of_its_own(world: World) -> None:
    """What nobody asks for does not hide what somebody waits for."""
    run = await world.begin()
    await sent(world, *(message(run.run_id, f"log{n}", topic="log") for n in range(50)), message(run.run_id, "plain"))
    await sent(world, message(run.run_id, "stop", topic="stop"), message(run.run_id, "empty", topic=""))
    assert await keys(world, run, "stop", 1) == ["stop"]
    assert await keys(world, run, None) == ["plain", "empty"], "an empty topic is none"
    found = await world.store.unconsumed([(run.run_id, "stop"), (run.run_id, "log"), (run.run_id, "stop")], 2)
    assert [m.key for m in found] == ["log0", "log1", "stop"]


async def test_many_runs_are_asked_for_at_once(world: World) -> None:
    runs = [await world.begin() for _ in range(5)]
    await sent(world, *(message(run.run_id, f"k{n}") for n in range(2) for run in reversed(runs)))
    found = await world.store.unconsumed([(run.run_id, None) for run in runs], 1)
    assert [(m.run_id, m.key) for m in found] == [(run.run_id, "k0") for run in runs]
    assert await world.store.unconsumed([], 10) == []
    assert await world.store.unconsumed([(runs[0].run_id, None)], 0) == []


# -- receiving ----------------------------------------------------------------------------------------------


async def test_a_receive_takes_its_message_with_its_outcome(world: World) -> None:
    run = await world.begin()
    await sent(world, *(message(run.run_id, f"k{n}") for n in range(3)))
    await world.written(step(run, 0, kind="recv", consumes="k0"))
    assert await keys(world, run) == ["k1", "k2"]
    await world.written(step(run, 1, consumes="k2"), step(run, 2), step(run, 3, consumes="k1"))
    assert await keys(world, run) == []


async def test_the_same_batch_again_takes_nothing_more(world: World) -> None:
    run = await world.begin()
    await sent(world, message(run.run_id, "k0"), message(run.run_id, "k1"))
    for _ in range(2):
        committed = await world.commit(step(run, 0, consumes="k0"), step(run, 1))
    assert committed.checkpoints == [Verdict.MINE, Verdict.MINE]
    assert await keys(world, run) == ["k1"]
    await world.release(run)
    assert len((await world.claim_one()).history) == 2


async def test_a_zombies_receive_takes_nothing(world: World) -> None:
    run = await world.begin()
    await sent(world, message(run.run_id))
    await world.release(run)
    claimed = await world.claim_one()
    committed = await world.commit(step(run, 0, consumes="k"))
    assert committed.checkpoints == [Verdict.LOST]
    assert await keys(world, run) == ["k"]
    await world.written(step(claimed, 0, consumes="k"))
    late = await world.commit(step(run, 0, consumes="k"), step(run, 1, consumes="k"))
    assert late.checkpoints == [Verdict.LOST, Verdict.LOST]
    assert await keys(world, run) == []


async def test_a_receive_in_a_batch_of_which_another_run_is_lost(world: World) -> None:
    lost, kept = await world.begin(), await world.begin()
    await sent(world, message(lost.run_id), message(kept.run_id))
    await world.release(lost)
    committed = await world.commit(step(lost, 0, consumes="k"), step(kept, 0, consumes="k"))
    assert committed.checkpoints == [Verdict.LOST, Verdict.WRITTEN]
    assert (await keys(world, lost), await keys(world, kept)) == (["k"], [])


async def test_a_receive_whose_place_is_taken_by_something_else_takes_nothing(world: World) -> None:
    run = await world.begin()
    await sent(world, message(run.run_id))
    await world.written(step(run, 0))
    await world.release(run)
    again = await world.claim_one()
    committed = await world.commit(step(again, 0, kind="recv", name="other", consumes="k"))
    assert committed.checkpoints == [Verdict.CONFLICT]
    assert await keys(world, run) == ["k"]


async def test_a_receive_and_the_end_of_its_run_in_one_batch(world: World) -> None:
    run = await world.begin()
    await sent(world, message(run.run_id))
    await world.written(step(run, 0, consumes="k"), finish(run))
    assert await keys(world, run) == []


# -- concurrency --------------------------------------------------------------------------------------------


async def test_senders_and_the_end_of_a_run_agree(world: World) -> None:
    """SENT: it was there before the end. ENDED: nothing is there."""
    other = await world.another()
    for _ in range(10):
        run = await world.begin()
        answers, _ = await asyncio.gather(
            sent(world, *(message(run.run_id, f"k{n}") for n in range(5)), store=other), _patiently_ended(world, run)
        )
        assert set(deliveries(answers)) in ({Delivery.SENT}, {Delivery.ENDED})
        expected = [f"k{n}" for n in range(5)] if answers[0].delivery is Delivery.SENT else []
        assert await keys(world, run) == expected


async def _patiently_ended(world: World, run: Execution) -> None:
    """A sender holds the run's row for a moment: then the answer is BUSY, and the core sends again."""
    while (await world.commit(finish(run))).finishes == [Verdict.BUSY]:
        pass


async def test_two_processes_that_send_the_same_send_it_once(world: World) -> None:
    other, run = await world.another(), await world.begin()
    batch = [message(run.run_id, f"k{n}") for n in range(20)]
    one, two = await asyncio.gather(sent(world, *batch), sent(world, *reversed(batch), store=other))
    found = deliveries([*one, *reversed(two)])
    assert all({a, b} == {Delivery.SENT, Delivery.DUPLICATE} for a, b in zip(found[:20], found[20:], strict=True))
    assert sorted(await keys(world, run)) == sorted(m.key for m in batch)


async def test_two_processes_that_send_to_the_same_runs_never_stand_in_each_others_way(world: World) -> None:
    other, runs = await world.another(), [await world.begin() for _ in range(10)]
    for n in range(5):
        here = [message(run.run_id, f"a{n}") for run in runs]
        there = [message(run.run_id, f"b{n}") for run in reversed(runs)]
        await asyncio.gather(sent(world, *here), sent(world, *there, store=other))
    assert all([len(await keys(world, run)) == 10 for run in runs])


# -- operators ----------------------------------------------------------------------------------------------


async def test_rewind_gives_back_what_was_received_since(world: World) -> None:
    run = await world.begin()
    await sent(world, *(message(run.run_id, f"k{n}") for n in range(4)))
    await world.written(
        step(run, 0, consumes="k0"), step(run, 1), step(run, 2, consumes="k2"), step(run, 3, consumes="k1"), finish(run)
    )
    assert await world.store.rewind(run.run_id, "0", 1)
    assert await keys(world, run) == ["k1", "k2", "k3"], "in their old order"
    again = await world.claim_one()
    await world.written(step(again, 1), step(again, 2, consumes="k1"), step(again, 3, consumes="k2"), finish(again))
    assert await keys(world, run) == ["k3"]


async def test_resume_gives_back_what_cleanup_had_received(world: World) -> None:
    run = await world.begin()
    await sent(world, *(message(run.run_id, f"k{n}") for n in range(2)))
    cancel = step(run, 1, kind="cancel", ended="cancelled", output=None)
    await world.written(step(run, 0, consumes="k0"), cancel, step(run, 2, consumes="k1"), finish(run, "CANCELLED"))
    assert await world.store.resume(run.run_id)
    assert await keys(world, run) == ["k1"]


async def test_resume_of_a_failed_run_gives_nothing_back(world: World) -> None:
    run = await world.begin()
    await sent(world, message(run.run_id))
    await world.written(step(run, 0, consumes="k"), finish(run, "ERROR"))
    assert await world.store.resume(run.run_id)
    assert await keys(world, run) == []


async def test_messages_stay_with_the_run_that_is_forked(world: World) -> None:
    run = await world.begin()
    await sent(world, message(run.run_id, "k0"), message(run.run_id, "k1"))
    await world.written(step(run, 0, consumes="k0"), step(run, 1))
    new = world.new(status="ENQUEUED")
    assert await world.store.fork(run.run_id, "0", 1, new)
    assert (await keys(world, new.run_id), await keys(world, run)) == ([], ["k1"])


async def test_what_nobody_received_leaves_with_the_run(world: World) -> None:
    deleted, purged = await world.begin(), await world.begin()
    await sent(world, message(deleted.run_id), message(purged.run_id))
    await world.end(deleted)
    assert await keys(world, deleted) == ["k"], "until then it can be looked at"
    assert await world.store.delete(deleted.run_id)
    await world.end(purged)
    await world.clock.advance(10)
    assert await world.store.purge(5.0, 10) == 1
    assert (await keys(world, deleted), await keys(world, purged)) == ([], [])


async def test_two_receives_of_one_batch_that_name_one_message(world: World) -> None:
    """The core never does it; whatever it does, the message is marked once, and the batch is not refused."""
    run = await world.begin()
    await sent(world, message(run.run_id))
    await world.written(step(run, 0, consumes="k"), step(run, 1, consumes="k"))
    assert await keys(world, run) == []


async def test_a_receive_of_a_message_that_is_not_there_makes_none(world: World) -> None:
    run = await world.begin()
    await world.written(step(run, 0, consumes="k"))
    assert (await sent(world, message(run.run_id)))[0].delivery is Delivery.SENT
