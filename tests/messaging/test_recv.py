"""`send` and `recv`: received once, in order, by exactly the topic, in both colours."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

import stepwell
from stepwell import (
    Stepwell,
    WaitTimeout,
    recv,
    send,
    step,
    workflow,
)
from tests.engine.kit import Exits, Lab, eventually, names


@dataclass
class Parcel:
    carrier: str
    pieces: int = 1


@workflow
def receiver(count: int, topic: str | None) -> list[Any]:
    return [recv(topic) for _ in range(count)]


@workflow
async def receiver_async(count: int, topic: str | None) -> list[Any]:
    return [await stepwell.aio.recv(topic) for _ in range(count)]


@workflow
def sender(to: str, count: int, topic: str | None) -> None:
    for n in range(count):
        send(to, n, topic)


@workflow
async def sender_async(to: str, count: int, topic: str | None) -> None:
    for n in range(count):
        await stepwell.aio.send(to, n, topic)


RECEIVERS = pytest.mark.parametrize("receiving", [receiver, receiver_async.sync], ids=["def", "async"])
SENDERS = pytest.mark.parametrize("sending", [sender, sender_async.sync], ids=["def", "async"])


@RECEIVERS
@pytest.mark.parametrize("topic", [None, "shipped"])
def test_in_the_order_in_which_they_were_sent(engine: Stepwell, receiving: Any, topic: str | None) -> None:
    handle = receiving.options(id="r").start(5, topic)
    for n in range(3):
        engine.send("r", n, topic)
    for n in range(3, 5):
        handle.send(n, topic)
    assert handle.result(timeout=10) == [0, 1, 2, 3, 4]
    assert {each.kind for each in handle.steps()} == {"recv"}


@RECEIVERS
@SENDERS
def test_from_one_workflow_to_another(engine: Stepwell, receiving: Any, sending: Any) -> None:
    handle = receiving.options(id="r").start(4, "t")
    sending.start("r", 4, "t").result(timeout=10)
    assert handle.result(timeout=10) == [0, 1, 2, 3]


def test_to_itself(engine: Stepwell) -> None:
    @workflow(name="own", replace=True)
    def own() -> Any:
        send(stepwell.current().id, "hello")
        return recv()

    assert own() == "hello"


@RECEIVERS
def test_only_that_topic(engine: Stepwell, receiving: Any) -> None:
    handle = receiving.options(id="r").start(1, "b")
    for topic in ("a", None, "B", "b ", "b"):
        engine.send("r", topic or "none", topic)
    assert handle.result(timeout=10) == ["b"]


@RECEIVERS
def test_many_of_another_topic_do_not_hide_it(engine: Stepwell, receiving: Any) -> None:
    handle = receiving.options(id="r").start(1, "b")
    for n in range(250):
        engine.send("r", n, "a")
    engine.send("r", "found", "b")
    assert handle.result(timeout=10) == ["found"]


@RECEIVERS
def test_a_key_is_received_once(engine: Stepwell, receiving: Any) -> None:
    handle = receiving.options(id="r").start(2, None)
    for n in range(3):
        engine.send("r", n, key="same")
    engine.send("r", "last")
    assert handle.result(timeout=10) == [0, "last"]


@pytest.mark.parametrize(
    ("message", "tp", "expected"),
    [
        (Parcel("DHL", 2), Parcel, Parcel("DHL", 2)),
        ({"carrier": "DHL"}, Parcel, Parcel("DHL", 1)),
        ({"carrier": "DHL"}, Parcel | str, Parcel("DHL", 1)),
        ("lost", Parcel | str, "lost"),
        (None, Parcel | None, None),
        (None, None, None),
        (Parcel("DHL", 2), None, Parcel("DHL", 2)),
        ([{"carrier": "x"}], list[Parcel], [Parcel("x")]),
        ({1, 2}, set[int], {1, 2}),
    ],
)
def test_type_has_the_last_word(engine: Stepwell, message: Any, tp: Any, expected: Any) -> None:
    exits = Exits()

    @step
    def leave() -> None:
        exits()

    @workflow(name="typed", replace=True)
    def typed() -> str:
        got = recv(type=tp)
        leave()  # a second execution reads it from the record
        assert got == expected
        assert type(got) is type(expected)
        return "same"

    handle = typed.options(id="r").start()
    engine.send("r", message)
    assert handle.result(timeout=10) == "same"


@RECEIVERS
def test_replays_receive_nothing_new(lab: Lab, receiving: Any) -> None:
    with lab.engine() as first:
        handle = receiving.options(id="r").start(3, None)
        first.send("r", 1)
        first.send("r", 2)
        eventually(lambda: len(names(handle)) == 2)
        first.close(drain=0)
    with lab.engine() as second:
        second.send("r", 3)
        assert second.handle("r").result(timeout=10) == [1, 2, 3]


# -- timeouts ------------------------------------------------------------------------------------------------


@workflow
def patient(seconds: float, default: Any) -> Any:
    return recv(timeout=seconds, default=default) if default != "raise" else recv(timeout=seconds)


@workflow
async def patient_async(seconds: float, default: Any) -> Any:
    if default == "raise":
        return await stepwell.aio.recv(timeout=seconds)
    return await stepwell.aio.recv(timeout=seconds, default=default)


PATIENT = pytest.mark.parametrize("waiting", [patient, patient_async.sync], ids=["def", "async"])


@PATIENT
@pytest.mark.parametrize("seconds", [0, 0.05])
@pytest.mark.parametrize("default", [None, 7])
def test_the_default(engine: Stepwell, waiting: Any, seconds: float, default: Any) -> None:
    handle = waiting.start(seconds, default)
    assert handle.result(timeout=10) == default
    [row] = handle.steps()
    assert (row.kind, row.ended, row.output) == ("recv_timeout", "ok", None)


@PATIENT
@pytest.mark.parametrize("seconds", [0, 0.05])
def test_without_default_it_raises(engine: Stepwell, waiting: Any, seconds: float) -> None:
    handle = waiting.start(seconds, "raise")
    with pytest.raises(WaitTimeout, match="recv"):
        handle.result(timeout=10)
    [row] = handle.steps()
    assert (row.kind, row.ended) == ("recv_timeout", "error")


@PATIENT
def test_what_is_there_wins_over_no_time(engine: Stepwell, waiting: Any) -> None:
    @workflow(name="first_then", replace=True)
    def first_then() -> list[Any]:
        send(stepwell.current().id, "there")
        return [recv(timeout=0), recv(timeout=0, default="nothing")]

    assert first_then() == ["there", "nothing"]


def test_a_recorded_timeout_is_the_same_in_a_replay(engine: Stepwell) -> None:
    exits = Exits(2)
    seen: list[str] = []

    @step
    def leave() -> None:
        exits()

    def both(got: Any) -> None:
        seen.append(repr(got))

    @workflow(name="late", replace=True)
    def late() -> Any:
        both(recv("a", timeout=0.02, default=None))
        try:
            recv("b", timeout=0.02)
        except WaitTimeout as error:
            both(error)
        send(stepwell.current().id, "too late", "a")
        leave()
        return recv("a")

    assert late.start().result(timeout=10) == "too late"
    assert len(seen) == 6
    assert len(set(seen)) == 2, seen


@PATIENT
def test_a_restart_does_not_prolong_it(lab: Lab, waiting: Any) -> None:
    with lab.engine() as first:
        handle = waiting.options(id="w").start(0.5, "late")
        due = eventually(lambda: next((each.due for each in handle.steps() if each.due), None))
        first.close(drain=0)
    with lab.engine() as second:
        handle = second.handle("w")
        assert handle.result(timeout=10) == "late"
        [row] = handle.steps()
    assert row.completed_at is not None
    assert 0 <= (row.completed_at - due).total_seconds() < 0.45


def test_a_block_around_it_ends_it_whatever_the_default(engine: Stepwell) -> None:
    @workflow(name="blocks", replace=True)
    def blocks() -> str:
        try:
            with stepwell.timeout(0.05):
                recv(timeout=60, default="default")
        except WaitTimeout:
            return "the block"
        return "the wait"

    @workflow(name="blocks_async", replace=True)
    async def blocks_async() -> str:
        try:
            async with stepwell.aio.timeout(0.05):
                await stepwell.aio.recv(timeout=60, default="default")
        except WaitTimeout:
            return "the block"
        return "the wait"

    assert blocks() == blocks_async.sync() == "the block"


# -- several at once -----------------------------------------------------------------------------------------


def test_tasks_that_receive_at_once_get_each_message_once(engine: Stepwell) -> None:
    exits = Exits(2)

    @step
    async def leave() -> None:
        exits()

    @workflow(name="crowd", replace=True)
    async def crowd() -> list[Any]:
        async def one(topic: str | None) -> Any:
            return await stepwell.aio.recv(topic)

        got = await asyncio.gather(*(one("a") for _ in range(20)), *(stepwell.aio.recv("b") for _ in range(5)))
        await leave()
        return list(got)

    handle = crowd.sync.options(id="c").start()
    for n in range(20):
        engine.send("c", n, "a")
    for n in range(5):
        engine.send("c", 100 + n, "b")
    got = handle.result(timeout=10)
    assert sorted(got[:20]) == list(range(20))
    assert sorted(got[20:]) == [100, 101, 102, 103, 104]


def test_an_interrupted_receive_gives_its_message_back(engine: Stepwell) -> None:
    @workflow(name="interrupted", replace=True)
    async def interrupted() -> list[Any]:
        me = stepwell.current().id
        got: list[Any] = []
        for _ in range(10):
            task = asyncio.create_task(stepwell.aio.recv("t"))
            await stepwell.aio.send(me, "kept", "t")
            task.cancel()
            try:
                got.append(await task)
            except asyncio.CancelledError:
                got.append(await stepwell.aio.recv("t"))
        got.append(await stepwell.aio.recv("t", timeout=0, default="empty"))
        return got

    assert interrupted.sync() == ["kept"] * 10 + ["empty"]


async def test_from_another_loop(engine: Stepwell) -> None:
    handle = await receiver_async.options(id="r").start(3, None)
    await stepwell.aio.send("r", 1)
    await engine.aio.send("r", 2)
    await handle.send(3)
    assert await handle.result(timeout=10) == [1, 2, 3]
