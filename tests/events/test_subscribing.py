"""`@workflow(on=...)`: each subscriber is started once for each event, whoever publishes, however often."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

import stepwell
from stepwell import (
    Client,
    ConfigurationError,
    InvalidArgument,
    NoRunningEngine,
    NotSerializable,
    PayloadTooLarge,
    Stepwell,
    step,
    workflow,
)
from stepwell.core.registry import REGISTRY
from stepwell.errors import StepwellError
from stepwell.model.published import START, Subscription, subscriber_id
from tests.engine.kit import Exits, Lab, eventually, forget, in_thread, names


@dataclass
class Order:
    id: str
    amount: int


@workflow(name="big", on="order.paid", where="amount > 100")
def big(order: Order) -> int:
    return order.amount


@workflow(name="every", on="order.paid")
async def every(order: dict[str, Any], times: int = 2) -> Any:
    return [order["id"], times]


@workflow(name="counting", on="order.paid", where="id == 'counted'")
def counting() -> str:
    return "no argument"


def of(engine: Client, name: str) -> list[str]:
    """The ids of the runs of a workflow."""
    return sorted(info.workflow_id for info in engine.find(name=name))


# -- starting ------------------------------------------------------------------------------------------------------


def test_each_subscriber_is_started_once(engine: Stepwell) -> None:
    for _ in range(3):
        assert engine.publish("order.paid", {"id": "o-1", "amount": 150}, id="e-1") == "e-1"
    assert engine.handle("e-1:big").result(timeout=10) == 150
    assert engine.handle("e-1:every").result(timeout=10) == ["o-1", 2]
    assert engine.publish("order.paid", {"id": "o-2", "amount": 50}, id="e-2") == "e-2"
    assert engine.handle("e-2:every").result(timeout=10) == ["o-2", 2]
    assert of(engine, "big") == ["e-1:big"]
    assert of(engine, "counting") == []
    engine.publish("order.paid", {"id": "counted"}, id="e-3")
    assert engine.handle("e-3:counting").result(timeout=10) == "no argument"


def test_another_payload_under_the_same_id_is_the_same_event(engine: Stepwell) -> None:
    engine.publish("order.paid", {"id": "o-1", "amount": 1}, id="e-1")
    engine.publish("order.paid", {"id": "o-1", "amount": 150}, id="e-1")
    engine.run_until_idle()
    assert (of(engine, "every"), of(engine, "big")) == (["e-1:every"], [])


def test_an_id_is_drawn(engine: Stepwell) -> None:
    first, second = (engine.publish("order.paid", {"id": "o", "amount": 150}) for _ in range(2))
    assert first != second
    assert engine.handle(f"{first}:big").result(timeout=10) == 150
    assert engine.handle(f"{second}:big").result(timeout=10) == 150


def test_payloads_are_read_by_the_annotation(engine: Stepwell) -> None:
    """What was published as itself, and what is JSON."""
    engine.publish("order.paid", Order("o-1", 150), id="e-1")
    assert engine.handle("e-1:big").result(timeout=10) == 150
    assert stepwell.publish("order.paid", {"id": "o", "amount": 101}, id="e-2") == "e-2"
    assert engine.handle("e-2:big").result(timeout=10) == 101


async def test_awaited(engine: Stepwell) -> None:
    assert await engine.aio.publish("order.paid", {"id": "o-1", "amount": 150}, id="e-1") == "e-1"
    assert await stepwell.aio.publish("order.paid", {"id": "o-1", "amount": 150}, id="e-1") == "e-1"
    assert await (await engine.aio.handle("e-1:big")).result(timeout=10) == 150
    assert {each.workflow for each in await engine.aio.subscriptions("order.paid")} >= {"big", "every"}
    assert await engine.aio.unsubscribe("order.paid", "big") == 1


def test_many_at_once(engine: Stepwell) -> None:
    """Publishers that share transactions, half of them with ids that others have too."""

    def publishes(n: int) -> None:
        engine.publish("order.paid", {"id": "o", "amount": n}, id=f"e-{n % 20}")

    publishing = [in_thread(partial(publishes, n)) for n in range(40)]
    for each in publishing:
        each.result()
    engine.run_until_idle()
    assert of(engine, "every") == sorted(f"e-{n}:every" for n in range(20))


def test_a_subscriber_with_options(lab: Lab) -> None:
    @workflow(name="optioned", on="optioned", version="7", timeout=3600, queue="slow", max_recoveries=3, replace=True)
    def optioned(payload: int) -> int:
        return payload

    engine = lab.launch()
    engine.publish("optioned", 1, id="e")
    info = engine.handle("e:optioned").status()
    assert (info.version, info.queue) == ("7", "slow")
    assert info.deadline is not None
    assert round((info.deadline - info.created_at).total_seconds()) == 3600
    forget("optioned")


# -- who publishes -------------------------------------------------------------------------------------------------


def test_a_client_needs_no_code(lab: Lab) -> None:
    engine = lab.launch("shop")
    engine.close()
    forget("big", "every", "counting")
    try:
        with Client(lab.url, name="elsewhere") as client:
            client.publish("order.paid", {"id": "o-1", "amount": 150}, id="e-1")
            client.publish("order.paid", {"id": "o-2", "amount": 50}, id="e-2")
            assert {info.status for info in client.find()} == {"ENQUEUED"}
    finally:
        for each in (big, every, counting):
            REGISTRY.add(each.definition)
    with lab.engine("shop") as engine:
        assert engine.handle("e-1:big").result(timeout=10) == 150
        assert engine.handle("e-2:every").result(timeout=10) == ["o-2", 2]
        assert of(engine, "big") == ["e-1:big"]


def test_two_processes_publish_the_same(lab: Lab) -> None:
    first, second = lab.launch("one"), lab.launch("two")

    def publishes(engine: Stepwell, n: int) -> None:
        engine.publish("order.paid", {"id": "o", "amount": 150}, id=f"e-{n}")

    for n in range(5):
        for each in [in_thread(partial(publishes, engine, n)) for engine in (first, second)]:
            each.result()
    first.run_until_idle()
    assert len(first.find(name="big").items) == 5, "two apps subscribed, and a workflow's name has one run for an event"


def test_from_a_workflow_it_happens_once(engine: Stepwell) -> None:
    exits = Exits(2)

    @step
    def leaves() -> None:
        exits()

    @workflow(name="publishes", replace=True)
    def publishes() -> list[str]:
        ids = [stepwell.publish("order.paid", {"id": "o", "amount": 150}) for _ in range(2)]
        leaves()
        return [*ids, stepwell.publish("order.paid", {"id": "o", "amount": 1}, id="mine")]

    handle = publishes.start()
    ids = handle.result(timeout=10)
    assert len(set(ids)) == 3
    assert ids[2] == "mine"
    engine.run_until_idle()
    assert of(engine, "every") == sorted(f"{id}:every" for id in ids)
    assert names(handle) == ["publish(order.paid)"] * 2 + ["leaves", "publish(order.paid)"]


def test_from_an_async_workflow(engine: Stepwell) -> None:
    @workflow(name="publishes_async", replace=True)
    async def publishes_async() -> str:
        return await stepwell.aio.publish("order.paid", {"id": "o", "amount": 150})

    id = publishes_async.sync()
    assert engine.handle(f"{id}:big").result(timeout=10) == 150


def test_from_a_step_a_repeated_attempt_publishes_nothing_twice(engine: Stepwell) -> None:
    attempts: list[list[str]] = []

    @step(retry=stepwell.Retry(1, first=0.01))
    def publishes() -> None:
        attempts.append([stepwell.publish("order.paid", {"id": "o", "amount": n}) for n in (1, 2)])
        if len(attempts) == 1:
            raise ConnectionError

    @step
    async def publishes_too() -> None:
        attempts.append([await stepwell.aio.publish("order.paid", {"id": "o", "amount": 3})])

    @workflow(name="stepping", replace=True)
    def stepping() -> None:
        publishes()
        publishes_too.sync()

    handle = stepping.start()
    handle.result(timeout=10)
    assert attempts[0] == attempts[1]
    engine.run_until_idle()
    assert len(of(engine, "every")) == 3
    assert [each.kind for each in handle.steps()] == ["step", "step"]


# -- subscriptions -------------------------------------------------------------------------------------------------


@pytest.fixture
def moody() -> Iterator[None]:
    yield
    forget("moody")


@pytest.mark.usefixtures("moody")
def test_what_is_defined_later_subscribes_too(lab: Lab) -> None:
    engine = lab.launch()

    @workflow(name="moody", on="mood", replace=True)
    def moody(payload: int) -> int:
        return payload

    eventually(lambda: engine.subscriptions("mood"))
    engine.publish("mood", 1, id="e")
    assert engine.handle("e:moody").result(timeout=10) == 1


@pytest.mark.usefixtures("moody")
def test_what_the_code_does_not_declare_any_more_is_removed(lab: Lab) -> None:
    @workflow(name="moody", on="mood", where="x == 1", cancel_on="gone", replace=True)
    def moody(payload: int) -> int:
        return payload

    with lab.engine() as engine:
        assert [each.mode for each in engine.subscriptions("mood") + engine.subscriptions("gone")] == [
            "start",
            "cancel",
        ]

    @workflow(name="moody", on="mood", where="x == 2", replace=True)
    def moody_again(payload: int) -> int:
        return payload

    with lab.engine() as engine:
        assert [each.where for each in engine.subscriptions("mood")] == ["x == 2"]
        assert engine.subscriptions("gone") == []
    forget("moody")
    with lab.engine() as engine:
        assert len(engine.subscriptions("mood")) == 1, "another process may serve it; who knows better unsubscribes"
        assert engine.unsubscribe("mood", "moody") == 1
        assert engine.subscriptions("mood") == []


def test_a_client_subscribes_nobody(lab: Lab) -> None:
    with Client(lab.url) as client:
        assert client.subscriptions() == []


def test_a_filter_of_a_newer_version_is_not_passed_over(engine: Stepwell) -> None:
    newer = Subscription("default", "new", START, "big", "big||", "amount.isPositive()", "{}")
    engine._block(lambda runtime: runtime.store.subscribe([newer], ["nothing else"]))
    with pytest.raises(StepwellError, match="'big' of app 'default'"):
        engine.publish("new", {"amount": 1}, id="e")
    assert engine.count() == 0


# -- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"on": "e", "where": "amount >"}, "bad: where 'amount >': it cannot be read"),
        ({"on": "e", "where": "f(x)"}, "a call is not part of these expressions .at column 1"),
        ({"where": "x"}, "where= needs on="),
        ({"cancel_where": "x"}, "cancel_where= needs cancel_on="),
        ({"on": ""}, "bad: on must not be empty"),
        ({"cancel_on": "x" * 256}, "bad: cancel_on must be at most 255"),
        ({"on": 3}, "bad: on must be a str"),
        ({"cancel_on": "e", "cancel_where": "event.id == order_id"}, "'order_id' is neither a parameter"),
    ],
)
def test_a_definition_that_makes_no_sense(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArgument, match=told):

        @workflow(name="bad", **options)
        def bad(order: int) -> None: ...


def test_what_an_event_cannot_start() -> None:
    with pytest.raises(ConfigurationError, match="one argument"):

        @workflow(name="bad", on="e")
        def two(a: int, b: int) -> None: ...

    with pytest.raises(ConfigurationError, match="one argument"):

        @workflow(name="bad", on="e")
        def named(*, a: int) -> None: ...

    with pytest.raises(ConfigurationError, match="not for methods"):

        class Shop:
            @workflow(name="bad", on="e")
            def method(self, a: int) -> None: ...


@pytest.mark.parametrize("bad", ["", "x" * 256, "a\0b", "\udfff", 3])
def test_bad_names(engine: Stepwell, bad: Any) -> None:
    with pytest.raises(InvalidArgument, match="event"):
        engine.publish(bad, 1)
    with pytest.raises(InvalidArgument, match="id"):
        engine.publish("e", 1, id=bad)
    with pytest.raises(InvalidArgument, match="'/'"):
        engine.publish("e", 1, id="a/b")
    assert engine._block(lambda runtime: runtime.store.event_head("e")) == 0


def test_bad_payloads(engine: Stepwell) -> None:
    @workflow(name="bad", replace=True)
    def flow() -> None:
        for error, payload in ((PayloadTooLarge, "x" * 20_000_000), (NotSerializable, object())):
            with pytest.raises(error):
                stepwell.publish("e", payload)

    handle = flow.start()
    handle.result(timeout=10)
    assert handle.steps() == []
    for error, payload in ((PayloadTooLarge, "x" * 20_000_000), (NotSerializable, object())):
        with pytest.raises(error):
            engine.publish("e", payload)
    assert engine._block(lambda runtime: runtime.store.event_head("e")) == 0


def test_without_an_engine() -> None:
    with pytest.raises(NoRunningEngine):
        stepwell.publish("e", 1)


def test_ids_of_subscribers() -> None:
    assert subscriber_id("e-1", "shop:ship") == "e-1:shop:ship"
    long = subscriber_id("e" * 255, "shop:ship")
    assert len(long) == 255
    assert long != subscriber_id("e" * 255, "shop:other")
    assert subscriber_id("e", "a/b") != subscriber_id("e", "a.b")
    assert "/" not in subscriber_id("e", "a/b")


# -- retention -----------------------------------------------------------------------------------------------------


def test_old_events_leave_with_retention(lab: Lab) -> None:
    with lab.engine(retention=None) as engine:
        engine.publish("nobody.cares", 1, id="e-1")
        assert engine._block(lambda runtime: runtime.store.event_head("nobody.cares")) > 0
    with lab.engine(retention=1e-6) as engine:
        assert eventually(lambda: engine._block(lambda runtime: runtime.store.event_head("nobody.cares")) == 0)
