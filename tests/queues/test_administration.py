"""`engine.queues` in both colours: make, change, look, pause, empty; and what a declaration does with changes."""

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from stepwell import (
    Client,
    ConfigurationError,
    InvalidArgument,
    Queue,
    QueueNotEmpty,
    QueueNotFound,
    Rate,
    Stepwell,
    WaitTimeout,
    WorkflowCancelled,
    recv,
    sleep,
    step,
    workflow,
)
from stepwell.model.queues import SETTINGS
from stepwell.queues import AsyncQueues, QueueKeywords, Queues
from tests.engine.kit import PATIENCE_SECONDS, Gate, Lab, eventually

Verb = Callable[..., Any]

gate = Gate()


@pytest.fixture(autouse=True)
def new_gate() -> None:
    globals()["gate"] = Gate()


@step
def stand() -> str:
    gate.hold()
    return "stood"


@workflow
def hold() -> str:
    return stand()


@workflow
def plus(a: int, b: int) -> int:
    return a + b


@workflow
def doze() -> None:
    sleep(3600)


@workflow
def hears() -> str:
    return recv("news", type=str)


@pytest.fixture(params=["def", "async def"])
def verb(request: pytest.FixtureRequest, engine: Stepwell) -> Verb:
    """A verb of `engine.queues` by its name, in one colour."""

    def say(name: str, /, *args: Any, **kwargs: Any) -> Any:
        if request.param == "def":
            return getattr(engine.queues, name)(*args, **kwargs)
        return asyncio.run(getattr(engine.aio.queues, name)(*args, **kwargs))

    return say


# -- looking and changing ------------------------------------------------------------------------------------------


def test_create_and_look(verb: Verb) -> None:
    queue = Queue("emails", concurrency=5, rate=Rate(100, per=60), partition_concurrency=1, fair=False)
    info = verb("create", queue)
    assert (info.queue, info.name, info.declared) == (queue, "emails", True)
    assert (info.waiting, info.delayed, info.running, info.oldest) == (0, 0, 0, None)
    assert verb("get", "emails") == verb("get", queue) == info
    verb("create", Queue("also"))
    assert [each.name for each in verb("list")] == ["also", "emails"]


def test_create_replaces_all_settings(verb: Verb) -> None:
    verb("create", Queue("emails", concurrency=5, paused=True))
    assert (verb("create", Queue("emails", worker_concurrency=2))).queue == Queue("emails", worker_concurrency=2)


def test_update_changes_what_is_said(verb: Verb) -> None:
    verb("create", Queue("emails", concurrency=5, rate=Rate(1)))
    changed = verb("update", "emails", concurrency=7, partition_rate=Rate(3, per=2))
    assert changed.queue == Queue("emails", concurrency=7, rate=Rate(1), partition_rate=Rate(3, per=2))
    changed = verb("update", Queue("emails"), concurrency=None, rate=None)
    assert changed.queue == Queue("emails", partition_rate=Rate(3, per=2))
    assert (verb("update", "emails")).queue == changed.queue


def test_what_is_in_a_queue_is_counted(engine: Stepwell, verb: Verb) -> None:
    verb("create", Queue("emails", concurrency=1))
    plus.options(queue="emails", delay=3600).start(1, 2)
    handles = hold.options(queue="emails").start_many([hold.bind(), hold.bind(), hold.bind()])
    gate.reached.wait()
    info = verb("get", "emails")
    assert (info.waiting, info.delayed, info.running) == (2, 1, 1)
    assert info.oldest == engine.find(name=f"{__name__}:plus").items[0].created_at
    gate.open()
    assert [handle.result(timeout=PATIENCE_SECONDS) for handle in handles] == ["stood"] * 3


def test_queues_of_which_nobody_said_anything(verb: Verb) -> None:
    plus.options(queue="found", delay=3600).start(1, 2)
    info = verb("get", "found")
    assert (info.declared, info.queue, info.delayed) == (False, Queue("found"), 1)
    info = verb("update", "found", concurrency=3)
    assert (info.declared, info.queue.concurrency) == (True, 3)


