"""Why a run of a queue has not started: what `explain` says of each limit, and whom it names."""

import re

import pytest

from stepwell import Queue, Rate, Stepwell, step, workflow
from tests.engine.kit import PATIENCE_SECONDS, Gate, Lab, eventually

gate = Gate()


@pytest.fixture(autouse=True)
def new_gate() -> None:
    globals()["gate"] = Gate()


@step
def stand() -> None:
    gate.hold()


@workflow
def hold() -> None:
    stand()


def explained(engine: Stepwell, queue: Queue, running: dict[str, str | None], partition: str | None) -> str:
    """What is said of a run `waits` of this partition, while those are executed: their partitions by their ids."""
    engine.queues.create(queue)
    handles = [hold.options(id=id, queue=queue, partition=own).start() for id, own in running.items()]
    eventually(lambda: engine.queues.get(queue).running == len(running))
    handles.append(hold.options(id="waits", queue=queue, partition=partition).start())
    told = engine.explain("waits")
    gate.open()
    for handle in handles:
        if handle.id != "waits" or queue.rate is None:
            handle.result(timeout=PATIENCE_SECONDS)
    return told


def test_a_full_queue_names_who_fills_it(engine: Stepwell) -> None:
    told = explained(engine, Queue("q", concurrency=2), {"a": None, "b": None}, None)
    assert told in {
        f"ENQUEUED: the queue 'q' is full: 2 of 2 are executed ({who}); it is the next." for who in ("a, b", "b, a")
    }


def test_of_many_some_are_named(engine: Stepwell) -> None:
    told = explained(engine, Queue("q", concurrency=7), dict.fromkeys("abcdefg"), None)
    assert re.fullmatch(
        r"ENQUEUED: the queue 'q' is full: 7 of 7 are executed \((\w, ){5}\.\.\.\); it is the next\.", told
    )


def test_a_full_partition_names_its_own(engine: Stepwell) -> None:
    told = explained(engine, Queue("q", partition_concurrency=1), {"a": "x", "b": "y", "c": "z"}, "y")
    assert told == "ENQUEUED: its partition of the queue 'q' is full: 1 of 1 are executed (b); it is the next."


def test_a_full_queue_whose_runs_are_of_other_partitions(engine: Stepwell) -> None:
    told = explained(engine, Queue("q", concurrency=2, partition_concurrency=2), {"a": "x", "b": "x"}, "y")
    assert re.match(r"ENQUEUED: the queue 'q' is full: 2 of 2 are executed( \(\w, \w\))?; it is the next\.", told)


def test_a_rate_says_when_it_opens(engine: Stepwell) -> None:
    told = explained(engine, Queue("q", rate=Rate(2, per=3600)), {"a": None, "b": None}, None)
    assert re.fullmatch(
        r"ENQUEUED: the queue 'q' has started 2 in the last 3600 s, its rate opens in 3\d\d\d\.\d s; it is the next\.",
        told,
    )


def test_who_comes_before_is_counted(engine: Stepwell) -> None:
    queue = engine.queues.create(Queue("q", concurrency=1)).queue
    first = hold.options(queue=queue).start()
    gate.reached.wait()
    hold.options(queue=queue, priority=-1).start_many([hold.bind() for _ in range(3)])
    hold.options(queue=queue, priority=1).start()
    handle = hold.options(queue=queue, id="waits").start()
    assert engine.explain("waits").endswith("; 3 runs are before it.")
    gate.open()
    first.result(timeout=PATIENCE_SECONDS)
    handle.result(timeout=PATIENCE_SECONDS)


def test_nobody_listens(lab: Lab) -> None:
    engine = Stepwell(lab.url, listen=["others"], settings=lab.engine().settings)
    with engine:
        hold.options(queue="q", id="waits").start()
        assert engine.explain("waits") == (
            "ENQUEUED: no process that serves it listens to the queue 'q': give listen=['q']."
        )
