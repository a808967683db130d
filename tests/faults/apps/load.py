"""A steady load of small workflows of both colours, with and without ids of their own; says what callers saw."""

import asyncio
import itertools
import threading
import traceback
from typing import Any

from stepwell import Retry, sleep, step, workflow
from tests.faults.kit.child import effect, make_engine, obey, role

CALLERS = 6


@step
def add(run: str, number: int) -> int:
    """A step that leaves a trace."""
    effect(run, number)
    return number


@step(retry=Retry(2, first=0.01))
def flaky(run: str, number: int) -> int:
    """Fails once: its intent is a row too."""
    effect(run, number)
    with LOCK:
        FAILED.add(run) if run not in FAILED else FAILED.discard(run)
        failed = run in FAILED
    if failed:
        raise ConnectionError("try again")
    return number


FAILED: set[str] = set()
LOCK = threading.Lock()


@workflow
def child(run: str) -> int:
    """A child with one step."""
    return add(run, 4)


@workflow
def small(run: str) -> int:
    """Steps, a retry, a wait, a child."""
    total = add(run, 1) + flaky(run, 2)
    sleep(0.01)
    return total + add(run, 3) + child(run)


@workflow
async def small_async(run: str) -> int:
    """Steps at once."""
    return sum(await asyncio.gather(*(add.aio(run, number) for number in range(5))))


class Load:
    """Callers on threads until told to stop."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.errors: list[str] = []
        self.called: list[str] = []
        self.threads: list[threading.Thread] = []

    def begin(self) -> None:
        """Start calling."""
        for caller in range(CALLERS):
            thread = threading.Thread(target=self._call, args=(f"{role()}-{caller}",), daemon=True)
            thread.start()
            self.threads.append(thread)

    def _call(self, prefix: str) -> None:
        for number in itertools.count():
            if self.stop.is_set():
                return
            run = f"{prefix}-{number}"
            try:
                answer = self._one(run, number)
            except BaseException:
                self.errors.append(f"{run}: {traceback.format_exc()}")
                return
            if answer != 10:
                self.errors.append(f"{run}: {answer}")
            self.called.append(run)

    def _one(self, run: str, number: int) -> Any:
        kind = number % 4
        if kind == 0:
            return small(run)  # its start rides with its first step
        if kind == 1:
            return small.options(id=run)(run)
        if kind == 2:
            return small_async.sync.options(id=run)(run)
        return small_async.sync.options(id=run).start(run).result(timeout=50)

    def end(self) -> dict[str, Any]:
        """Stop calling; what the callers saw."""
        self.stop.set()
        for thread in self.threads:
            thread.join(50)
        stuck = sum(thread.is_alive() for thread in self.threads)
        return {"called": len(self.called), "errors": self.errors, "stuck": stuck}

    def progress(self, more: int) -> int:
        """Return when so many more calls have come back."""
        goal = len(self.called) + more
        while len(self.called) < goal and not self.errors and any(t.is_alive() for t in self.threads):
            self.stop.wait(0.01)
        return len(self.called)


if __name__ == "__main__":
    load = Load()
    engine = make_engine()
    obey(engine, begin=load.begin, end=load.end, progress=load.progress, health=engine.health)
