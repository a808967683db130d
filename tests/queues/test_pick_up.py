"""Between processes, nothing of a queue waits for a look: these engines look once a minute."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from stepwell import Client, Queue, Rate, Settings, step, workflow
from tests.engine.kit import Gate, Lab, eventually, reaches

DEAF: dict[str, Any] = {"poll_interval": 60.0, "sweep_interval": 60.0, "lease": 180.0, "drain": 0.5}
gates: dict[str, Gate] = {}


@step
def stand(name: str) -> str:
    gates[name].hold()
    return name


@workflow(name="held_job")
def held(name: str) -> str:
    return stand(name)


@workflow(name="quick_job")
def quick(name: str) -> str:
    return name


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with Client(database_url, settings=Settings(poll_interval=60.0)) as client:
        yield client


def begin(client: Client, *names: str, queue: str) -> list[Any]:
    gates.update({name: Gate() for name in names})
    return [held.options(engine=client, queue=queue).start(name) for name in names]


def test_an_enqueued_run_starts_at_once_elsewhere(lab: Lab, client: Client) -> None:
    lab.launch(**DEAF)
    for number in range(5):
        began = time.monotonic()
        handle = quick.options(engine=client, queue="q").start(f"{number}")
        assert handle.result(timeout=10) == f"{number}"
        assert time.monotonic() - began < 5


def test_whoever_ends_hands_its_place_to_the_next(lab: Lab, client: Client) -> None:
    client.queues.create(Queue("narrow", concurrency=1))
    lab.launch(**DEAF)
    handles = begin(client, "a", "b", "c", queue="narrow")
    for name, handle in zip("abc", handles, strict=True):
        gates[name].reached.wait()
        assert not any(gates[other].reached.is_set for other in "abc" if other > name)
        gates[name].open()
        assert handle.result(timeout=10) == name


def test_a_place_that_another_process_frees_is_taken(lab: Lab, client: Client) -> None:
    """The one that frees it has no slot to go on with it."""
    client.queues.create(Queue("narrow", concurrency=1))
    first = lab.launch(**DEAF, max_threads=1)
    (handle,) = begin(client, "a", queue="narrow")
    gates["a"].reached.wait()
    (waiting,) = begin(client, "b", queue="narrow")
    lab.launch(**DEAF)
    eventually(lambda: client.queues.get("narrow").waiting == 1)
    (other,) = begin(client, "c", queue="elsewhere")  # takes the slot of the first, or one of the second
    gates["c"].reached.wait()
    gates["a"].open()
    assert handle.result(timeout=10) == "a"
    gates["b"].reached.wait()
    for name in "bc":
        gates[name].open()
    assert (waiting.result(timeout=10), other.result(timeout=10)) == ("b", "c")
    assert first.health() is not None


def test_a_rate_opens_by_itself(lab: Lab, client: Client) -> None:
    client.queues.create(Queue("spaced", rate=Rate(1, per=0.4)))
    lab.launch(**DEAF)
    began = time.monotonic()
    handles = [quick.options(engine=client, queue="spaced").start(f"{number}") for number in range(4)]
    for handle in handles:
        handle.result(timeout=10)
    assert 3 * 0.4 <= time.monotonic() - began < 10


def test_a_delayed_start_is_due_by_itself(lab: Lab, client: Client) -> None:
    lab.launch(**DEAF)
    began = time.monotonic()
    handle = quick.options(engine=client, queue="q", delay=0.3).start("late")
    assert handle.result(timeout=10) == "late"
    assert 0.3 <= time.monotonic() - began < 10


def test_a_resumed_queue_goes_on_at_once(lab: Lab, client: Client) -> None:
    client.queues.create(Queue("q", paused=True))
    lab.launch(**DEAF)
    handle = quick.options(engine=client, queue="q").start("x")
    time.sleep(0.2)
    assert handle.status().status == "ENQUEUED"
    client.queues.resume("q")
    assert handle.result(timeout=10) == "x"


def test_a_larger_limit_counts_at_once(lab: Lab, client: Client) -> None:
    client.queues.create(Queue("narrow", concurrency=1))
    lab.launch(**DEAF)
    begin(client, "a", "b", queue="narrow")
    gates["a"].reached.wait()
    assert not gates["b"].reached.is_set
    client.queues.update("narrow", concurrency=2)
    gates["b"].reached.wait()
    for name in "ab":
        gates[name].open()


def test_who_listens_to_other_queues_leaves_it_alone(lab: Lab, client: Client) -> None:
    picky = lab.engine(**DEAF)
    picky._queues = ("other",)
    picky.launch()
    handle = quick.options(engine=client, queue="q").start("x")
    other = quick.options(engine=client, queue="other").start("y")
    assert other.result(timeout=10) == "y"
    assert handle.status().status == "ENQUEUED"
    assert "listen" in client.explain(handle.id)
    lab.launch(**DEAF)
    assert handle.result(timeout=10) == "x"


def test_an_expired_start_never_begins(lab: Lab, client: Client) -> None:
    client.queues.create(Queue("q", paused=True))
    engine = lab.launch()
    handle = quick.options(engine=client, queue="q", expires=0.2).start("x")
    assert reaches(handle, "CANCELLED") == "CANCELLED"
    assert handle.status().reason == "expired"
    assert engine.health() is not None
