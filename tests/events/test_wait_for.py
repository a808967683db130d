"""`wait_for`: the first event that matches, from when the wait began; parked or not, once recorded always the same."""

import asyncio
import threading
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

import stepwell
from stepwell import (
    Client,
    Handle,
    InvalidArgument,
    NotInWorkflow,
    Parked,
    Stepwell,
    UnreadablePayload,
    UsageError,
    WaitTimeout,
    step,
    wait_for,
    workflow,
)
from stepwell.model.published import NewPublished
from tests.engine.kit import Exits, Gate, Lab, eventually, in_thread, names, reaches


@dataclass
class Paid:
    order_id: str
    amount: int


@workflow
def waits(where: str | None, timeout: float | None, default: Any) -> Any:
    if default == "raise":
        return wait_for("order.paid", where=where, timeout=timeout)
    return wait_for("order.paid", where=where, timeout=timeout, default=default)


@workflow
async def waits_async(where: str | None, timeout: float | None, default: Any) -> Any:
    if default == "raise":
        return await stepwell.aio.wait_for("order.paid", where=where, timeout=timeout)
    return await stepwell.aio.wait_for("order.paid", where=where, timeout=timeout, default=default)


WAITERS = pytest.mark.parametrize("waiting", [waits, waits_async.sync], ids=["def", "async"])
RECORDED = ["listen(order.paid)", "wait_for(order.paid)"]


def listening(handle: Handle[Any]) -> None:
    """Until its wait has begun."""
    eventually(lambda: "listen(order.paid)" in names(handle))


def parked(engine: Stepwell, *handles: Handle[Any]) -> None:
    """Until they are, and whoever parked them has looked once more, which may wake them for nothing."""
    for handle in handles:
        reaches(handle, "WAITING")
    for _ in range(3):
        engine.count()
    eventually(lambda: engine.runtime.wakeups._parked._task is None)


def paid(engine: Client, order_id: str, amount: int = 1, **how: Any) -> str:
    return engine.publish("order.paid", {"order_id": order_id, "amount": amount}, **how)


@WAITERS
def test_the_first_that_matches(engine: Stepwell, waiting: Any) -> None:
    paid(engine, "too early")
    any_of_them = waiting.start(None, None, "raise")
    large = waiting.start("amount > 100", None, "raise")
    for handle in (any_of_them, large):
        listening(handle)
    engine.publish("order.sent", {"order_id": "another name", "amount": 500})
    for n in (1, 50, 101, 102):
        paid(engine, f"o-{n}", n)
    assert any_of_them.result(timeout=10) == {"order_id": "o-1", "amount": 1}
    assert large.result(timeout=10) == {"order_id": "o-101", "amount": 101}
    assert names(large) == RECORDED


@WAITERS
def test_timeouts(engine: Stepwell, waiting: Any) -> None:
    paid(engine, "too early")
    late = waiting.start(None, 0.05, None)
    assert late.result(timeout=10) is None
    assert [(each.kind, each.ended) for each in late.steps()] == [("listen", "ok"), ("wait_for_timeout", "ok")]
    with pytest.raises(WaitTimeout, match=r"order\.paid"):
        waiting.start(None, 0, "raise").result(timeout=10)
    filtered = waiting.start("order_id == 'never'", 0.4, "late")
    listening(filtered)
    paid(engine, "something else")
    assert filtered.result(timeout=10) == "late"


@WAITERS
def test_none_is_a_value(engine: Stepwell, waiting: Any) -> None:
    handle = waiting.start(None, 60, "default")
    listening(handle)
    engine.publish("order.paid", None)
    assert handle.result(timeout=10) is None


@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async"])
def test_it_is_read_as_type_says(engine: Stepwell, is_async: bool) -> None:
    @workflow(name="typed", replace=True)
    def typed() -> list[int]:
        return [wait_for("order.paid", type=Paid, timeout=60).amount, wait_for("order.paid", type=Paid).amount]

    @workflow(name="typed_async", replace=True)
    async def typed_async() -> list[int]:
        first = await stepwell.aio.wait_for("order.paid", type=Paid, timeout=60)
        return [first.amount, (await stepwell.aio.wait_for("order.paid", type=Paid)).amount]

    handle = typed_async.sync.start() if is_async else typed.start()
    listening(handle)
    paid(engine, "o-1", 7)
    eventually(lambda: names(handle).count("listen(order.paid)") == 2)
    engine.publish("order.paid", Paid("o-2", 8))
    assert handle.result(timeout=10) == [7, 8]
    wrong = typed_async.sync.start() if is_async else typed.start()
    listening(wrong)
    engine.publish("order.paid", {"order_id": "o-3", "amount": "seven"})
    with pytest.raises(UnreadablePayload):
        wrong.result(timeout=10)


