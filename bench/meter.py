"""What the workflow bodies of both systems write to: plain lists in the child's memory, the same for both."""

import asyncio
import time
from collections.abc import Callable
from time import perf_counter

#: Seconds of each step, as the workflow's code sees them (call to return).
latencies: list[float] = []

#: Steps that have returned, by workflow: a cell of its own for each, since threads share this list.
counts: list[int] = [0]

#: Flooding workflows go on while this holds one true value.
flooding: list[bool] = [True]

#: Runs of `ten_then_gate` wait at the gate unless this holds one true value (a recovering process opens it).
gate_open: list[bool] = [False]

#: How many runs have passed the gate.
passed: list[int] = []

now = perf_counter


def reset_counts(concurrency: int) -> None:
    """Before a flood: one cell per workflow, all zero."""
    counts[:] = [0] * concurrency
    flooding[0] = True


async def until(condition: Callable[[], bool], timeout: float) -> bool:
    """Look every few milliseconds at what the workflows wrote; False if `timeout` seconds passed first."""
    deadline = time.monotonic() + timeout
    # The workflows of two systems, on loops and threads, share no event that they could set.
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    return condition()
