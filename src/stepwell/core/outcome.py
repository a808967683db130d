"""What a waiter gets for a run's recorded outcome: the value, or the exception of its own type."""

from typing import Any

from stepwell.errors import StepwellError, WorkflowCancelled
from stepwell.model.looking import Outcome
from stepwell.model.status import Status
from stepwell.serde.coder import Coder
from stepwell.serde.serializer import Serializer


def unpack(outcome: Outcome, workflow_id: str, coder: Coder, serializer: Serializer) -> Any:
    """Return the result of a SUCCESS, raise for the others."""
    if outcome.status == Status.SUCCESS:
        return None if outcome.output is None else coder.decode(outcome.output, outcome.codec_id)
    if outcome.status == Status.CANCELLED:
        raise WorkflowCancelled(
            f"workflow {workflow_id!r} was cancelled ({outcome.reason or 'cancel'})",
            reason=outcome.reason or "cancel",
        )
    if outcome.error is None:
        raise StepwellError(f"workflow {workflow_id!r} failed and nothing is recorded about it")
    raise serializer.read_failure(outcome.error, outcome.codec_id)