def test_a_crash_between_the_two_loses_no_event(engine: Stepwell) -> None:
    """The wait has begun when its first half is recorded: what is published while nobody executes the run counts."""
    gate = Gate()

    @step
    def leaves() -> None:
        gate.hold()
        raise SystemExit

    @workflow(name="leaving", replace=True)
    async def leaving() -> Any:
        waiting = asyncio.create_task(stepwell.aio.wait_for("order.paid", where="amount == 2"))
        await asyncio.sleep(0)
        if not gate.opened.is_set:
            await leaves.aio()
        return await waiting

    handle = leaving.sync.start()
    gate.reached.wait()
    listening(handle)
    paid(engine, "o-1", 1)
    paid(engine, "o-2", 2)
    gate.open()
    assert handle.result(timeout=10)["order_id"] == "o-2"


def test_a_replay_sees_what_it_saw(engine: Stepwell) -> None:
    exits = Exits()

    @step
    def leave() -> None:
        exits()

    @workflow(name="twice", replace=True)
    def twice() -> list[Any]:
        first = wait_for("order.paid")
        leave()
        return [first["order_id"], wait_for("order.paid", where="order_id == 'o-1'", timeout=0, default="late")]

    handle = twice.start()
    listening(handle)
    paid(engine, "o-1")
    paid(engine, "o-2")
    assert handle.result(timeout=10) == ["o-1", "late"]
    assert names(handle) == [*RECORDED, "leave", *RECORDED]


def test_an_event_is_for_all_who_wait(engine: Stepwell) -> None:
    @workflow(name="three", replace=True)
    async def three() -> list[Any]:
        waits = (stepwell.aio.wait_for("order.paid", where=w) for w in (None, "amount > 1", "order_id == 'o-2'"))
        return [each["order_id"] for each in await asyncio.gather(*waits)]

    def has_begun(handle: Handle[Any]) -> bool:
        return names(handle).count("listen(order.paid)") == 3

    handles = [three.sync.start() for _ in range(5)]
    for handle in handles:
        eventually(partial(has_begun, handle))
    paid(engine, "o-1", 1)
    paid(engine, "o-2", 2)
    assert [handle.result(timeout=10) for handle in handles] == [["o-1", "o-2", "o-2"]] * 5


def test_more_events_than_one_look_brings(engine: Stepwell) -> None:
    handle = waits_async.sync.start("amount == 449", None, "raise")
    listening(handle)

    def publishes(amounts: range) -> None:
        for amount in amounts:
            paid(engine, "o", amount)

    publishing = [in_thread(partial(publishes, range(50 * n, 50 * n + 50))) for n in range(9)]
    for each in publishing:
        each.result()
    assert handle.result(timeout=10)["amount"] == 449


def test_it_publishes_to_itself(engine: Stepwell) -> None:
    @step
    def until_it_listens() -> None:
        in_thread(lambda: listening(engine.handle("me"))).result()

    @workflow(name="itself", replace=True)
    async def itself() -> Any:
        waiting = asyncio.create_task(stepwell.aio.wait_for("order.paid", timeout=60))
        await until_it_listens.aio()
        await stepwell.aio.publish("order.paid", 7)
        return await waiting

    assert itself.sync.options(id="me").start().result(timeout=10) == 7


# -- parked --------------------------------------------------------------------------------------------------------

#: So long nothing is polled but the facts.
QUIET = 1000.0


@pytest.fixture
def quiet(lab: Lab) -> Stepwell:
    return lab.launch(park_after=0.02, max_threads=1, poll_interval=QUIET, sweep_interval=QUIET)


def test_a_parked_run_is_woken_by_what_it_waits_for(quiet: Stepwell) -> None:
    """Nothing polls here: publishing wakes it, and only who wants that event."""
    one = waits.start("order_id == 'o-1'", None, "raise")
    two = waits.start("order_id == 'o-2'", 3600, "raise")
    parked(quiet, one, two)
    before = two.status()
    paid(quiet, "o-0")
    paid(quiet, "o-1")
    assert one.result(timeout=10)["order_id"] == "o-1"
    assert two.status().status == "WAITING"
    assert two.status().attempts == before.attempts, "events that it does not want have not woken it"
    paid(quiet, "o-2")
    assert two.result(timeout=10)["order_id"] == "o-2"
    assert threading.active_count() < 50


def test_woken_by_another_process_and_by_a_client(lab: Lab, quiet: Stepwell) -> None:
    other = lab.launch("other")
    with Client(lab.url, name="client") as client:
        publishers: list[Client] = [other, client]
        for publisher in publishers:
            handle = quiet.start(waits, None, None, "raise")
            reaches(handle, "WAITING")
            paid(publisher, "o-1")
            assert handle.result(timeout=10)["order_id"] == "o-1"


