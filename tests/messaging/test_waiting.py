"""Waiting costs next to nothing: no thread, no connection, one query for all; parked runs are woken by the fact."""

import asyncio
import contextlib
import random
import threading
import time
from functools import partial
from typing import Any

import pytest

import stepwell
from stepwell import Handle, Parked, Stepwell, WaitTimeout, recv, step, workflow
from tests.engine.kit import Gate, Lab, eventually, in_thread, names, reaches

#: So long nothing is polled but the facts.
QUIET = 1000.0


@workflow
def waits(topic: str) -> Any:
    return recv(topic)


@workflow
async def waits_async(topic: str) -> Any:
    return await stepwell.aio.recv(topic)


@pytest.fixture
def engine(lab: Lab) -> Stepwell:
    return lab.launch(park_after=0.02, max_threads=1, poll_interval=QUIET, sweep_interval=QUIET)


def test_a_def_run_parks_and_is_woken_by_a_send(engine: Stepwell) -> None:
    """Nothing polls here: the send itself wakes it."""
    handle = waits.options(id="w").start("t")
    reaches(handle, "WAITING")
    engine.send("w", 1, "u")
    assert handle.status().status == "WAITING"
    engine.send("w", 2, "t")
    assert handle.result(timeout=10) == 2


def test_woken_by_a_send_from_another_process(lab: Lab, engine: Stepwell) -> None:
    other = lab.launch("other")
    handle = engine.start(waits, "t")
    reaches(handle, "WAITING")
    other.send(handle.id, "hello", "t")
    assert other.handle(handle.id).status().status != "WAITING"
    assert handle.result(timeout=10) == "hello"


def test_sent_while_it_parks(engine: Stepwell) -> None:
    """The message comes between the last look and the row of the wait."""

    @workflow(name="slow_to_park", replace=True)
    def slow_to_park() -> Any:
        try:
            return recv("t")
        except Parked:
            if not sent:
                in_thread(lambda: engine.send("w", "just now", "t")).result()  # out of the workflow's context
                sent.append(1)
            raise

    sent: list[int] = []
    assert slow_to_park.options(id="w").start().result(timeout=10) == "just now"
    assert sent


def test_parked_with_a_timeout(engine: Stepwell) -> None:
    @workflow(name="limited", replace=True)
    def limited() -> Any:
        return recv("t", timeout=0.4, default="late")

    handle = limited.options(id="w").start()
    reaches(handle, "WAITING")
    assert handle.result(timeout=10) == "late"
    handle = limited.options(id="v").start()
    reaches(handle, "WAITING")
    engine.send("v", "in time", "t")
    assert handle.result(timeout=10) == "in time"


def test_a_slow_replay_delays_parking_and_does_not_prevent_it(engine: Stepwell) -> None:
    """A wait of unknown length is parked when it has been a hundred times as long as the replay."""

    @step
    def note() -> None:
        pass

    @workflow(name="slow to replay", replace=True)
    def slow_to_replay() -> list[Any]:
        note()
        time.sleep(0.005)  # every replay costs that: a hundred times as much is more than `park_after`
        note()
        return [recv("a"), recv("b")]

    handle = slow_to_replay.options(id="w").start()
    reaches(handle, "WAITING")
    engine.send("w", 1, "a")
    eventually(lambda: "recv(a)" in names(handle))
    reaches(handle, "WAITING")
    engine.send("w", 2, "b")
    assert handle.result(timeout=10) == [1, 2]


def test_a_submitted_step_delays_parking_and_does_not_prevent_it(lab: Lab) -> None:
    engine = lab.launch(park_after=0.02, poll_interval=QUIET, sweep_interval=QUIET)
    gate = Gate()

    @step
    def hold() -> None:
        gate.hold()

    @workflow(name="submits", replace=True)
    def submits() -> Any:
        held = hold.submit()
        got = recv("t")
        held.result()
        return got

    handle = submits.options(id="w").start()
    gate.reached.wait()
    eventually(lambda: engine.runtime.facts._mail)
    gate.open()
    reaches(handle, "WAITING")
    engine.send("w", 1, "t")
    assert handle.result(timeout=10) == 1


def test_parked_on_events_and_streams(engine: Stepwell) -> None:
    gate = Gate()

    @step
    async def hold() -> None:
        await gate.hold_async()

    @workflow(name="shows", replace=True)
    async def shows() -> None:
        await hold()
        await stepwell.aio.set_event("e", 1)
        await stepwell.aio.write_stream("s", 2)

    @workflow(name="looks", replace=True)
    def looks(what: str) -> Any:
        if what == "event":
            return stepwell.get_event("shows", "e")
        if what == "stream":
            return list(stepwell.read_stream("shows", "s"))
        return stepwell.get_event("shows", "never", default="ended")

    shown = shows.sync.options(id="shows").start()
    looking = {what: looks.start(what) for what in ("event", "stream", "never")}
    for handle in looking.values():
        reaches(handle, "WAITING")
    gate.open()
    shown.result(timeout=10)
    assert {what: handle.result(timeout=10) for what, handle in looking.items()} == {
        "event": 1,
        "stream": [2],
        "never": "ended",
    }