def test_every_namespace_has_its_own(lab: Lab, verb: Verb) -> None:
    verb("create", Queue("emails", concurrency=5))
    other = lab.launch(namespace="tenant")
    assert other.queues.list() == []
    with pytest.raises(QueueNotFound):
        other.queues.get("emails")


# -- pausing -------------------------------------------------------------------------------------------------------


def test_a_paused_queue_starts_nothing_until_it_goes_on(engine: Stepwell, verb: Verb) -> None:
    assert (verb("pause", "emails")).queue == Queue("emails", paused=True)
    handle = plus.options(id="waits", queue="emails").start(1, 2)
    beside = plus.options(queue="others").start(3, 4)
    assert beside.result(timeout=PATIENCE_SECONDS) == 7  # whatever claimed this one has passed over the first
    assert "is paused" in engine.explain("waits")
    assert (verb("get", "emails")).waiting == 1
    assert not (verb("resume", "emails")).queue.paused
    assert handle.result(timeout=PATIENCE_SECONDS) == 3


def test_what_is_executed_goes_on_when_its_queue_is_paused(engine: Stepwell, verb: Verb) -> None:
    handle = hold.options(queue="emails").start()
    gate.reached.wait()
    verb("pause", "emails")
    gate.open()
    assert handle.result(timeout=PATIENCE_SECONDS) == "stood"


def test_pausing_keeps_the_limits(verb: Verb) -> None:
    queue = Queue("emails", concurrency=5, rate=Rate(1), fair=False)
    verb("create", queue)
    verb("pause", "emails")
    assert (verb("resume", "emails")).queue == queue


# -- emptying ------------------------------------------------------------------------------------------------------


def test_purge_cancels_what_never_started(engine: Stepwell, verb: Verb) -> None:
    verb("create", Queue("emails", concurrency=1))
    running = hold.options(queue="emails").start()
    gate.reached.wait()
    waiting = plus.options(queue="emails").start(1, 2)
    delayed = plus.options(queue="emails", delay=3600).start(1, 2)
    beside = plus.options(queue="others", delay=3600).start(1, 2)
    assert verb("purge", "emails") == 2
    for handle in (waiting, delayed):
        with pytest.raises(WorkflowCancelled, match="purged"):
            handle.result(timeout=PATIENCE_SECONDS)
        assert handle.status().reason == "purged"
    assert beside.status().status == "ENQUEUED"
    gate.open()
    assert running.result(timeout=PATIENCE_SECONDS) == "stood"
    assert verb("purge", "emails") == 0


def test_purge_goes_on_beyond_one_transaction(verb: Verb, engine: Stepwell) -> None:
    verb("pause", "emails")
    plus.options(queue="emails").start_many([plus.bind(number, 0) for number in range(2100)])
    assert verb("purge", "emails") == 2100
    assert engine.count(status="CANCELLED") == 2100


def test_drain_waits_until_nothing_is_left(engine: Stepwell, verb: Verb) -> None:
    assert verb("drain", "emails") == 0
    handle = hold.options(queue="emails").start()
    gate.reached.wait()
    with ThreadPoolExecutor() as pool:
        draining = pool.submit(verb, "drain", "emails", timeout=PATIENCE_SECONDS)
        with pytest.raises(WaitTimeout, match="1 that are executed"):
            verb("drain", "emails", timeout=0.3)
        assert not draining.done()
        gate.open()
        assert draining.result() == 0
    assert handle.status().status == "SUCCESS"


def test_drain_says_what_is_left(verb: Verb) -> None:
    verb("pause", "emails")
    plus.options(queue="emails").start(1, 2)
    plus.options(queue="emails", delay=3600).start(1, 2)
    with pytest.raises(WaitTimeout, match="has 1 runs that wait, 1 that are delayed and 0 that are executed"):
        verb("drain", "emails", timeout=0.01)


def test_a_parked_run_has_given_its_place_back(engine: Stepwell, verb: Verb) -> None:
    handle = doze.options(queue="emails").start()
    assert eventually(lambda: handle.status().status == "WAITING")
    assert verb("drain", "others", timeout=PATIENCE_SECONDS) == 0
    assert verb("drain", "emails", timeout=PATIENCE_SECONDS) == 1
    handle.cancel()
    eventually(lambda: handle.status().status == "CANCELLED")
    assert verb("drain", "emails", timeout=PATIENCE_SECONDS) == 0


