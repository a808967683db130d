"""A server that forks its workers after it has launched its engine, which it should not; they launch their own."""

import os
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

from stepwell import EngineForked, step, workflow
from tests.faults.kit.child import effect, make_engine, obey, say


@step
def where(run: str) -> int:
    """In which process."""
    effect(run)
    return os.getpid()


@workflow
def there(run: str) -> int:
    """A run."""
    return where(run)


def fork() -> None:
    """What the child can do, and what it cannot."""
    if os.fork():
        return
    try:
        refused = []
        for attempt in (
            lambda: there("no"),
            lambda: there.start("no"),
            lambda: engine.find(),
            lambda: engine.handle("before"),
            engine.health,
            engine.close,
        ):
            try:
                attempt()
                refused.append("nothing")
            except EngineForked:
                refused.append("EngineForked")
        say("refused", refused)
        with engine:
            say("child", os.getpid(), there.options(id="child")("child"), there("nameless"))
        say("child closed")
        with engine:
            say("child again", there.options(id="again")("again") == os.getpid())
        say("child gone")
    except BaseException:
        say("child failed", traceback.format_exc())
    finally:
        os._exit(0)


def fork_under_load(children: int) -> None:
    """Children that launch, work, and are outlived by nobody: each works on when this process has closed its engine."""
    stop = threading.Event()

    def work(name: str) -> int:
        number = 0
        while not stop.is_set():
            there.options(id=f"{name}-{number}")(name)
            number += 1
        return number

    with ThreadPoolExecutor(3) as pool:
        loads = [pool.submit(work, f"parent{number}") for number in range(3)]
        pids = [_work_in_child(number) for number in range(children)]
        stop.set()
        say("parent called", sum(load.result() for load in loads))
    engine.close()
    for _, closed in pids:
        os.write(closed, b"!")
    say("children ended well", [os.waitpid(pid, 0)[1] for pid, _ in pids] == [0] * children)
    engine.launch()


CHILD_CALLS = 20


def _work_in_child(number: int) -> tuple[int, int]:
    hears, closed = os.pipe()
    pid = os.fork()
    if pid:
        return pid, closed
    status = 1
    try:
        with engine:
            for half in ("before", "after"):
                for call in range(CHILD_CALLS // 2):
                    there.options(id=f"child{number}-{half}-{call}")("child")
                if half == "before":
                    os.read(hears, 1)
        status = 0
    except BaseException:
        say("child failed", traceback.format_exc())
    os._exit(status)


def call(run: str) -> int:
    """The parent goes on."""
    return there.options(id=run)(run)


engine = make_engine() if "FAULTS_URL" in os.environ else None

if __name__ == "__main__":
    obey(engine, fork=fork, call=call, fork_under_load=fork_under_load)
