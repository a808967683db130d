"""Turning what is recorded back into what the workflow's code saw: values and exceptions."""

from typing import Any, Protocol

from stepwell.core.execution import Execution
from stepwell.errors import Cancelled, StepwellError, UnreadablePayload
from stepwell.model.rows import Recorded

#: A wait that ended by its own timeout is recorded under its kind with this suffix.
TIMEOUT_SUFFIX = "_timeout"


class TimedOut:
    """What such a wait gives: the error to raise, or None where the call had a default."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Reader(Protocol):
    """What reads a recorded result back: a Coder, or something that makes a handle of it."""

    def decode(self, text: str, codec_id: str | None = None) -> Any:
        """The value. Raises UnreadablePayload."""
        ...


def recall(execution: Execution, row: Recorded, coder: Reader) -> Any:
    """Return or raise a recorded outcome; TimedOut for a wait that ended by its timeout.

    CodecFault: it could not be read now (see `sealing`).
    """
    if row.ended == "abandoned":
        raise Cancelled(f"{execution.workflow_id}: {row.name} was interrupted")
    try:
        if row.kind.endswith(TIMEOUT_SUFFIX):
            return TimedOut(None if row.error is None else failure(execution, row.error, row.codec_id, row.name))
        if row.ended == "ok":
            return None if row.output is None else coder.decode(row.output, row.codec_id)
        failed = failure(execution, row.error, row.codec_id, f"step {row.name!r}")
    except UnreadablePayload as error:
        # Other code or another codec can read it: the run waits for that, it does not end.
        execution.mismatch((row.branch, row.seq), f"the recorded outcome of {row.name!r} cannot be read: {error}")
        raise
    raise failed


def failure(execution: Execution, text: str | None, codec_id: str | None, what: str) -> BaseException:
    """The exception that was recorded for `what`."""
    if text is None:
        return StepwellError(f"{execution.workflow_id}: {what} failed and nothing is recorded about it")
    return execution.runtime.serializer.read_failure(text, codec_id)


def encode_failure(execution: Execution, error: BaseException) -> tuple[str, str | None]:
    """The text under which a failure is recorded. Raises nothing but CodecFault (see `sealing`)."""
    return execution.runtime.serializer.failure(error)
