"""`stepwell executor`: the processes that execute workflows."""

import click

from stepwell.cli.ask import client_of
from stepwell.cli.options import Target, with_database, with_json
from stepwell.cli.output import Output, executor_document


@click.group()
def executor() -> None:
    """The processes that execute workflows."""


@executor.command("list")
@with_database
@with_json
def list_(target: Target, out: Output) -> None:
    """Running processes, and those that fell silent and are not removed yet.

    live: serves; draining: claims nothing more; silent: its lease is over, its runs will be taken over.
    """
    with client_of(target) as client:
        found = client.executors()
    if out.as_json:
        out.document({"executors": [executor_document(info) for info in found]})
        return
    if not found:
        out.line("no process is running on this database; `stepwell worker module:engine` starts one")
        return
    out.table(
        ("process", "state", "workflows", "queues", "lease until", "started"),
        [
            (
                info.label,
                info.state,
                ", ".join(info.serves),
                ", ".join(info.queues),
                info.lease_until,
                info.started_at,
            )
            for info in found
        ],
    )
