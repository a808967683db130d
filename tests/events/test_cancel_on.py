"""`@workflow(cancel_on=...)`: an event cancels the runs that it means, at least once, and no others."""

from decimal import Decimal
from typing import Any

import pytest

import stepwell
from stepwell import Cancelled, Client, Handle, Stepwell, WorkflowCancelled, step, workflow
from stepwell.core.registry import REGISTRY
from stepwell.model.published import NewPublished
from stepwell.serde.codec import CodecFault
from tests.engine.kit import Gate, Lab, eventually, forget, reaches


@workflow(name="ship", cancel_on="order.cancelled", cancel_where="event.order_id == order_id and event.cost > limit")
def ship(order_id: str, limit: int = 5, *, note: str | None = None) -> str:
    return str(stepwell.recv())


@workflow(name="ship_async", cancel_on="order.cancelled", cancel_where="event.order_id == order_id")
async def ship_async(order_id: str) -> str:
    return str(await stepwell.aio.recv())


@workflow(name="all_of_them", cancel_on="stop", aliases=["old_name"])
def all_of_them() -> str:
    return str(stepwell.recv())


def stop(engine: Client, order_id: str, cost: int = 9, **how: Any) -> str:
    return engine.publish("order.cancelled", {"order_id": order_id, "cost": cost}, **how)


def untouched(*handles: Handle[Any]) -> bool:
    return all(handle.status().cancel_requested is None for handle in handles)


def test_those_that_match_are_cancelled(engine: Stepwell) -> None:
    meant = [ship.start("o-1"), ship.start(order_id="o-1", limit=8), ship_async.sync.start("o-1")]
    others = [ship.start("o-2"), ship.start("o-1", 9), ship_async.sync.start("o-2")]
    stop(engine, "o-1")
    for handle in meant:
        with pytest.raises(WorkflowCancelled) as cancelled:
            handle.result(timeout=10)
        assert cancelled.value.reason == "event:order.cancelled"
    assert untouched(*others)
    for handle in others:
        handle.send("done")
        assert handle.result(timeout=10) == "done"


def test_without_a_filter_all_runs_of_the_workflow(lab: Lab) -> None:
    engine = lab.launch(park_after=0.02)
    handles = [all_of_them.start() for _ in range(3)]
    other = ship.start("o-1")
    reaches(handles[0], "WAITING")
    queued = all_of_them.options(delay=3600).start()
    engine.publish("stop", None)
    for handle in [*handles, queued]:
        assert reaches(handle, "CANCELLED")
    assert untouched(other)
    assert reaches(all_of_them.start(), "PENDING", "WAITING"), "a later run is not meant"


def test_runs_by_an_old_name_are_meant_too(engine: Stepwell) -> None:
    @workflow(name="renamed", replace=True)
    def renamed() -> str:
        return str(stepwell.recv())

    old = renamed.options(delay=3600).start()
    forget("renamed")

    @workflow(name="renamed_now", aliases=["renamed"], cancel_on="stop", replace=True)
    def renamed_now() -> str:
        return str(stepwell.recv())

    eventually(lambda: "renamed_now" in {each.workflow for each in engine.subscriptions("stop")})
    engine.publish("stop", None)
    assert reaches(old, "CANCELLED")
    forget("renamed", "renamed_now")


def test_cleanup_runs(engine: Stepwell) -> None:
    cleaned: list[str] = []

    @step
    def clean() -> None:
        cleaned.append("up")

    @workflow(name="cleaning", cancel_on="stop.cleaning", replace=True)
    def cleaning() -> None:
        try:
            stepwell.recv()
        except Cancelled:
            clean()
            raise

    eventually(lambda: engine.subscriptions("stop.cleaning"))
    handle = cleaning.start()
    engine.publish("stop.cleaning", {})
    assert reaches(handle, "CANCELLED")
    assert cleaned == ["up"]
    forget("cleaning")


def test_the_same_event_again_cancels_nobody_else(engine: Stepwell) -> None:
    stop(engine, "o-1", id="e-1")
    handle = ship.start("o-1")
    stop(engine, "o-1", id="e-1")
    engine._block(lambda runtime: runtime.store.now())
    assert untouched(handle)


def test_a_workflow_cancels_itself_and_others(engine: Stepwell) -> None:
    @workflow(name="suicidal", cancel_on="stop.suicidal", replace=True)
    def suicidal() -> None:
        stepwell.publish("stop.suicidal", {})
        stepwell.sleep(3600)

    eventually(lambda: engine.subscriptions("stop.suicidal"))
    assert reaches(suicidal.start(), "CANCELLED")
    forget("suicidal")


def test_a_client_needs_no_code(lab: Lab) -> None:
    engine = lab.launch("shop")
    meant, other = (ship.options(engine=engine).start(id) for id in ("o-1", "o-2"))
    ship_names = ("ship", "ship_async", "all_of_them")
    with Client(lab.url, name="elsewhere") as client:
        forget(*ship_names)
        try:
            stop(client, "o-1")
        finally:
            for each in (ship, ship_async, all_of_them):
                REGISTRY.add(each.definition)
    assert reaches(meant, "CANCELLED")
    assert untouched(other)


def test_its_publisher_died_before_it_cancelled(lab: Lab) -> None:
    """A sweep does what the event's row says is still to be done, for the runs of then."""
    engine = lab.launch(sweep_interval=0.05)
    meant = ship.start("o-1")

    async def half(runtime: Any) -> Any:
        row = NewPublished("order.cancelled", "e-1", '{"order_id":"o-1","cost":9}', cancelling=True)
        return await runtime.store.announce([row])

    engine._block(half)
    later = ship.start("o-1")
    assert reaches(meant, "CANCELLED")
    eventually(lambda: engine._block(lambda runtime: runtime.store.events_cancelling(-1.0, 10)) == [])
    assert untouched(later)


def test_what_cannot_be_read_here_stays_to_be_done(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = lab.launch(sweep_interval=0.05)
    handle = ship.start("o-1")
    serializer = engine.runtime.serializer
    broken = Gate()

    def plain(text: str, codec_id: str | None = None) -> str:
        if not broken.opened.is_set:
            raise CodecFault("codec", reading=True, what="it is down")
        return text

    monkeypatch.setattr(serializer, "plain", plain)
    stop(engine, "o-1")
    assert len(engine._block(lambda runtime: runtime.store.events_cancelling(-1.0, 10))) == 1
    assert untouched(handle)
    broken.open()
    assert reaches(handle, "CANCELLED")


def test_pages(engine: Stepwell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepwell.core.event_cancelling._PAGE", 4)
    monkeypatch.setattr("stepwell.core.event_cancelling._INPUTS", 3)
    handles = [ship.options(delay=3600).start("o-1" if n % 2 else "o-2") for n in range(20)]
    stop(engine, "o-1")
    for n, handle in enumerate(handles):
        assert (handle.status().status == "CANCELLED") is bool(n % 2)


def test_defaults_of_parameters_count(engine: Stepwell) -> None:
    @workflow(name="defaulted", cancel_on="stop.defaulted", cancel_where="event.level > level", replace=True)
    def defaulted(level: Decimal = Decimal("2.5"), other: Any = object()) -> None:  # noqa: B008
        stepwell.recv()

    eventually(lambda: engine.subscriptions("stop.defaulted"))
    low, high = defaulted.start(), defaulted.start(Decimal("7.5"))
    engine.publish("stop.defaulted", {"level": 5})
    assert reaches(low, "CANCELLED")
    assert untouched(high)
    forget("defaulted")
