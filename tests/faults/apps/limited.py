"""Starts and serves runs of queues, and ticks of schedules. Its argument: how wrong its wall clock is, seconds."""

import sys
import time
from typing import Any

from stepwell import Schedule, current, now, sleep, step, workflow
from tests.faults.kit.child import effect, make_engine, obey
from tests.faults.kit.clocks import shift

WORK_SECONDS = 0.05


@step
def work(run: str) -> None:
    """Leaves a trace and takes a moment."""
    effect(run)
    time.sleep(WORK_SECONDS)


@workflow
def job(run: str) -> float:
    """When it began, by what the engine says the time is: unix seconds."""
    begun = now()
    work(run)
    sleep(0.01)
    return begun.timestamp()


@workflow
def tick() -> None:
    """A tick's run leaves the tick."""
    scheduled = current().scheduled_at
    assert scheduled is not None
    work(f"tick-{int(scheduled.timestamp())}")


def start(prefix: str, number: int, options: dict[str, Any], partitions: int = 0) -> None:
    """So many runs, in so many partitions in turn, from here."""
    for each in range(number):
        partition = f"p{each % partitions}" if partitions else None
        run = f"{prefix}-{each}"
        job.options(id=run, partition=partition, **options).start(run)


def every(seconds: float) -> None:
    """A schedule that ticks, and whose runs may overlap."""
    engine.schedules.create(Schedule("ticks", every=seconds, call=tick.bind(), overlap="allow"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        shift(float(sys.argv[1]))
    engine = make_engine()
    obey(engine, start=start, every=every, hears=lambda: engine.runtime.hints.arrive)