def test_drain_waits_for_a_parked_run_that_goes_on(lab: Lab) -> None:
    engine = lab.launch(park_after=0.02)
    handle = hears.options(queue="emails").start()
    assert eventually(lambda: handle.status().status == "WAITING")
    engine.queues.pause("emails")
    handle.send("go on", "news")
    assert eventually(lambda: handle.status().status == "ENQUEUED")
    with pytest.raises(WaitTimeout, match="has 1 runs that wait"):
        engine.queues.drain("emails", timeout=0.01)
    engine.queues.resume("emails")
    assert engine.queues.drain("emails", timeout=PATIENCE_SECONDS) == 0
    assert handle.result() == "go on"


def test_delete(verb: Verb) -> None:
    verb("create", Queue("emails", concurrency=1))
    verb("delete", "emails")
    assert verb("list") == []
    with pytest.raises(QueueNotFound, match="there is no queue 'emails'"):
        verb("delete", "emails")


def test_what_has_runs_is_not_deleted(engine: Stepwell, verb: Verb) -> None:
    verb("create", Queue("emails", concurrency=1))
    handle = hold.options(queue="emails").start()
    gate.reached.wait()
    with pytest.raises(QueueNotEmpty, match="0 runs that wait, 1 that are executed"):
        verb("delete", "emails")
    gate.open()
    handle.result(timeout=PATIENCE_SECONDS)
    plus.options(queue="emails", delay=3600).start(1, 2)
    with pytest.raises(QueueNotEmpty, match="1 runs that wait, 0 that are executed"):
        verb("delete", "emails")
    assert (verb("get", "emails")).queue == Queue("emails", concurrency=1)


def test_what_has_parked_runs_is_not_deleted(verb: Verb) -> None:
    verb("create", Queue("emails", concurrency=1))
    handle = hears.options(queue="emails").start()
    assert eventually(lambda: handle.status().status == "WAITING")
    with pytest.raises(QueueNotEmpty, match="1 that are parked"):
        verb("delete", "emails")
    handle.send("go on", "news")
    assert handle.result(timeout=PATIENCE_SECONDS) == "go on"
    verb("delete", "emails")
    assert verb("list") == []


# -- changes count at once -----------------------------------------------------------------------------------------


def test_a_larger_limit_starts_more_at_once(engine: Stepwell, verb: Verb) -> None:
    verb("create", Queue("emails", concurrency=1))
    handles = hold.options(queue="emails").start_many([hold.bind() for _ in range(3)])
    gate.reached.wait()
    assert (verb("get", "emails")).running == 1
    verb("update", "emails", concurrency=2)
    assert eventually(lambda: engine.queues.get("emails").running == 2)
    verb("update", "emails", concurrency=None)
    assert eventually(lambda: engine.queues.get("emails").running == 3)
    gate.open()
    for handle in handles:
        handle.result(timeout=PATIENCE_SECONDS)


def test_changes_at_once_lose_nothing(engine: Stepwell, verb: Verb) -> None:
    """Each changes another setting, all at the same time: who paused does not go on because of who set a limit."""
    verb("create", Queue("emails"))
    with ThreadPoolExecutor(5) as pool:
        for number in range(1, 21):
            limits = {"concurrency": number, "worker_concurrency": number, "rate": Rate(number)}
            changes = [pool.submit(verb, "update", "emails", **{name: value}) for name, value in limits.items()]
            changes.append(pool.submit(verb, "pause" if number % 2 else "resume", "emails"))
            for change in changes:
                change.result()
            assert verb("get", "emails").queue == Queue("emails", **limits, paused=bool(number % 2))  # type: ignore[arg-type]


# -- declarations --------------------------------------------------------------------------------------------------


def launched(lab: Lab, *queues: Queue) -> Stepwell:
    """A process whose code declares these queues."""
    engine = Stepwell(lab.url, declare=queues, settings=lab.engine().settings)
    lab._engines.append(engine)
    engine.launch()
    return engine


