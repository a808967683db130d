"""Two thousand def runs that are under way, in a process that has a thread for each, and one that has eight."""

import threading

from stepwell import step, workflow
from tests.faults.kit.child import effect, make_engine, obey, role, say

COUNT = 2000
AT_ONCE_LOCK = threading.Lock()
AT_ONCE: list[int] = [0, 0]  # now, at most


@step
def slow(number: int) -> int:
    """Under way for ever, in the process that the test calls doomed."""
    with AT_ONCE_LOCK:
        AT_ONCE[0] += 1
        AT_ONCE[1] = max(AT_ONCE)
        if role() == "doomed" and AT_ONCE[0] == COUNT:
            say("all under way")
    if role() == "doomed":
        threading.Event().wait()
    effect(number)
    with AT_ONCE_LOCK:
        AT_ONCE[0] -= 1
    return number


@workflow
def one(number: int) -> int:
    """One of many."""
    return slow(number)


def start_all() -> None:
    """As many as there are threads."""
    one.start_many([one.bind(number) for number in range(COUNT)])


def most_at_once() -> list[int]:
    """How many bodies ran at once, and how many threads there are now."""
    return [AT_ONCE[1], threading.active_count()]


if __name__ == "__main__":
    obey(make_engine(), start_all=start_all, most_at_once=most_at_once)
