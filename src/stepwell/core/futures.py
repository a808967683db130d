"""`step.submit(...)`: a step of a `def` workflow on a worker thread."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from stepwell.core.context import Branch
from stepwell.core.threads import Job
from stepwell.errors import WaitTimeout

T = TypeVar("T")


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

    def result(self, timeout: float | None = None) -> T:
        """Block for the step's result, or raise its failure; WaitTimeout after `timeout` seconds (it goes on)."""
        if timeout is not None and not self._job.wait(timeout):
            raise WaitTimeout(f"the submitted step has not ended within {timeout:g} s; it goes on")
        result: T = self._job.result()
        return result
