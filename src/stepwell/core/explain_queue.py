"""Why a run of a queue has not started, in words: what its queue's limits say."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stepwell.model.looking import ExecutorRow, RunRow
from stepwell.model.queues import EVERY_QUEUE, SINGLETONS, QueueStanding
from stepwell.model.words import counted

if TYPE_CHECKING:
    from stepwell.core.runtime import Runtime


async def explain_queue(runtime: "Runtime", row: RunRow, name: str, serving: Sequence[ExecutorRow]) -> str | None:
    """What the queue holds the run back with; None if nothing does, so that it waits for a free slot only.

    `serving`: the live processes that execute its workflow.
    """
    standing = await runtime.patient(runtime.store.standing_in_queue, row.run_id, outside=True)
    if standing is not None and standing.queue.paused:
        return f"its queue {name!r} is paused: `stepwell queue resume {name}` lets it go on."
    if name != SINGLETONS and not any(name in each.queues or EVERY_QUEUE in each.queues for each in serving):
        return f"no process that serves it listens to the queue {name!r}: give listen=[{name!r}]."
    if standing is None:
        return None
    held = _held(standing, len(serving))
    if held is None:
        return None
    ahead = "it is the next" if not standing.ahead else f"{counted(standing.ahead, 'run is', 'runs are')} before it"
    return f"{held}; {ahead}" + (" (or more)." if standing.ahead >= 1000 else ".")


def _held(standing: QueueStanding, processes: int) -> str | None:
    queue = standing.queue
    what = f"the queue {queue.name!r}"
    if queue.concurrency is not None and standing.running >= queue.concurrency:
        return f"{what} is full: {standing.running} of {queue.concurrency} are executed" + _who(
            standing, standing.running
        )
    if queue.partition_concurrency is not None and standing.running_in_partition >= queue.partition_concurrency:
        return (
            f"its partition of {what} is full: {standing.running_in_partition} of {queue.partition_concurrency} are "
            f"executed{_who(standing, standing.running_in_partition)}"
        )
    if queue.worker_concurrency is not None and standing.running >= queue.worker_concurrency * processes:
        return (
            f"{what} is full in every process: {queue.worker_concurrency} in each of {processes} are executed"
            + _who(standing, standing.running)
        )
    if queue.rate is not None and standing.opens_in is not None:
        return (
            f"{what} has started {queue.rate.limit} in the last {queue.rate.period:g} s, its rate opens in "
            f"{max(0.0, standing.opens_in):.1f} s"
        )
    if queue.partition_rate is not None and standing.partition_opens_in is not None:
        return (
            f"its partition of {what} has started {queue.partition_rate.limit} in the last "
            f"{queue.partition_rate.period:g} s, its rate opens in {max(0.0, standing.partition_opens_in):.1f} s"
        )
    return None


def _who(standing: QueueStanding, number: int) -> str:
    """Some of those that fill it; of a full queue with limits per partition, only those of the same one are known."""
    if not standing.holders:
        return ""
    return f" ({', '.join(standing.holders)}{', ...' if number > len(standing.holders) else ''})"