def test_a_thousand_waiting_runs_are_one_query(lab: Lab) -> None:
    with lab.engine(max_threads=2, poll_interval=QUIET, sweep_interval=QUIET, notify=False) as engine:
        handles = waits_async.sync.start_many([waits_async.options(id=f"w{n}").bind("t") for n in range(1000)])
        facts = engine.runtime.facts
        eventually(lambda: len(facts._mail) == 1000)
        threads = threading.active_count()
        before, began = facts.queries, time.monotonic()
        eventually(lambda: facts.queries >= before + 2)
        assert facts.queries - before <= 2 + (time.monotonic() - began) / 0.05
        assert threads < 20

        async def send_all() -> None:
            await asyncio.gather(*(engine.aio.send(f"w{n}", n, "t") for n in range(1000)))

        asyncio.run(send_all())
        assert [handle.result(timeout=30) for handle in handles] == list(range(1000))
        assert engine.runtime.facts.queries - before < 400


def test_idle_waits_poll_slowly(lab: Lab) -> None:
    with lab.engine(notify=False) as engine:
        handle = waits_async.sync.start("t")
        facts = engine.runtime.facts
        eventually(lambda: facts.queries >= 8)  # each pause is half as long again as the one before
        before = facts.queries
        threading.Event().wait(1.0)  # time is the subject
        assert facts.queries - before <= 4
        # A hint makes it look now.
        engine.runtime.on_loop(facts.hint)
        eventually(lambda: facts.queries > before)
        handle.cancel()


def test_async_runs_park_when_there_are_many(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepwell.core.runtime._SHORT_SECONDS", 0.02)
    monkeypatch.setattr("stepwell.core.waiting._PATIENCE_SECONDS", 0.02)
    with lab.engine(max_async=10, park_after=0.02) as engine:
        handles = [waits_async.sync.options(id=f"w{n}").start("t") for n in range(30)]
        eventually(lambda: engine.count(status="WAITING") >= 20)
        for n in range(30):
            engine.send(f"w{n}", n, "t")
        assert [handle.result(timeout=20) for handle in handles] == list(range(30))


# -- cancellation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flow", [waits, waits_async.sync], ids=["def", "async"])
def test_cancelled_while_it_receives(lab: Lab, flow: Any) -> None:
    with lab.engine() as engine:
        handle = flow.options(id="w").start("t")
        eventually(lambda: engine.runtime.facts._mail)
        handle.cancel()
        reaches(handle, "CANCELLED")
        assert [(each.kind, each.ended) for each in handle.steps() if each.kind == "recv"] == [("recv", "abandoned")]


def interrupted(handle: Handle[None]) -> bool:
    return "recv(t)" in names(handle)


def test_cleanup_gets_what_the_interrupted_receive_did_not(lab: Lab) -> None:
    @workflow(name="cleanup", replace=True)
    def cleanup() -> None:
        try:
            recv("t")
        finally:
            stepwell.set_event("rest", recv("t", timeout=5))

    @workflow(name="cleanup_async", replace=True)
    async def cleanup_async() -> None:
        try:
            await stepwell.aio.recv("t")
        finally:
            await stepwell.aio.set_event("rest", await stepwell.aio.recv("t", timeout=5))

    with lab.engine() as engine:
        for flow in (cleanup, cleanup_async.sync):
            handle: Handle[None] = flow.start()
            eventually(lambda: engine.runtime.facts._mail)
            handle.cancel()
            eventually(partial(interrupted, handle))
            engine.send(handle.id, "after all", "t")
            reaches(handle, "CANCELLED")
            assert handle.get_event("rest") == "after all"


def test_a_message_whose_receive_is_gone_is_the_next_ones(lab: Lab) -> None:
    """It was chosen for a receive that was interrupted, or ran out of time, before it could look."""
    with lab.engine() as engine:
        handle = waits_async.sync.options(id="w").start("t")
        runtime = engine.runtime
        eventually(lambda: runtime.facts._mail)
        execution = runtime.executions[handle.run_id]

        async def scenario() -> tuple[Any, Any, Any]:
            gone, late = runtime.facts.message(execution, "u"), runtime.facts.message(execution, "u")
            await engine.aio.send("w", "first", "u")
            await engine.aio.send("w", "second", "u")
            got = [(await gone).body, (await late).body]
            runtime.facts.forget_message(execution, "u", late)
            runtime.facts.forget_message(execution, "u", gone)
            again = runtime.facts.message(execution, "u")
            return got, again.done() and again.result().body, (await runtime.facts.message(execution, "u")).body

        assert runtime.inbox.run(scenario()) == (['"first"', '"second"'], '"first"', '"second"')
        engine.send("w", "done", "t")
        assert handle.result(timeout=10) == "done"


# -- races -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", ["def", "async"])
def test_message_against_timeout(lab: Lab, colour: str) -> None:
    """Whichever is recorded first; what comes too late is there for the next receive."""

    @workflow(name="race", replace=True)
    def race(rounds: int) -> list[int]:
        got: list[int] = []
        while len(got) < rounds:
            with contextlib.suppress(WaitTimeout):
                got.append(recv("t", timeout=0.005))
        return got

    @workflow(name="race_async", replace=True)
    async def race_async(rounds: int) -> list[int]:
        got: list[int] = []
        while len(got) < rounds:
            n = await stepwell.aio.recv("t", timeout=0.005, default=None)
            if n is not None:
                got.append(n)
        return got

    with lab.engine() as engine:
        handle = (race if colour == "def" else race_async.sync).options(id="r").start(40)
        chance = random.Random(colour)
        for n in range(40):
            time.sleep(chance.uniform(0, 0.012))  # about when a wait is over
            engine.send("r", n, "t")
        assert handle.result(timeout=60) == list(range(40))
        kinds = [each.kind for each in handle.steps()]
        assert kinds.count("recv") == 40
        assert kinds.count("recv_timeout") > 5, "they have not met"
        assert set(kinds) == {"recv", "recv_timeout"}
