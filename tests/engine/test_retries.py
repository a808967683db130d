"""Durable retries: attempts are counted and delayed across takeovers, and the last exception is what is seen."""

from typing import Any

import pytest

from stepwell import InvalidArgument, NotSerializable, Retry, Stepwell, current, step, workflow
from tests.engine.kit import Exits, Lab, eventually

tries: list[int] = []
exits: list[Exits] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    tries.clear()
    exits[:] = [Exits(0)]


class Flaky(Exception):
    pass


class Fatal(Flaky):
    pass


QUICK_RETRY = Retry(4, first=0.001, jitter=False)


@step(retry=QUICK_RETRY)
def flaky(works_at: int) -> int:
    tries.append(current().attempt)
    if len(tries) < works_at:
        raise Flaky(f"attempt {len(tries)}")
    return len(tries)


@step(retry=QUICK_RETRY)
async def flaky_async(works_at: int) -> int:
    return flaky(works_at)


@workflow
def flow(works_at: int) -> int:
    return flaky(works_at)


@workflow
async def flow_async(works_at: int) -> int:
    return await flaky_async(works_at)


FLOWS = pytest.mark.parametrize("call", [flow, flow_async.sync], ids=["def", "async"])


@FLOWS
def test_a_failed_attempt_is_followed_by_another(engine: Stepwell, call: Any) -> None:
    assert call.options(id="r")(3) == 3
    assert tries == [1, 2, 3]
    assert [(each.attempts, each.ended) for each in engine.handle("r").steps()] == [(3, "ok")]


@FLOWS
def test_in_the_end_the_last_exception_is_seen(engine: Stepwell, call: Any) -> None:
    with pytest.raises(Flaky, match="attempt 5"):
        call.options(id="r")(100)
    assert tries == [1, 2, 3, 4, 5]
    assert [(each.attempts, each.ended) for each in engine.handle("r").steps()] == [(5, "error")]


@pytest.mark.parametrize("colour", ["def", "async"])
def test_the_count_goes_on_after_a_takeover(engine: Stepwell, colour: str) -> None:
    exits[0].left = 0

    @step(name="leaving", retry=QUICK_RETRY)
    def leaving() -> None:
        tries.append(current().attempt)
        if len(tries) in (2, 4):
            raise SystemExit
        raise Flaky(f"try {len(tries)}")

    @step(name="leaving", retry=QUICK_RETRY)
    async def leaving_async() -> None:
        leaving()

    @workflow(name="counted", replace=True)
    def counted() -> None:
        leaving()

    @workflow(name="counted_async", replace=True)
    async def counted_async() -> None:
        await leaving_async()

    handle = (counted if colour == "def" else counted_async.sync).start()
    with pytest.raises(Flaky, match="try 7"):
        handle.result()
    # An attempt that its process did not survive has not failed: it is made again.
    assert tries == [1, 2, 2, 3, 3, 4, 5]
    assert [each.attempts for each in handle.steps()] == [5]


@pytest.mark.parametrize("colour", ["def", "async"])
def test_the_delay_is_kept_by_a_takeover(lab: Lab, colour: str) -> None:
    @step(name="slow to retry", retry=Retry(1, first=0.4, jitter=False))
    def slow() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise Flaky

    @workflow(name="slowly", replace=True)
    def slowly() -> None:
        slow()

    @workflow(name="slowly_async", replace=True)
    async def slowly_async() -> None:
        await slow.aio()

    flow: Any = slowly if colour == "def" else slowly_async.sync
    with lab.engine() as first:
        handle = flow.options(id="s").start()
        eventually(lambda: "attempt 1 failed" in first.explain("s"))
        [pending] = handle.steps()
        assert pending.ended is None
        assert pending.due is not None
        due = pending.due
        first.close(drain=0)
    with lab.engine() as second:
        second.handle("s").result()
        [done] = second.handle("s").steps()
    assert done.completed_at is not None
    assert done.completed_at >= due
    assert (done.completed_at - due).total_seconds() < 0.35, "it began to wait anew"
    assert len(tries) == 2


@pytest.mark.parametrize(
    ("retry", "error", "expected"),
    [
        (Retry(3, first=0, only=Flaky), Flaky, 4),
        (Retry(3, first=0, only=Flaky), Fatal, 4),
        (Retry(3, first=0, only=Flaky), LookupError, 1),
        (Retry(3, first=0, only=(Flaky, LookupError)), LookupError, 4),
        (Retry(3, first=0, never=Fatal), Flaky, 4),
        (Retry(3, first=0, never=Fatal), Fatal, 1),
        (Retry(3, first=0, only=Flaky, never=Fatal), Fatal, 1),
    ],
)
def test_only_and_never(engine: Stepwell, retry: Retry, error: type[Exception], expected: int) -> None:
    @step(retry=retry)
    def picky() -> None:
        tries.append(1)
        raise error

    @workflow(name="picky", replace=True)
    def picky_flow() -> None:
        picky()

    with pytest.raises(error):
        picky_flow()
    assert len(tries) == expected


def test_options_of_a_call_win(engine: Stepwell) -> None:
    @workflow(name="optioned", replace=True)
    def optioned() -> None:
        with pytest.raises(Flaky):
            flaky.options(retry=0)(100)
        assert len(tries) == 1
        with pytest.raises(Flaky):
            flaky.options(retry=Retry(2, first=0), name="thrice")(100)
        assert len(tries) == 4

    handle = optioned.start()
    handle.result()
    assert [(each.name, each.attempts) for each in handle.steps()] == [("flaky", 1), ("thrice", 3)]


def test_a_result_that_cannot_be_recorded_is_not_tried_again(engine: Stepwell) -> None:
    @step(retry=5)
    def unspeakable() -> object:
        tries.append(1)
        return {"items": [1, object()]}

    @workflow(name="unspeakable", replace=True)
    def flow() -> None:
        unspeakable()

    with pytest.raises(NotSerializable) as caught:
        flow()
    assert "items" in caught.value.path
    assert len(tries) == 1


def test_bad_retries_are_refused_at_once() -> None:
    for bad in (-1, 1.5, "3", True):
        with pytest.raises(InvalidArgument, match="retry"):
            step(retry=bad)(lambda: None)  # type: ignore[call-overload]
        with pytest.raises(InvalidArgument, match="retry"):
            flaky.options(retry=bad)  # type: ignore[arg-type]


def test_retries_are_told_on_the_bus(lab: Lab) -> None:
    engine = lab.engine()
    events: list[tuple[str, Any]] = []
    engine.bus.subscribe(lambda event: events.append((event.name, event.fields.get("attempt"))))
    with engine:
        flow(3)
    assert [each for each in events if each[0] == "step.retry"] == [("step.retry", 1), ("step.retry", 2)]
