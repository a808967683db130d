"""The options that say which runs: `@with_filter`."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

import click

from stepwell.cli.arguments import parse_value
from stepwell.cli.exits import Exit, Failure
from stepwell.cli.options import Moment
from stepwell.model.status import Status

R = TypeVar("R")

_OPTIONS = (
    click.option("--name", help="Of the workflow, as module:function."),
    click.option(
        "--status",
        multiple=True,
        type=click.Choice(list(Status.__members__), case_sensitive=False),
        help="May be given several times.",
    ),
    click.option("--id-prefix", metavar="TEXT", help="What the ids begin with."),
    click.option(
        "--attribute",
        "attributes",
        multiple=True,
        metavar="NAME=VALUE",
        help="A searchable attribute; all given must match.",
    ),
    click.option("--queue", metavar="NAME", help="Started through this queue."),
    click.option("--since", type=Moment(), help="Created then or later: 30m, 2h, 7d (ago), or 2025-01-31T12:00."),
    click.option("--until", type=Moment(), help="Created before."),
)


def with_filter(command: Callable[..., R]) -> Callable[..., R]:
    """Adds the filters of `Client.find`; the command gets `where`, with its keywords."""

    @wraps(command)
    def wrapped(
        *args: Any,
        name: str | None,
        status: tuple[str, ...],
        id_prefix: str | None,
        attributes: tuple[str, ...],
        queue: str | None,
        since: datetime | None,
        until: datetime | None,
        **kwargs: Any,
    ) -> R:
        where = {
            "name": name,
            "status": list(status) or None,
            "id_prefix": id_prefix,
            "attributes": _attributes(attributes),
            "queue": queue,
            "since": since,
            "until": until,
        }
        return command(*args, where=where, **kwargs)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _attributes(given: tuple[str, ...]) -> dict[str, Any] | None:
    found = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise Failure(f"--attribute {each!r}: give NAME=VALUE", Exit.USAGE)
        found[name] = parse_value(value)
    return found or None
