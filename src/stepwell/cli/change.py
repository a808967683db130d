"""`stepwell workflow cancel | resume | rewind | fork | delete`: what operators do to runs."""

from collections.abc import Callable
from typing import Any

import click

from stepwell.cli.arguments import parse_input
from stepwell.cli.ask import client_of
from stepwell.cli.change_many import by_filter, change_many
from stepwell.cli.exits import Exit, Failure, failure_of
from stepwell.cli.filters import with_filter
from stepwell.cli.load import load_workflow
from stepwell.cli.options import Target, with_database, with_json
from stepwell.cli.output import Output
from stepwell.client import Client
from stepwell.core.operate_many import CANCELLED_BY_DEFAULT, RESUMED_BY_DEFAULT
from stepwell.errors import StepwellError, StoreUnavailable

_WITH_IDS = click.argument("ids", metavar="[ID...]", nargs=-1)
_EVERYTHING = click.option("--all", "everything", is_flag=True, help="No filter is meant: all runs.")
_YES = click.option("--yes", is_flag=True, help="Do not ask. Only runs that filters name are asked about.")


@click.command()
@_WITH_IDS
@with_filter
@_EVERYTHING
@_YES
@click.option("--force", is_flag=True, help="CANCELLED at once, whatever it does; its cleanup does not run.")
@click.option("--no-children", is_flag=True, help="Leave the runs that it started alone.")
@with_database
@with_json
def cancel(
    target: Target,
    out: Output,
    ids: tuple[str, ...],
    where: dict[str, Any],
    everything: bool,
    yes: bool,
    force: bool,
    no_children: bool,
) -> None:
    """Request cancellation: delivered at the run's next step or wait, so that it can clean up.

    Of the runs with these ids, or of all that match the filters and have not ended.
    """
    if by_filter(ids, where, everything):
        if force or no_children:
            raise Failure("--force and --no-children are for runs that are named by their ids", Exit.USAGE)
        change_many(
            target,
            out,
            where,
            lambda client, told: client.cancel_many(**where, all=everything, progress=told),
            by_default=CANCELLED_BY_DEFAULT,
            infinitive="Cancel",
            participle="cancelled",
            yes=yes,
        )
        return
    said = "is cancelled" if force else "is asked to stop"
    _each(target, out, ids, lambda client, id: client.cancel(id, force=force, children=not no_children), said)


@click.command()
@_WITH_IDS
@with_filter
@_EVERYTHING
@_YES
@with_database
@with_json
def resume(
    target: Target, out: Output, ids: tuple[str, ...], where: dict[str, Any], everything: bool, yes: bool
) -> None:
    """Let a BLOCKED, DEAD, CANCELLED or ERROR run go on from where it stopped.

    The runs with these ids, or all that match the filters: without --status those in BLOCKED, DEAD and ERROR.
    ERROR: the steps whose failure ended it are tried again; everything else stays recorded.
    """
    if by_filter(ids, where, everything):
        change_many(
            target,
            out,
            where,
            lambda client, told: client.resume_many(**where, all=everything, progress=told),
            by_default=RESUMED_BY_DEFAULT,
            infinitive="Resume",
            participle="resumed",
            yes=yes,
        )
        return
    _each(target, out, ids, lambda client, id: client.resume(id), "goes on")


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@with_database
@with_json
def delete(target: Target, out: Output, ids: tuple[str, ...]) -> None:
    """Remove ended runs with everything recorded of them."""
    _each(target, out, ids, lambda client, id: client.delete(id), "is deleted")


@click.command()
@click.argument("id")
@click.argument("step")
@with_database
@with_json
def rewind(target: Target, out: Output, id: str, step: str) -> None:
    """Run a run again from STEP (first column of `workflow steps`) on.

    What was recorded before it is kept, the rest is archived. Runs that are executing must be cancelled first.
    """
    with client_of(target) as client:
        client.rewind(id, step)
    _say(out, {"workflow_id": id, "step": step}, f"{id} runs again from {step}")


@click.command()
@click.argument("id")
@click.argument("step")
@click.option("--id", "new_id", metavar="ID", help="Of the new run. Default: a new one.")
@click.option(
    "--input",
    "new_input",
    metavar="JSON",
    help="Other arguments than the recorded ones: an array of positional or an object of keyword arguments."
    " Needs --workflow.",
)
@click.option("--workflow", "place", metavar="MODULE:WORKFLOW", help="Where the workflow is defined, to check --input.")
@with_database
@with_json
def fork(
    target: Target,
    out: Output,
    id: str,
    step: str,
    new_id: str | None,
    new_input: str | None,
    place: str | None,
) -> None:
    """Start a new run that keeps what ID recorded before STEP. The first run stays as it is."""
    arguments: Any = None
    if new_input is not None:
        if place is None:
            raise Failure("--input needs --workflow MODULE:WORKFLOW, so that the arguments can be checked", Exit.USAGE)
        arguments = parse_input(load_workflow(place)[1].definition, new_input)
    with client_of(target) as client:
        handle = client.fork(id, step, arguments, new_id=new_id)
        document = {"workflow_id": handle.id, "run_id": handle.run_id, "forked_from": id, "step": step}
    _say(out, document, f"{handle.id} goes on from {step} of {id}")


COMMANDS = (cancel, resume, rewind, fork, delete)


def _each(
    target: Target, out: Output, ids: tuple[str, ...], change: Callable[[Client, str], object], said: str
) -> None:
    """One after the other; what fails does not stop the rest. The exit code is the worst failure's."""
    answers: list[dict[str, Any]] = []
    worst = Exit.OK
    with client_of(target) as client:
        for id in ids:
            failure = None
            try:
                change(client, id)
            except StoreUnavailable:
                raise
            except StepwellError as error:
                failure = failure_of(error)
            if failure is None:
                answers.append({"workflow_id": id, "done": True, "error": None})
                if not out.as_json:
                    out.line(f"{id} {said}")
            else:
                answers.append({"workflow_id": id, "done": False, "error": failure.message})
                worst = max(worst, Exit(failure.exit_code))
                if not out.as_json:
                    failure.show()
    if out.as_json:
        out.document({"workflows": answers})
    if worst is not Exit.OK:
        raise click.exceptions.Exit(worst)


def _say(out: Output, document: dict[str, Any], sentence: str) -> None:
    out.document(document) if out.as_json else out.line(sentence)
