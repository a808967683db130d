"""`stepwell enqueue`: one run, or a file of them, for the workers to execute."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from stepwell.cli.ask import client_like, wait_for
from stepwell.cli.chosen import engine_for
from stepwell.cli.exits import Exit, Failure, failure_of
from stepwell.cli.lines import Arguments, Lines
from stepwell.cli.load import load_workflow
from stepwell.cli.options import Duration, Target, with_database, with_json
from stepwell.cli.output import Output, make_console
from stepwell.cli.workflow import print_outcome
from stepwell.client import Client
from stepwell.core.definition import BoundCall
from stepwell.decorators import Workflow
from stepwell.errors import InvalidArgument, StepwellError
from stepwell.model.words import counted

#: Runs of one statement and one commit.
CHUNK = 1000


@click.command()
@click.argument("place", metavar="MODULE:WORKFLOW")
@click.option("--args", "args_text", metavar="JSON", help="An array of positional arguments.")
@click.option("--kwargs", "kwargs_text", metavar="JSON", help="An object of keyword arguments.")
@click.option("--from", "source", metavar="FILE", help="Runs from JSON lines; - reads standard input.")
@click.option("--queue", help="Default: the workflow's own, if it has one.")
@click.option("--priority", type=int, help="Lower first; a level is worth a minute of waiting.")
@click.option("--partition", help="Whose turn it counts as, in queues with limits per partition.")
@click.option("--dedup", help="While a run of the queue with this key has not ended, there is no other.")
@click.option("--delay", type=Duration(), help="Not before then: seconds, or 90s, 5m, 2h.")
@click.option("--expires", type=Duration(), help="Cancelled if it has not begun by then.")
@click.option("--id", help="Of the run: the same id again is the same run.")
@click.option("--id-prefix", metavar="TEXT", help="With --from: the id of a line without one is TEXT and its number.")
@click.option("--wait", is_flag=True, help="Wait for the result and print it.")
@click.option("--timeout", type=Duration(), help="How long --wait waits; the run goes on.")
@click.option("--engine", "engine_place", metavar="MODULE:ENGINE", help="Default: the only one in MODULE.")
@with_database
@with_json
def enqueue(
    target: Target,
    out: Output,
    place: str,
    args_text: str | None,
    kwargs_text: str | None,
    source: str | None,
    id: str | None,
    id_prefix: str | None,
    wait: bool,
    timeout: float | None,
    engine_place: str | None,
    **options: Any,
) -> None:
    """Start runs for the workers to execute, and print their ids.

    A line of --from is an array of positional arguments, or an object: {"args": [...], "kwargs": {...}}, with id,
    queue, priority, partition, dedup, delay, expires and attributes of its own, which win over the options. All lines
    are checked before the first run is started; then 1,000 are committed at a time. With ids (of the lines, or made
    by --id-prefix) the command can be repeated after an interruption: what is there is not started again.

    \b
      stepwell enqueue shop:checkout --args '["o-1", "anvil", 4200]' --queue orders
      stepwell enqueue shop:mail --from mails.jsonl --id-prefix newsletter-7- --queue emails
    """
    _check_words(source, args_text, kwargs_text, id, id_prefix, wait, timeout)
    module, found = load_workflow(place)
    engine = engine_for(module, engine_place, target)
    given = {name: value for name, value in options.items() if value is not None}
    workflow = found.sync.options(**given)
    arguments = Arguments(workflow, engine.settings.payload_cap)
    if source is not None:
        with _opened(source) as file:
            lines = Lines(file, workflow, arguments, id_prefix)
            total = lines.check()
            with client_like(engine) as client:
                _start_all(found.sync, client, lines, total, out)
        if out.as_json:
            out.document({"workflow": workflow.definition.name, "enqueued": total})
        else:
            out.line(f"{counted(total, 'run is', 'runs are')} enqueued")
        return
    try:
        args, kwargs = arguments.read(_json(args_text, "--args", []), _json(kwargs_text, "--kwargs", {}))
        call = workflow.options(id=id).bind(*args, **kwargs)
    except (InvalidArgument, TypeError) as error:
        raise Failure(f"{place}: {error}", Exit.USAGE) from error
    with client_like(engine) as client:
        handle = workflow.options(engine=client, id=id).start(*call.args, **call.kwargs)
        if wait:
            print_outcome(wait_for(client, handle.id, timeout), out)
            return
        document = {"workflow_id": handle.id, "run_id": handle.run_id}
    out.document(document) if out.as_json else out.line(handle.id)


def _check_words(
    source: str | None,
    args: str | None,
    kwargs: str | None,
    id: str | None,
    id_prefix: str | None,
    wait: bool,
    timeout: float | None,
) -> None:
    if source is None and id_prefix is not None:
        raise Failure("--id-prefix is for --from; one run has --id", Exit.USAGE)
    if timeout is not None and not wait:
        raise Failure("--timeout is for --wait", Exit.USAGE)
    if source is not None and (args is not None or kwargs is not None or id is not None):
        raise Failure("with --from the lines have the arguments and ids", Exit.USAGE)
    if source is not None and wait:
        raise Failure("--wait is for one run", Exit.USAGE, "`stepwell queue drain QUEUE` waits for all of a queue.")


def _json(text: str | None, option: str, default: Any) -> Any:
    if text is None:
        return default
    try:
        return json.loads(text)
    except ValueError as error:
        raise Failure(f"{option} is not JSON: {error}", Exit.USAGE) from None


@contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    """A file that can be read twice: what comes from a pipe is kept in one without a name meanwhile."""
    if source == "-":
        with tempfile.TemporaryFile() as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
            yield kept
        return
    try:
        file = open(source, "rb")  # noqa: SIM115 - closed below; errors of the body are not those of the file
    except OSError as error:
        raise Failure(f"--from {source}: {error.strerror}", Exit.USAGE) from error
    with file:
        yield file


def _start_all(workflow: Workflow[..., Any], client: Client, lines: Lines, total: int, out: Output) -> None:
    last_line = 0
    console = make_console(stderr=True)
    shown = sys.stderr.isatty() and not out.as_json
    columns = (TextColumn("enqueued"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not shown, transient=True) as progress:
        task = progress.add_task("enqueued", total=total)
        try:
            for first, last, calls in lines.chunks(client, CHUNK):
                _start(workflow, calls, first, last)
                last_line = last
                progress.advance(task, len(calls))
        except KeyboardInterrupt:
            progress.stop()
            out.note(f"interrupted: all up to line {last_line} are enqueued, and perhaps some of the next {CHUNK}")
            raise


def _start(workflow: Workflow[..., Any], calls: list[BoundCall[Any]], first: int, last: int) -> None:
    try:
        workflow.start_many(calls)
    except StepwellError as error:
        failure = failure_of(error)
        assert failure is not None
        raise Failure(
            f"lines {first} to {last}: {failure.message}",
            failure.exit_code,
            f"All before line {first} are enqueued, and what could be of these.",
        ) from error