def test_a_declaration_follows_the_code_and_keeps_what_people_changed(lab: Lab) -> None:
    first = launched(lab, Queue("emails", concurrency=5, worker_concurrency=2, rate=Rate(10)))
    assert first.queues.get("emails").queue == Queue("emails", concurrency=5, worker_concurrency=2, rate=Rate(10))
    first.queues.update("emails", concurrency=1, paused=True)
    first.close()
    second = launched(lab, Queue("emails", concurrency=8, worker_concurrency=3, fair=False))
    assert second.queues.get("emails").queue == Queue(
        "emails", concurrency=1, worker_concurrency=3, fair=False, paused=True
    )
    second.queues.update("emails", concurrency=8, paused=False)  # back to what code says: it is followed again
    second.close()
    third = launched(lab, Queue("emails", concurrency=9))
    assert third.queues.get("emails").queue == Queue("emails", concurrency=9)


def test_the_same_declaration_again_changes_nothing(lab: Lab) -> None:
    queue = Queue("emails", concurrency=5)
    first = launched(lab, queue)
    first.queues.update("emails", concurrency=None, rate=Rate(2))
    first.close()
    for _ in range(2):
        again = launched(lab, queue)
        assert again.queues.get("emails").queue == Queue("emails", rate=Rate(2))
        again.close()


def test_what_is_no_longer_declared_keeps_its_row(lab: Lab) -> None:
    launched(lab, Queue("emails", concurrency=5)).close()
    assert launched(lab).queues.get("emails").queue == Queue("emails", concurrency=5)


def test_what_was_made_at_run_time_is_not_overwritten(lab: Lab) -> None:
    launched(lab).queues.create(Queue("emails", concurrency=1))
    queue = launched(lab, Queue("emails", concurrency=5, rate=Rate(3))).queues.get("emails").queue
    assert queue == Queue("emails", concurrency=1, rate=Rate(3))


def test_declarations_that_contradict_each_other(lab: Lab) -> None:
    with pytest.raises(ConfigurationError, match="two of the name 'emails'"):
        Stepwell(lab.url, declare=[Queue("emails"), Queue("emails", concurrency=5)])
    with pytest.raises(ConfigurationError, match="queues and schedules, not str"):
        Stepwell(lab.url, declare=["emails"])


def test_a_client_declares_too(lab: Lab) -> None:
    with Client(lab.url, declare=[Queue("emails", concurrency=5)]) as client:
        assert client.queues.get("emails").queue.concurrency == 5


# -- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["get", "update", "delete"])
def test_there_is_no_such_queue(verb: Verb, name: str) -> None:
    with pytest.raises(QueueNotFound, match="there is no queue 'nobody': nothing waits or runs in it"):
        verb(name, "nobody")
    assert verb("list") == []


@pytest.mark.parametrize("name", ["get", "update", "pause", "resume", "purge", "drain", "delete"])
@pytest.mark.parametrize("queue", ["*", "", 7, None])
def test_names_that_cannot_be(verb: Verb, name: str, queue: object) -> None:
    with pytest.raises(InvalidArgument, match="name"):
        verb(name, queue)


def test_refused_changes_change_nothing(verb: Verb) -> None:
    verb("create", Queue("emails", concurrency=5))
    for fields in ({"concurrency": 0}, {"rate": 5}, {"fair": None}, {"limit": 5}, {"paused": 1}):
        with pytest.raises(InvalidArgument):
            verb("update", "emails", **{"worker_concurrency": 3, **fields})
    with pytest.raises(InvalidArgument, match="takes a Queue"):
        verb("create", "emails")
    for timeout in (-1, float("nan"), "soon"):
        with pytest.raises(InvalidArgument, match="timeout"):
            verb("drain", "emails", timeout=timeout)
    assert [each.queue for each in verb("list")] == [Queue("emails", concurrency=5)]


def test_both_colours_have_the_same_verbs() -> None:
    def verbs(kind: type) -> dict[str, list[str]]:
        public = inspect.getmembers(kind, lambda each: inspect.isfunction(each))
        return {name: list(inspect.signature(each).parameters) for name, each in public if not name.startswith("_")}

    assert verbs(Queues) == verbs(AsyncQueues)
    assert tuple(QueueKeywords.__annotations__) == SETTINGS
