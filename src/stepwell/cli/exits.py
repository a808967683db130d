"""Exit codes, and how an error becomes one with a message: never a traceback for what a user can put right."""

import json
from enum import IntEnum
from typing import IO, Any

import click

from stepwell.errors import (
    ConfigurationError,
    InvalidArgument,
    QueueNotFound,
    ScheduleNotFound,
    StepwellError,
    StoreUnavailable,
    WaitTimeout,
    WorkflowNotFound,
)
from stepwell.store.faults import FaultKind, StoreFault

#: In the context's `meta`: whether --json was given.
JSON_KEY = "stepwell.json"


class Exit(IntEnum):
    """What the process ends with."""

    OK = 0
    FAILED = 1  # it was done, and the answer is no: a run failed, a check failed, nothing to resume
    USAGE = 2  # an option, an argument or a setting makes no sense
    UNAVAILABLE = 3  # the database cannot be used: unreachable, refused, or not migrated
    NOT_FOUND = 4  # no such workflow, schedule, queue, module or attribute
    TIMEOUT = 5  # it has not ended within --timeout; it goes on
    INTERRUPTED = 130  # Ctrl-C


EXIT_CODES = """\b
Exit codes:
  0  done
  1  done, and the answer is no: the run failed, a check failed, nothing to resume
  2  an option, an argument or a setting makes no sense
  3  the database cannot be used: unreachable, access refused, tables missing
  4  no such workflow, schedule, queue, module or attribute
  5  not ended within --timeout; it goes on
  130  interrupted
"""

_HINTS = {
    FaultKind.CONNECTION: "Is the server running, and are host and port right? `stepwell doctor` looks closer.",
    FaultKind.ENVIRONMENT: "Look at user, password, database name and rights.",
    FaultKind.CONTENTION: "Others hold locks on the tables; try again.",
}


class Failure(click.ClickException):
    """Ends the program with a message on stderr and this exit code; `hint` says what to do."""

    def __init__(self, message: str, code: int = Exit.FAILED, hint: str = "", *, as_json: bool = False) -> None:
        super().__init__(message)
        self.exit_code = int(code)  # type: ignore[misc]  # click means it to be set: UsageError does
        self.hint = hint
        self.as_json = as_json

    def show(self, file: IO[Any] | None = None) -> None:
        """One line and a hint; with --json one JSON document. Both on stderr."""
        if self.as_json:
            error = {"message": self.message, "hint": self.hint or None, "exit_code": self.exit_code}
            click.echo(json.dumps({"error": error}, ensure_ascii=False), file=file, err=True)
            return
        click.echo(f"Error: {self.message}", file=file, err=True)
        if self.hint:
            click.echo(self.hint, file=file, err=True)


def failure_of(error: Exception) -> Failure | None:
    """The Failure for an error of Stepwell's; None for any other, which is a bug and shows its traceback."""
    if isinstance(error, StoreFault):
        return Failure(_sentence(error), Exit.UNAVAILABLE, _HINTS.get(error.kind, ""))
    if isinstance(error, StoreUnavailable):
        cause = error.__cause__
        if isinstance(cause, StoreFault):
            return failure_of(cause)
        return Failure(str(error), Exit.UNAVAILABLE)
    for kind, code in (
        (WorkflowNotFound, Exit.NOT_FOUND),
        (ScheduleNotFound, Exit.NOT_FOUND),
        (QueueNotFound, Exit.NOT_FOUND),
        (WaitTimeout, Exit.TIMEOUT),
        (ConfigurationError, Exit.USAGE),
        (InvalidArgument, Exit.USAGE),
        (StepwellError, Exit.FAILED),
    ):
        if isinstance(error, kind):
            return Failure(str(error), code)
    return None


def _sentence(fault: StoreFault) -> str:
    # The driver's own words, without its second half, which the hint says too.
    text = " ".join(str(fault).removeprefix("cannot connect: ").split()).partition("; Is the server running")[0]
    return f"the database cannot be used: {text}"
