"""`step.submit(...)`: a step of a `def` workflow on a worker thread."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from stepwell.core import thread_ops
from stepwell.core.context import Branch
from stepwell.core.execution import Execution
from stepwell.core.inbox import Slot
from stepwell.core.keys import Key
from stepwell.core.threads import Job
from stepwell.core.verbs import def_branch, draw
from stepwell.errors import InvalidArgument
from stepwell.serde.fingerprint import fingerprint

T = TypeVar("T")

_PATIENCE_SECONDS = 0.02


class StepFuture(Generic[T]):
    """The result of a submitted step. Waiting runs it in the waiting thread if no worker has begun it.

    Only `result` is offered: asking whether it is done would make the workflow depend on timing.
    """

    __slots__ = ("_job",)

    def __init__(self, job: Job) -> None:
        self._job = job

    @classmethod
    def plain(cls, call: Callable[[], Any]) -> "StepFuture[Any]":
        """Outside a workflow: runs now."""
        job = Job(call, (), {})
        job.run()
        return StepFuture(job)

    @classmethod
    def submit(cls, branch: Branch, call: Callable[[], Any]) -> "StepFuture[Any]":
        """On the engine's pool, in this branch's context; counted, so that the run does not park meanwhile."""
        execution = branch.execution
        with execution.lock:
            execution.submitted += 1
        job = execution.runtime.pool.submit(call)

        def ended(job: Job) -> None:
            with execution.lock:
                execution.submitted -= 1

        job.when_done(ended)
        return StepFuture(job)

    def result(self) -> T:
        """Block for the step's result, or raise its failure."""
        result: T = self._job.result()
        return result


def first(futures: "Sequence[StepFuture[Any]]") -> tuple[int, Any]:
    """(index, result) of the submitted step that ends first; which one is recorded, so replays pick the same."""
    branch = def_branch("first")
    if not futures:
        raise InvalidArgument("first() takes at least one submitted step")

    def live(execution: Execution, key: Key, mark: int) -> tuple[int, str, None, None]:
        slot = Slot()
        for index, future in enumerate(futures):
            future._job.when_done(lambda _, index=index: slot.resolve(index))  # type: ignore[misc]
        if not slot.wait(_PATIENCE_SECONDS):
            futures[0]._job.run()  # the pool may be full of threads that wait like this one
            slot.wait()
        winner: int = slot.value
        return winner, str(winner), None, None

    coder = branch.execution.runtime.serializer.value(int)
    mark = fingerprint("first", (len(futures),), {})
    winner: int = thread_ops.operation(branch, draw(branch), "first", "first", mark, coder, live)
    return winner, futures[winner].result()
