"""What cannot be sent or received is refused with an error that says so, before any effect."""

import asyncio
from itertools import product
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest

import stepwell
from stepwell import (
    AsyncMismatch,
    InvalidArgument,
    NotInWorkflow,
    NotSerializable,
    PayloadTooLarge,
    Stepwell,
    UnreadablePayload,
    UsageError,
    WorkflowEnded,
    WorkflowNotFound,
    recv,
    send,
    step,
    workflow,
)
from stepwell.core.keys import sent_key
from stepwell.model.ids import RESERVED
from tests.engine.kit import Exits


@workflow(name="receives_for_refusals")
def receiver(count: int, topic: str | None) -> list[Any]:
    return [recv(topic) for _ in range(count)]


@workflow(name="sends_for_refusals")
def sender(to: str, count: int, topic: str | None) -> None:
    for n in range(count):
        send(to, n, topic)


@workflow(name="sends_for_refusals_async")
async def sender_async(to: str, count: int, topic: str | None) -> None:
    for n in range(count):
        await stepwell.aio.send(to, n, topic)


SENDERS = pytest.mark.parametrize("sending", [sender, sender_async.sync], ids=["def", "async"])


@SENDERS
def test_to_nobody_and_to_the_ended(engine: Stepwell, sending: Any) -> None:
    ended = receiver.options(id="ended").start(0, None)
    ended.result(timeout=10)
    for to, error in (("nobody", WorkflowNotFound), ("ended", WorkflowEnded)):
        with pytest.raises(error, match=to):
            engine.send(to, 1)
        handle = sending.start(to, 1, None)
        with pytest.raises(error, match=to):
            handle.result(timeout=10)
        [row] = handle.steps()
        assert (row.kind, row.ended) == ("send", "error")
    with pytest.raises(WorkflowEnded):
        ended.send(1)


BAD = ["", "x" * 256, "a\0b", "\ud800", 3, "!stepwell:token:1"]


@pytest.mark.parametrize("bad", BAD)
def test_bad_topics_and_keys_are_refused_before_any_effect(engine: Stepwell, bad: Any) -> None:
    @workflow(name="bad", replace=True)
    def flow() -> str:
        me = stepwell.current().id
        with pytest.raises(InvalidArgument, match="topic"):
            recv(bad, timeout=0)
        with pytest.raises(InvalidArgument, match="topic"):
            send(me, 1, bad)
        with pytest.raises(InvalidArgument, match="key"):
            send(me, 1, key=bad)
        return "refused"

    handle = flow.start()
    assert handle.result(timeout=10) == "refused"
    assert handle.steps() == []
    with pytest.raises(InvalidArgument):
        engine.send("x", 1, bad)


def test_the_engines_own_keys_are_nobody_elses(engine: Stepwell) -> None:
    """Or a user's key could take the place of what a workflow sends, which would be lost."""

    @step
    def tells(to: str) -> None:
        send(to, 2)

    @workflow(name="telling", replace=True)
    def telling(to: str) -> None:
        send(to, 1)
        tells(to)

    receiver.options(id="r").start(1, "else")
    telling.start("r").result(timeout=10)
    engine.send("r", 3)
    run_id = engine.handle("r").run_id
    runtime = engine.runtime
    waiting = runtime.inbox.run(runtime.store.unconsumed([(run_id, None)], 10))
    assert [each.body for each in waiting] == ["1", "2", "3"]
    assert len({each.key for each in waiting}) == 3
    for each in waiting:
        with pytest.raises(InvalidArgument, match="key must not begin with '!stepwell:'"):
            engine.send("r", "mine", key=each.key)


def test_each_operation_has_keys_of_its_own() -> None:
    """Whatever its branch is called: the names of steps are in there."""
    branches = ["".join(letters) for length in range(5) for letters in product(":.0", repeat=length)]
    places = list(product(branches, range(2), [None, 0, 1]))
    run_id = uuid5(NAMESPACE_OID, "a run")
    keys = {sent_key(run_id, (branch, seq), effect) for branch, seq, effect in places}
    assert len(keys) == len(places)
    assert all(key.startswith(RESERVED) for key in keys)


