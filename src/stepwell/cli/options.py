"""The options that commands share, as decorators: `@with_database` and `@with_json`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import click

from stepwell.cli.output import Output
from stepwell.config import database_url
from stepwell.store.api import StoreIdentity
from stepwell.store.open import masked

P = ParamSpec("P")
R = TypeVar("R")

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Target:
    """Which database, and whose rows in it."""

    url: str
    schema: str
    namespace: str

    @property
    def identity(self) -> StoreIdentity:
        """For a store."""
        return StoreIdentity(self.schema, self.namespace)

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return masked(self.url)


def with_database(command: Callable[..., R]) -> Callable[..., R]:
    """Adds --database, --schema and --namespace; the command gets `target`."""

    @click.option(
        "--database",
        metavar="URL",
        help="postgresql://... or sqlite:///file.db. Default: $STEPWELL_DATABASE_URL, $DATABASE_URL, "
        "[tool.stepwell] in pyproject.toml, sqlite:///stepwell.db.",
    )
    @click.option("--schema", default="stepwell", show_default=True, help="The Postgres schema.")
    @click.option("--namespace", default="default", show_default=True, help="The tenant.")
    @wraps(command)
    def wrapped(*args: Any, database: str | None, schema: str, namespace: str, **kwargs: Any) -> R:
        return command(*args, target=Target(database_url(database), schema, namespace), **kwargs)

    return wrapped


def with_json(command: Callable[..., R]) -> Callable[..., R]:
    """Adds --json; the command gets `out`."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    @wraps(command)
    def wrapped(*args: Any, as_json: bool, **kwargs: Any) -> R:
        return command(*args, out=Output(as_json), **kwargs)

    return wrapped


class Moment(click.ParamType[datetime]):
    """An instant: a date, a date with time (local, if it names no zone), or how long ago: 30m, 2h, 7d."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        span = _SPAN.fullmatch(value.strip())
        if span is not None:
            return datetime.now().astimezone() - timedelta(seconds=float(span[1]) * _SECONDS[span[2]])
        try:
            return datetime.fromisoformat(value).astimezone()
        except ValueError:
            self.fail(f"{value!r} is no time: give 30m, 2h, 7d (ago), or 2025-01-31T12:00", param, ctx)


class Duration(click.ParamType[float]):
    """Seconds: 90, 90s, 5m, 2h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        span = _SPAN.fullmatch(value.strip())
        if span is not None:
            return float(span[1]) * _SECONDS[span[2]]
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is no duration: give seconds, or 90s, 5m, 2h", param, ctx)
