"""`stepwell workflow cancel | resume` with filters in the place of ids: all runs that match, after a question."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from stepwell.cli.ask import client_of
from stepwell.cli.exits import Exit, Failure
from stepwell.cli.options import Target
from stepwell.cli.output import Output, make_console
from stepwell.client import Client
from stepwell.model.words import counted


def by_filter(ids: tuple[str, ...], where: dict[str, Any], everything: bool) -> bool:
    """Whether runs are named by filters and not by ids. Raises Failure for both, and for neither."""
    filtered = everything or any(value is not None for value in where.values())
    if filtered and ids:
        raise Failure("give ids, or filters: not both", Exit.USAGE)
    if not filtered and not ids:
        raise Failure("which runs? Give ids, or filters (--name, --status, ...), or --all", Exit.USAGE)
    return filtered


def change_many(
    target: Target,
    out: Output,
    where: dict[str, Any],
    do: Callable[[Client, Callable[[int], object]], int],
    *,
    by_default: Sequence[str],
    infinitive: str,
    participle: str,
    yes: bool,
) -> None:
    """Count, ask, and do it while a bar shows how far it is."""
    if out.as_json and not yes:
        raise Failure("with --json nobody can be asked: give --yes", Exit.USAGE)
    with client_of(target) as client:
        matching = client.count(**{**where, "status": where["status"] or [str(each) for each in by_default]})
        if matching and not yes:
            click.confirm(f"{infinitive} {counted(matching, 'run')}?", abort=True, err=True)
        shown = sys.stderr.isatty() and not out.as_json
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        with Progress(*columns, console=make_console(stderr=True), disable=not shown, transient=True) as bar:
            task = bar.add_task(participle, total=matching)
            count = do(client, lambda done: bar.update(task, completed=done)) if matching else 0
    if out.as_json:
        out.document({participle: count})
    else:
        out.line(f"{counted(count, 'run')} {participle}")