@pytest.mark.parametrize("bad", ["", "a\0b", "\ud800", 3])
def test_bad_ids(engine: Stepwell, bad: Any) -> None:
    with pytest.raises(InvalidArgument, match="id"):
        engine.send(bad, 1)


@pytest.mark.parametrize("bad", [-1, float("nan"), "1", True])
def test_bad_timeouts(engine: Stepwell, bad: Any) -> None:
    @workflow(name="bad", replace=True)
    def flow() -> None:
        recv(timeout=bad)

    with pytest.raises(InvalidArgument, match="timeout"):
        flow()


def test_what_cannot_be_sent_is_refused_before_any_effect(engine: Stepwell) -> None:
    handle = receiver.options(id="r").start(2, None)
    with pytest.raises(PayloadTooLarge, match="message"):
        engine.send("r", "x" * 20_000_000)
    with pytest.raises(NotSerializable, match="message"):
        engine.send("r", object())
    engine.send("r", "nul \0 and \ud800 surrogate")
    engine.send("r", "the first")
    assert handle.result(timeout=10) == ["nul \0 and \ud800 surrogate", "the first"]


def test_what_is_too_large_is_refused_wherever_it_is_said(engine: Stepwell) -> None:
    large = "x" * 20_000_000

    @step
    def within(to: str) -> str:
        with pytest.raises(PayloadTooLarge, match="message"):
            send(to, large)
        return "refused"

    @workflow(name="large", replace=True)
    def flow() -> list[Any]:
        me = stepwell.current().id
        answer = stepwell.token(str)
        with pytest.raises(PayloadTooLarge, match="value"):
            engine.complete(answer.id, large)
        with pytest.raises(PayloadTooLarge, match="message"):
            send(me, large)
        engine.complete(answer.id, "nul \0 and \ud800 surrogate")
        return [within(me), answer.wait(), recv(timeout=0, default="nothing")]

    handle = flow.start()
    assert handle.result(timeout=10) == ["refused", "nul \0 and \ud800 surrogate", "nothing"]
    assert [each.kind for each in handle.steps()] == ["token", "complete", "step", "recv", "recv_timeout"]


def test_a_message_of_another_type_is_the_receives_failure_and_is_gone(engine: Stepwell) -> None:
    exits = Exits()

    @step
    def leave() -> None:
        exits()

    @workflow(name="strict", replace=True)
    def strict() -> list[Any]:
        got: list[Any] = []
        for _ in range(2):
            try:
                got.append(recv(type=int))
            except UnreadablePayload:
                got.append("unreadable")
        leave()
        return got

    handle = strict.options(id="r").start()
    engine.send("r", "no number")
    engine.send("r", 5)
    assert handle.result(timeout=10) == ["unreadable", 5]
    assert [(each.kind, each.ended) for each in handle.steps()][:2] == [("recv", "error"), ("recv", "ok")]


def test_outside_and_within_steps(engine: Stepwell) -> None:
    with pytest.raises(NotInWorkflow, match="recv"):
        recv()
    with pytest.raises(NotInWorkflow, match="recv"):
        asyncio.run(stepwell.aio.recv())

    @step
    def waits() -> None:
        recv()

    @workflow(name="stepping", replace=True)
    def stepping() -> None:
        waits()

    with pytest.raises(UsageError, match="recv"):
        stepping()


def test_colours(engine: Stepwell) -> None:
    @workflow(name="wrong", replace=True)
    def wrong() -> None:
        asyncio.run(stepwell.aio.recv())

    @workflow(name="wrong_async", replace=True)
    async def wrong_async() -> None:
        recv()

    @workflow(name="wrong_send", replace=True)
    async def wrong_send() -> None:
        send("x", 1)

    for flow in (wrong, wrong_async.sync, wrong_send.sync):
        with pytest.raises(AsyncMismatch, match="stepwell"):
            flow()

    async def outside() -> None:
        with pytest.raises(AsyncMismatch, match=r"await stepwell\.aio\.send"):
            send("x", 1)

    asyncio.run(outside())