def test_published_while_it_parks(quiet: Stepwell) -> None:
    """The event comes between the last look and the row of the wait."""

    @workflow(name="slow_to_park", replace=True)
    def slow_to_park() -> Any:
        try:
            return wait_for("order.paid", where="amount == 3")
        except Parked:
            if not published:
                in_thread(lambda: [paid(quiet, "o", n) for n in (1, 3)]).result()  # out of the workflow's context
                published.append(1)
            raise

    published: list[int] = []
    assert slow_to_park.start().result(timeout=10)["amount"] == 3
    assert published


def test_parked_with_a_timeout(quiet: Stepwell) -> None:
    handle = waits.start(None, 0.4, "late")
    reaches(handle, "WAITING")
    assert handle.result(timeout=10) == "late"


def test_its_publisher_died_before_it_looked_who_waits(lab: Lab) -> None:
    """A sweep finds the run, and moves those on that do not want the event."""
    engine = lab.launch(park_after=0.02, poll_interval=QUIET)
    wanting, other = waits.start("amount == 2", None, "raise"), waits.start("amount == 3", None, "raise")
    parked(engine, wanting, other)

    async def half(runtime: Any) -> Any:
        new = [NewPublished("order.paid", f"e-{n}", f'{{"amount":{n}}}') for n in (1, 2)]
        return await runtime.store.announce(new)

    announced = engine._block(half)
    assert wanting.result(timeout=10) == {"amount": 2}

    async def positions(runtime: Any) -> list[int]:
        waits = await runtime.store.event_waits("order.paid", 10**9, None, 10)
        return [wait.position for wait in waits]

    eventually(lambda: engine._block(positions) == [announced[1].number])
    assert other.status().status == "WAITING"


def test_a_race_with_its_timeout_has_one_outcome(lab: Lab) -> None:
    engine = lab.launch(park_after=0.02)
    handles = [waits.start(None, 0.2, "late") for _ in range(10)]
    for handle in handles:
        listening(handle)
    publishing = in_thread(lambda: [paid(engine, f"o-{n}") for n in range(40)])
    answers = [handle.result(timeout=10) for handle in handles]
    publishing.result()
    for handle, answer in zip(handles, answers, strict=True):
        (_, recorded) = handle.steps()
        assert (recorded.kind == "wait_for_timeout") is (answer == "late")


def test_cancelled_while_it_waits(lab: Lab) -> None:
    engine = lab.launch(park_after=0.02)
    as_row, waiting = waits.start(None, None, "raise"), waits_async.sync.start("amount > 1", None, "raise")
    reaches(as_row, "WAITING")
    listening(waiting)
    for handle in (as_row, waiting):
        engine.cancel(handle.id)
        assert reaches(handle, "CANCELLED")
    paid(engine, "o-1", 5)
    assert engine.handle(as_row.id).status().status == "CANCELLED"


def test_async_runs_park_when_there_are_many(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepwell.core.waiting._PATIENCE_SECONDS", 0.05)
    engine = lab.launch(max_async=40, park_after=0.02, poll_interval=QUIET, sweep_interval=QUIET)
    handles = [waits_async.sync.start(f"order_id == 'o-{n}'", None, "raise") for n in range(20)]
    eventually(lambda: sum(handle.status().status == "WAITING" for handle in handles) > 3)
    for n in range(20):
        paid(engine, f"o-{n}")
    assert [handle.result(timeout=20)["order_id"] for handle in handles] == [f"o-{n}" for n in range(20)]


# -- what is refused -----------------------------------------------------------------------------------------------


def test_what_makes_no_sense(engine: Stepwell) -> None:
    @workflow(name="bad", replace=True)
    def flow() -> None:
        bad: list[tuple[str, str | None, float | None]] = [
            ("", None, None),
            ("a\0b", None, None),
            ("e", "f(x)", None),
            ("e", "x" * 1001, None),
            ("e", None, -1),
        ]
        for event, where, timeout in bad:
            with pytest.raises(InvalidArgument):
                wait_for(event, where=where, timeout=timeout)

    handle = flow.start()
    handle.result(timeout=10)
    assert handle.steps() == []


def test_where_it_is_refused(engine: Stepwell) -> None:
    with pytest.raises(NotInWorkflow):
        wait_for("e")

    @step
    def steps() -> None:
        with pytest.raises(UsageError, match="wait_for"):
            wait_for("e")

    @workflow(name="stepping", replace=True)
    def stepping() -> None:
        steps()

    stepping.start().result(timeout=10)
