"""`stepwell workflow`: looking at runs. What changes them is in change.py."""

from dataclasses import asdict
from typing import Any

import click

from stepwell.cli.ask import client_of, wait_for
from stepwell.cli.change import COMMANDS
from stepwell.cli.exits import Exit, Failure
from stepwell.cli.filters import with_filter
from stepwell.cli.options import Duration, Target, with_database, with_json
from stepwell.cli.output import (
    Output,
    duration,
    failure_text,
    payload,
    step_document,
    took,
    workflow_document,
)
from stepwell.model.info import StepInfo, WorkflowInfo
from stepwell.model.status import Status

LONGEST_CELL = 60


@click.group()
def workflow() -> None:
    """Look at runs of workflows, and cancel, resume, rewind or fork them."""


for command in COMMANDS:
    workflow.add_command(command)


@workflow.command("list")
@with_filter
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Of runs on this page.")
@click.option("--after", metavar="CURSOR", help="The next page: what the page before printed.")
@click.option("--count", is_flag=True, help="Only how many there are.")
@with_database
@with_json
def list_(
    target: Target,
    out: Output,
    where: dict[str, Any],
    limit: int,
    after: str | None,
    count: bool,
) -> None:
    """Runs, newest first."""
    with client_of(target) as client:
        if count:
            number = client.count(**where)
            out.document({"count": number}) if out.as_json else out.line(str(number))
            return
        page = client.find(**where, limit=limit, after=after)
    if out.as_json:
        out.document({"workflows": [workflow_document(info, payloads=False) for info in page], "after": page.after})
        return
    if not page.items:
        out.line("no runs")
        return
    out.table(
        ("id", "workflow", "version", "status", "why", "queue", "parent", "created", "took"),
        [
            (
                info.workflow_id,
                info.name,
                info.version,
                info.status,
                _short(info.reason or (f"cancellation: {info.cancel_requested}" if info.cancel_requested else None)),
                info.queue,
                info.parent_id,
                info.created_at,
                took(info),
            )
            for info in page
        ],
    )
    if page.after is not None:
        out.note(f"There are more: --after {page.after}")


@workflow.command()
@click.argument("id")
@with_database
@with_json
def show(target: Target, out: Output, id: str) -> None:
    """One run, and in words why it is not running or what it does."""
    with client_of(target) as client:
        info = client.handle(id).status()
        why = client.explain(id)
    if out.as_json:
        out.document({**workflow_document(info), "why": why})
        return
    out.line(why, style="bold")
    out.line("")
    out.pairs(_pairs(info))


@workflow.command()
@click.argument("id")
@click.option("--full", is_flag=True, help="Outputs and errors in full length.")
@with_database
@with_json
def steps(target: Target, out: Output, id: str, full: bool) -> None:
    """What a run has recorded, in the order of delivery, then what it has begun.

    The first column is what `rewind` and `fork` take.
    """
    with client_of(target) as client:
        found = client.handle(id).steps()
    if out.as_json:
        out.document({"workflow_id": id, "steps": [step_document(info) for info in found]})
        return
    if not found:
        out.line("nothing is recorded or begun yet")
        return
    out.table(
        ("step", "name", "kind", "ended", "attempts", "output", "error", "started", "took"),
        [_step_row(info, full) for info in found],
    )


@workflow.command()
@click.argument("id")
@click.option("--timeout", type=Duration(), help="Seconds, or 90s, 5m, 2h. Without it: as long as it takes.")
@with_database
@with_json
def result(target: Target, out: Output, id: str, timeout: float | None) -> None:
    """Wait until a run has ended and print its result.

    Exit code 1 if it failed or was cancelled, 5 if it has not ended within --timeout.
    """
    with client_of(target) as client:
        info = wait_for(client, id, timeout)
    print_outcome(info, out)


def print_outcome(info: WorkflowInfo, out: Output) -> None:
    """The result on stdout. Raises Failure for a run that ended in another way than SUCCESS."""
    if out.as_json:
        document = workflow_document(info)
        out.document(
            {name: document[name] for name in ("workflow_id", "run_id", "status", "output", "error", "reason")}
        )
        if info.status != Status.SUCCESS:
            raise click.exceptions.Exit(Exit.FAILED)
        return
    if info.status == Status.SUCCESS:
        value = payload(info.output)
        # Text stays as it is, so that it can be piped; everything else is JSON.
        click.echo(value if isinstance(value, str) else info.output or "null")
        return
    told = failure_text(info.error) if info.error else info.reason or ""
    verb = "was cancelled" if info.status == Status.CANCELLED else "failed"
    raise Failure(
        f"workflow {info.workflow_id!r} {verb}" + (f": {told}" if told else ""),
        Exit.FAILED,
        f"`stepwell workflow show {info.workflow_id}` has the traceback." if info.error else "",
    )


def _pairs(info: WorkflowInfo) -> list[tuple[str, Any]]:
    error = payload(info.error)
    trace = error.get("traceback") if isinstance(error, dict) else None
    shown = asdict(info)
    names = ("workflow_id", "run_id", "name", "version", "status", "reason", "cancel_requested", "queue", "owner",
             "attempts", "parent_id", "deadline", "not_before", "created_at", "started_at", "completed_at")  # fmt: skip
    span = took(info)
    return [
        *((name.replace("_", " "), shown[name]) for name in names),
        ("took", None if span is None else duration(span)),
        ("attributes", info.attributes or None),
        ("input", info.input),
        ("output", info.output),
        ("error", failure_text(info.error) if info.error else None),
        ("traceback", trace),
    ]


def _step_row(info: StepInfo, full: bool) -> tuple[Any, ...]:
    error = failure_text(info.error) if info.error else None
    begun = f"due {info.due.astimezone():%H:%M:%S}" if info.due else "begun"
    return (
        info.id,
        info.name,
        info.kind,
        info.ended or begun,
        info.attempts,
        info.output if full else _short(info.output),
        error if full else _short(error),
        info.started_at,
        took(info),
    )


def _short(text: str | None) -> str | None:
    if text is None or len(text) <= LONGEST_CELL:
        return text
    return f"{text[: LONGEST_CELL - 3]}..."
