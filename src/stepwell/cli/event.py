"""`stepwell event`: publishing events, and who subscribed to them."""

from dataclasses import asdict

import click

from stepwell.cli.arguments import parse_value
from stepwell.cli.ask import client_of
from stepwell.cli.exits import Exit, Failure
from stepwell.cli.options import Target, with_database, with_json
from stepwell.cli.output import Output


@click.group()
def event() -> None:
    """Publish events that start workflows, and see who subscribed to them."""


@event.command("publish")
@click.argument("name")
@click.argument("payload", metavar="JSON")
@click.option("--id", metavar="ID", help="Published twice with the same id, it happens once. Default: a new one.")
@with_database
@with_json
def publish(target: Target, out: Output, name: str, payload: str, id: str | None) -> None:
    """Publish an event; JSON that does not parse is sent as text."""
    with client_of(target) as client:
        published = client.publish(name, parse_value(payload), id=id)
    out.document({"event": name, "id": published}) if out.as_json else out.line(f"published {name} as {published}")


@event.command("subscriptions")
@click.argument("name", required=False)
@with_database
@with_json
def subscriptions(target: Target, out: Output, name: str | None) -> None:
    """Which workflows the event NAME starts, and whose runs it cancels. Without NAME: all events."""
    with client_of(target) as client:
        found = client.subscriptions(name)
    if out.as_json:
        out.document({"subscriptions": [asdict(each) for each in found]})
        return
    if not found:
        out.line("no subscriptions")
        return
    columns = ("event", "does", "workflow", "where", "app", "version", "queue")
    out.table(
        columns,
        [(each.event, each.mode, each.workflow, each.where, each.app, each.version, each.queue) for each in found],
    )


@event.command("unsubscribe")
@click.argument("name")
@click.argument("workflow")
@with_database
@with_json
def unsubscribe(target: Target, out: Output, name: str, workflow: str) -> None:
    """Remove what WORKFLOW (module:function) subscribed to the event NAME.

    For workflows whose code is gone: one that still declares it subscribes again when a process with it starts.
    """
    with client_of(target) as client:
        removed = client.unsubscribe(name, workflow)
    if removed == 0:
        raise Failure(f"{workflow} has not subscribed to {name!r}", Exit.NOT_FOUND)
    if out.as_json:
        out.document({"event": name, "workflow": workflow, "removed": removed})
    else:
        out.line(f"{workflow} is not subscribed to {name} any more")
