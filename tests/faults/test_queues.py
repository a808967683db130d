"""Queues with every kind of limit, under load, while workers are killed: no limit is ever exceeded by owned runs, none
leaks a place, and all runs end."""

import threading
from collections import Counter
from typing import Any

from stepwell import Client, Queue, Rate
from tests.faults.apps.queued import job, job_async
from tests.faults.kit.places import Place, eventually
from tests.faults.kit.processes import Crew

RUNS = 60
WORKERS = 3
KILLS = 4

#: What is declared, and of which value of an owned run how many there may be at once.
LIMITS: dict[str, tuple[Queue, str, int]] = {
    "whole": (Queue("whole", concurrency=5), "queue", 5),
    "worker": (Queue("worker", worker_concurrency=2), "owner", 2),
    "partition": (Queue("partition", partition_concurrency=1), "partition_key", 1),
    "both": (Queue("both", concurrency=4, partition_concurrency=3), "queue", 4),
}


class Gauge:
    """Looks at the owned runs again and again, and remembers the most there were of each."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._over = threading.Event()
        self.most: dict[str, int] = dict.fromkeys(LIMITS, 0)
        self.looks = 0
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.is_set():
            rows = self._place.sql(
                "select queue, owner, partition_key from workflow_status where status = 'PENDING' and queue is not null"
            )
            self.looks += 1
            for name, (_, what, _) in LIMITS.items():
                column = ("queue", "owner", "partition_key").index(what)
                counts = Counter(row[column] for row in rows if row[0] == name)
                self.most[name] = max(self.most[name], max(counts.values(), default=0))
            self._over.wait(0.002)

    def end(self) -> None:
        self._over.set()
        self._thread.join()


def test_no_limit_is_exceeded_and_none_leaks_a_place(place: Place, crew: Crew, client: Client) -> None:
    for queue, _, _ in LIMITS.values():
        client.queues.create(queue)
    client.queues.create(Queue("rate", rate=Rate(10, per=1.0)))
    gauge = Gauge(place)
    handles: list[Any] = []
    for number in range(RUNS):
        for name in (*LIMITS, "rate"):
            fn = job if number % 2 else job_async.sync
            run = f"{name}-{number}"
            partition = f"p{number % 4}" if name in ("partition", "both") else None
            handles.append(fn.options(id=run, queue=name, partition=partition, priority=number % 3).start(run))
    workers = [crew.serving("queued", role=f"w{number}") for number in range(WORKERS)]
    for kill in range(KILLS):
        least = min(place.statuses()["SUCCESS"] + 20, len(handles))
        eventually(lambda least=least: place.statuses()["SUCCESS"] >= least)
        workers.pop(0).kill()
        workers.append(crew.serving("queued", role=f"k{kill}"))
    for handle in handles:
        assert handle.result(timeout=90) == handle.id
    gauge.end()

    assert gauge.looks > 20
    for name, (_, _, limit) in LIMITS.items():
        assert 0 < gauge.most[name] <= limit, f"{name}: {gauge.most}"
    begun = sorted(
        float(at) for (at,) in place.sql(
            "select " + ("started_at" if place.is_sqlite else "extract(epoch from started_at)")
            + " from workflow_status where queue = 'rate'"
        )
    )  # fmt: skip
    assert all(later - first >= 1.0 for first, later in zip(begun, begun[10:], strict=False)), begun
    # Every place is free again: as many as before start at once.
    for info in client.queues.list():
        assert (info.running, info.waiting) == (0, 0), info
    again = [job.options(queue="whole").start("again") for _ in range(5)]
    for handle in again:
        handle.result(timeout=5)
    for worker in workers:
        worker.leave()
