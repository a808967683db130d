"""`cancel_many` and `resume_many`: all runs that match a filter, in pages."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import stepwell
from stepwell import Client, InvalidArgument, Stepwell, WorkflowCancelled, step, workflow
from stepwell.core import operate, operate_many
from tests.engine.kit import Lab, eventually

broken: set[str] = set()
ran: list[str] = []


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    broken.clear()
    ran.clear()
    monkeypatch.setattr(operate_many, "PAGE_ROWS", 4)
    monkeypatch.setattr(operate_many, "RESUMED_ROWS", 3)


@step
def work(what: str) -> str:
    ran.append(what)
    if what in broken:
        raise ValueError(what)
    return what


@workflow
def first(what: str) -> str:
    return work(what)


@workflow
def outer(what: str) -> str:
    return first(what)


@workflow
async def sleeper() -> None:
    await stepwell.aio.sleep(3600)


@pytest.fixture
def client(lab: Lab) -> Any:
    client = lab.engine(make=Client)  # type: ignore[arg-type]
    client.launch()
    return client


def enqueued(client: Client, count: int, **options: Any) -> list[str]:
    calls = [first.options(id=f"{options.get('queue', 'run')}-{n}").bind("x") for n in range(count)]
    return [each.id for each in first.options(engine=client, **options).start_many(calls)]


def test_all_that_match_are_cancelled_page_by_page(client: Client) -> None:
    enqueued(client, 10)
    enqueued(client, 3, queue="other")
    told: list[int] = []
    assert client.cancel_many(id_prefix="run-", progress=told.append) == 10
    assert told == [4, 8, 10]
    assert client.count(status="CANCELLED") == 10
    assert client.cancel_many(queue="other", reason="withdrawn") == 3
    assert {each.reason for each in client.find(queue="other")} == {"withdrawn"}
    assert client.count(queue="other") == 3


def test_after_an_interruption_the_rest_follows(client: Client) -> None:
    enqueued(client, 10)

    def interrupt(count: int) -> None:
        if count == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.cancel_many(name=first.definition.name, progress=interrupt)
    assert client.cancel_many(name=first.definition.name) == 2


@pytest.mark.parametrize("verb", ["cancel_many", "resume_many"])
def test_no_filter_is_no_filter(client: Client, verb: str) -> None:
    enqueued(client, 2)
    do = getattr(client, verb)
    nothings: list[dict[str, Any]] = [{}, {"id_prefix": ""}, {"attributes": {}}]
    for nothing in nothings:
        with pytest.raises(InvalidArgument, match="all=True"):
            do(**nothing)
    with pytest.raises(InvalidArgument, match="status"):
        do(status="NEVER")
    assert client.count(status="ENQUEUED") == 2
    assert do(all=True) == (2 if verb == "cancel_many" else 0)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"since": datetime.now(UTC) + timedelta(days=1)}, 0),
        ({"until": datetime.now(UTC) + timedelta(days=1)}, 5),
        ({"attributes": {"shop": "eu"}}, 2),
        ({"status": ["SUCCESS", "ENQUEUED"]}, 5),
        ({"status": "SUCCESS"}, 0),
        ({"name": "nobody"}, 0),
    ],
)
def test_the_filters_are_those_of_find(client: Client, where: dict[str, Any], found: int) -> None:
    enqueued(client, 3)
    enqueued(client, 2, queue="eu", attributes={"shop": "eu"})
    assert client.cancel_many(**where) == found


def test_running_ones_and_their_children(engine: Stepwell) -> None:
    @workflow(name="with-child", replace=True)
    async def with_child() -> None:
        await sleeper()

    handles = [with_child.sync.start() for _ in range(3)]
    eventually(lambda: engine.count(name=sleeper.definition.name, status="PENDING") == 3)
    assert engine.cancel_many(name="with-child") == 3
    for handle in handles:
        with pytest.raises(WorkflowCancelled):
            handle.result()
    eventually(lambda: engine.count(status="CANCELLED") == 6)
    assert engine.cancel_many(all=True) == 0


def test_failed_ones_are_resumed_with_their_children(engine: Stepwell) -> None:
    broken.update(f"item {n}" for n in range(10))
    handles = [outer.options(id=f"o-{n}").start(f"item {n}") for n in range(10)]
    done = outer.options(id="o-fine").start("fine")
    assert done.result() == "fine"
    for handle in handles:
        with pytest.raises(ValueError, match="item"):
            handle.result()
    broken.clear()
    told: list[int] = []
    assert engine.resume_many(name=outer.definition.name, progress=told.append) == 10
    assert told == [4, 8, 10]
    assert [handle.result(timeout=20) for handle in handles] == [f"item {n}" for n in range(10)]
    assert all(ran.count(f"item {n}") == 2 for n in range(10))
    assert ran.count("fine") == 1
    assert engine.resume_many(all=True) == 0


def test_parents_and_children_that_both_match(engine: Stepwell) -> None:
    broken.add("a")
    handle = outer.options(id="o").start("a")
    with pytest.raises(ValueError, match="a"):
        handle.result()
    broken.clear()
    assert engine.resume_many(all=True) == 2
    assert handle.result(timeout=20) == "a"
    assert ran == ["a", "a"]


def test_what_was_cancelled_is_resumed_only_if_asked_for(engine: Stepwell) -> None:
    broken.add("b")
    handle = first.options(id="failed").start("b")
    with pytest.raises(ValueError, match="b"):
        handle.result()
    asleep = sleeper.sync.options(id="asleep").start()
    engine.cancel("asleep")
    with pytest.raises(WorkflowCancelled):
        asleep.result()
    assert engine.resume_many(all=True) == 1
    assert engine.resume_many(status="CANCELLED") == 1
    eventually(lambda: engine.handle("asleep").status().status == "PENDING")


def test_one_that_somebody_else_resumed_does_not_stop_the_others(
    engine: Stepwell, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken.update("ab")
    handles = [first.options(id=what).start(what) for what in "ab"]
    for handle in handles:
        with pytest.raises(ValueError, match=r"a|b"):
            handle.result()
    plan = operate_many._plan

    async def late(runtime: Any, row: Any) -> Any:
        found = await plan(runtime, row)
        if row.workflow_id == "a":
            broken.clear()
            await operate.resume(runtime, "a")
            await asyncio.wait_for(runtime.watch.outcome(row.run_id), 10)
        return found

    monkeypatch.setattr(operate_many, "_plan", late)
    assert engine.resume_many(all=True) == 1
    assert [handle.result(timeout=20) for handle in handles] == ["a", "b"]


async def test_awaited(lab: Lab) -> None:
    async with lab.engine() as engine:
        for n in range(6):
            await first.aio.options(delay=3600, id=f"r-{n}").start("x")
        told: list[int] = []
        assert await engine.aio.cancel_many(status="ENQUEUED", id_prefix="r-", progress=told.append) == 6
        assert told == [4, 6]
        assert await engine.aio.count(status="CANCELLED") == 6
        assert await engine.aio.resume_many(id_prefix="r-", status="CANCELLED") == 6
        with pytest.raises(InvalidArgument, match="all=True"):
            await engine.aio.resume_many()
