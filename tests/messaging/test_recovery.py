"""A receive and a takeover: the message goes with the checkpoint, to exactly one execution."""

from typing import Any, cast

import pytest

import stepwell
from stepwell import Stepwell, recv, send, step, workflow
from stepwell.model.rows import Batch, Leave
from stepwell.store.api import Store
from tests.engine.kit import Exits, Gate, Lab, Tap, eventually, reaches

sent: list[int] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    sent.clear()


@workflow
def two() -> list[Any]:
    return [recv("t"), recv("t")]


@workflow
async def two_async() -> list[Any]:
    return [await stepwell.aio.recv("t"), await stepwell.aio.recv("t")]


FLOWS = pytest.mark.parametrize("flow", [two, two_async.sync], ids=["def", "async"])


class Held(Stepwell):
    """Holds the commit of receives up, before or after it reaches the database."""

    gate: Gate
    after = False

    def _open_store(self) -> Store:
        store = super()._open_store()

        async def hold(verb: str, argument: Any) -> None:
            if isinstance(argument, Batch) and any(each.consumes for each in argument.checkpoints):
                if self.after:
                    await store.commit(argument)
                await self.gate.hold_async()

        return cast(Store, Tap(store, hold))


@FLOWS
@pytest.mark.parametrize("after", [False, True], ids=["before-commit", "after-commit"])
def test_two_executions_receive_for_one_run(lab: Lab, flow: Any, after: bool) -> None:
    """The first has chosen a message and is too late: what it says is refused, or is what is recorded already."""
    first = lab.engine(make=Held, call_deadline=0.5)
    assert isinstance(first, Held)
    first.gate, first.after = Gate(), after
    first.launch()
    handle = first.start(flow)
    first.send(handle.id, 1, "t")
    first.gate.reached.wait()
    first.runtime.draining = True  # it claims nothing more
    second = lab.launch()
    run_id = handle.run_id
    given = second.runtime.inbox.run(second.runtime.leave(Leave(run_id, 1, "ENQUEUED", "taken")))
    assert given, "the run is free for the second"
    second.send(handle.id, 2, "t")
    assert second.handle(handle.id).result(timeout=10) == [1, 2]
    first.runtime.draining = False
    first.gate.open()
    # If it recorded nothing, it would wait for good: its audit finds that the run is not its own any more.
    assert handle.result(timeout=10) == [1, 2]
    assert [(each.kind, each.ended) for each in handle.steps()] == [("recv", "ok")] * 2
    eventually(lambda: not first.runtime.executions)


def test_a_repeated_step_sends_nothing_twice(engine: Stepwell) -> None:
    exits = Exits(3)

    @step(retry=2)
    def tells(to: str) -> None:
        sent.append(1)
        send(to, "first")
        send(to, "second", key="my own")
        if len(sent) == 1:
            raise ConnectionError
        exits()

    @step
    async def tells_too(to: str) -> None:
        await stepwell.aio.send(to, "third")

    @workflow(name="telling", replace=True)
    def telling(to: str) -> None:
        tells(to)
        tells_too.sync(to)

    @workflow(name="listening", replace=True)
    def listening() -> list[Any]:
        got = [recv() for _ in range(3)]
        return [*got, recv(timeout=0.05, default="no more")]

    handle = listening.options(id="l").start()
    telling.start("l").result(timeout=10)
    assert handle.result(timeout=10) == ["first", "second", "third", "no more"]
    assert len(sent) == 5


def test_a_replayed_send_is_not_sent_again(engine: Stepwell) -> None:
    exits = Exits(3)

    @step
    def leave() -> None:
        exits()

    @workflow(name="telling", replace=True)
    def telling(to: str) -> None:
        send(to, 1)
        stepwell.set_event("e", 1)
        stepwell.write_stream("s", 1)
        leave()

    handle = two.options(id="l").start()
    telling.options(id="t").start("l").result(timeout=10)
    assert engine.get_event("t", "e") == 1
    assert list(engine.read_stream("t", "s")) == [1]
    handle.cancel()


# -- rewind, resume, code changes --------------------------------------------------------------------------------


@FLOWS
def test_rewind_receives_again(engine: Stepwell, flow: Any) -> None:
    handle = flow.options(id="r").start()
    engine.send("r", 1, "t")
    engine.send("r", 2, "t")
    assert handle.result(timeout=10) == [1, 2]
    engine.rewind("r", handle.steps()[1].id)
    assert engine.handle("r").result(timeout=10) == [1, 2]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (lambda: recv("a"), lambda: recv("b"), "recv"),
        (lambda: recv("a"), lambda: stepwell.set_event("a", 1), "set_event"),
        (lambda: stepwell.set_event("a", 1), lambda: stepwell.set_event("b", 1), "set_event"),
        (lambda: stepwell.write_stream("a", 1), lambda: stepwell.write_stream("b", 1), "write_stream"),
        (lambda: send("c", 1, "a"), lambda: send("c", 1, "b"), "send"),
        (lambda: stepwell.token(int).id, lambda: stepwell.token(str).id, "token"),
    ],
    ids=["topic", "verb", "event", "stream", "send", "token"],
)
def test_other_code_is_blocked(lab: Lab, before: Any, after: Any, why: str) -> None:
    gate = Gate()

    @step
    def hold() -> None:
        gate.hold()

    @workflow(name="changing", replace=True)
    def old() -> None:
        before()
        hold()

    with lab.engine() as first:
        two.options(id="c").start()
        handle = old.options(id="r").start()
        first.send("r", 1, "a")
        gate.reached.wait()
        first.close(drain=0)
    gate.open()

    @workflow(name="changing", replace=True)
    def new() -> None:
        after()
        hold()

    with lab.engine() as second:
        handle = second.handle("r")
        reaches(handle, "BLOCKED")
        assert why in str(handle.status().reason)


def test_other_types_and_timeouts_match(lab: Lab) -> None:
    gate = Gate()

    @step
    def hold() -> None:
        gate.hold()

    @workflow(name="changing", replace=True)
    def old() -> None:
        recv("a", type=int)
        hold()

    with lab.engine() as first:
        old.options(id="r").start()
        first.send("r", 1, "a")
        gate.reached.wait()
        first.close(drain=0)
    gate.open()

    @workflow(name="changing", replace=True)
    def new() -> Any:
        got = recv("a", type=int | str, timeout=50, default=None)
        hold()
        return got

    with lab.engine() as second:
        assert second.handle("r").result(timeout=10) == 1


def test_a_message_that_nobody_here_can_open_waits_for_who_can(lab: Lab) -> None:
    class Sealed:
        codec_id = "sealed"

        def encode(self, text: str) -> str:
            return text[::-1]

        def decode(self, text: str) -> str:
            return text[::-1]

    with lab.engine() as plain:
        handle = two.options(id="r").start()
        with stepwell.Client(lab.url, serializer=Sealed()) as client:
            client.send("r", {"a": 1}, "t")
        reaches(handle, "BLOCKED")
        assert "sealed" in str(handle.status().reason)
        plain.close()
    sealed = Stepwell(lab.url, serializer=Sealed(), settings=stepwell.Settings(poll_interval=0.05))
    with sealed:
        sealed.resume("r")
        sealed.send("r", 2, "t")
        assert sealed.handle("r").result(timeout=10) == [{"a": 1}, 2]


def test_explained(lab: Lab) -> None:
    with lab.engine(park_after=0.02) as engine:
        handle = two.options(id="r").start()
        reaches(handle, "WAITING")
        assert "message" in engine.explain("r")
        eventually(lambda: engine.health()["executing"] == 0)
