"""Limits of queues in words: as options of the command line, and as people read them."""

from typing import Any

import click

from stepwell.cli.options import Duration
from stepwell.errors import InvalidArgument
from stepwell.model.queues import Queue, Rate

#: What takes a limit away.
NONE = "none"


class Limit(click.ParamType[int | str]):
    """A number of runs, or `none`."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if str(value).lower() == NONE:
            return NONE
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is no limit: give a number, or {NONE}", param, ctx)


class RateLimit(click.ParamType[Rate | str]):
    """Starts per time: 100/60, 10/1s, 5/2m, 3/s; or `none`."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Rate | str:
        if isinstance(value, Rate) or str(value).lower() == NONE:
            return value if isinstance(value, Rate) else NONE
        starts, slash, period = str(value).partition("/")
        if not slash or not starts.strip().isdecimal() or not period.strip():
            self.fail(f"{value!r} is no rate: give starts per time, like 100/60 or 10/1s, or {NONE}", param, ctx)
        if period.strip().isalpha():
            period = f"1{period.strip()}"
        try:
            return Rate(int(starts), Duration().convert(period, param, ctx))
        except InvalidArgument as error:
            self.fail(str(error), param, ctx)


def changes(given: dict[str, Any]) -> dict[str, Any]:
    """Of the options of `queue set` those that were given, as the fields of a Queue."""
    return {name: None if value == NONE else value for name, value in given.items() if value is not None}


def rate_text(rate: Rate | None) -> str | None:
    """100/60s: what the options take, too."""
    return None if rate is None else f"{rate.limit}/{rate.period:g}s"


def limits_text(queue: Queue) -> str:
    """All limits in one cell."""
    words = (
        ("at once", queue.concurrency),
        ("per process", queue.worker_concurrency),
        ("rate", rate_text(queue.rate)),
        ("per partition", queue.partition_concurrency),
        ("partition rate", rate_text(queue.partition_rate)),
        ("unfair", None if queue.fair else ""),
        ("keeping places", "" if queue.keep_place else None),
    )
    return ", ".join(f"{name} {value}".strip() for name, value in words if value is not None)
