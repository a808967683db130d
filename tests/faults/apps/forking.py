"""A server that forks its workers after it has launched its engine, which it should not; they launch their own."""

import os
import traceback

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


def call(run: str) -> int:
    """The parent goes on."""
    return there.options(id=run)(run)


engine = make_engine()

if __name__ == "__main__":
    obey(engine, fork=fork, call=call)
