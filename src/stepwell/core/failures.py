"""What a step's failure means: another attempt, or its outcome."""

from stepwell.core.definition import StepDefinition
from stepwell.core.execution import Execution
from stepwell.errors import NotSerializable, PayloadTooLarge, StepInterrupted, StepTimeout
from stepwell.model.options import StepOptions


def step_interrupted(execution: Execution, name: str) -> StepInterrupted:
    """The error of an at_most_once step whose process died in its body."""
    return StepInterrupted(
        f"workflow {execution.workflow_id!r}, step {name!r}: it was begun by a process that died, and at_most_once "
        "forbids to run it again; whether it had its effect is not known. Catch this error to decide"
    )


def step_timeout(execution: Execution, name: str, timeout: float) -> StepTimeout:
    """The failure of a step that took too long."""
    return StepTimeout(
        f"workflow {execution.workflow_id!r}, step {name!r}: took longer than its timeout of {timeout:g} s"
    )


def retry_delay(
    execution: Execution, d: StepDefinition, o: StepOptions, attempt: int, error: Exception
) -> float | None:
    """Seconds until the next attempt, or None if this failure is the step's outcome."""
    retry = o.retry
    if retry is None or isinstance(error, NotSerializable | PayloadTooLarge) or d.at_most_once:
        return None  # the body has run; it must not run again
    if attempt > retry.retries or not retry.accepts(error):
        return None
    return retry.delay(attempt, execution.runtime.env.random())
