"""What commands print: tables for people on stdout, or one JSON document for programs. Never markup of users' text."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stepwell.model.info import ExecutorInfo, StepInfo, WorkflowInfo

#: What a table may take where nobody says how wide a line is: files, pipes, CI.
WIDTH_WITHOUT_TERMINAL = 140

STATUS_STYLES = {
    "SUCCESS": "green",
    "PENDING": "cyan",
    "ENQUEUED": "blue",
    "WAITING": "blue",
    "BLOCKED": "bold yellow",
    "DEAD": "bold red",
    "ERROR": "red",
    "CANCELLED": "magenta",
    "ok": "green",
    "warn": "yellow",
    "fail": "bold red",
}


def make_console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is, and does not squeeze tables where there is no terminal."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


class Output:
    """One per command. `as_json`: only `document` writes to stdout, once."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.console = make_console()

    def document(self, value: Any) -> None:
        """The JSON document of this command."""
        click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=plain))

    def line(self, text: str, style: str | None = None) -> None:
        """A line for people."""
        self.console.print(Text(text, style=style or ""), soft_wrap=True)

    def note(self, text: str) -> None:
        """A line beside the answer, on stderr, so that stdout can be piped."""
        click.echo(text, err=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
        """A table for people; cells are shown as `cell` says. Columns that are empty everywhere are left out."""
        shown = [[cell(value) for value in row] for row in rows]
        kept = [index for index, _ in enumerate(columns) if not shown or any(row[index].plain for row in shown)]
        table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for index in kept:
            table.add_column(Text(columns[index]), overflow="fold")
        for row in shown:
            table.add_row(*(row[index] for index in kept))
        self.console.print(table)

    def pairs(self, pairs: Iterable[tuple[str, Any]]) -> None:
        """Names and values, one pair a line; empty values are left out."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in pairs:
            text = cell(value)
            if text.plain:
                grid.add_row(Text(name), text)
        self.console.print(grid)


def cell(value: Any) -> Text:
    """A value as people read it; statuses have their colour."""
    if isinstance(value, Text):
        return value
    if value is None:
        return Text("")
    if isinstance(value, datetime):
        return Text(value.astimezone().strftime("%Y-%m-%d %H:%M:%S"))
    if isinstance(value, float):
        return Text(duration(value))
    text = str(value)
    return Text(text, style=STATUS_STYLES.get(text, ""))


def duration(seconds: float) -> str:
    """A span of time in the unit that fits: 12 ms, 3.4 s, 5 min, 2.0 h, 3.1 d."""
    for limit, unit, factor in (
        (1.0, "ms", 1e3),
        (120.0, "s", 1.0),
        (7200.0, "min", 1 / 60),
        (172_800.0, "h", 1 / 3600),
    ):
        if abs(seconds) < limit:
            value = seconds * factor
            return f"{value:.0f} {unit}" if unit in ("ms", "min") else f"{value:.1f} {unit}"
    return f"{seconds / 86_400:.1f} d"


def took(info: WorkflowInfo | StepInfo) -> float | None:
    """Seconds from start to end, or None."""
    if info.started_at is None or info.completed_at is None:
        return None
    return (info.completed_at - info.started_at).total_seconds()


def payload(text: str | None) -> Any:
    """A stored payload as a JSON value; what a codec made of it stays text."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def workflow_document(info: WorkflowInfo, *, payloads: bool = True) -> dict[str, Any]:
    """A run for --json; instants as ISO 8601 in UTC."""
    document = asdict(info)
    for name in ("input", "output", "error"):
        if payloads:
            document[name] = payload(document[name])
        else:
            del document[name]
    return document


def step_document(info: StepInfo) -> dict[str, Any]:
    """An operation for --json."""
    return {**asdict(info), "output": payload(info.output), "error": payload(info.error)}


def executor_document(info: ExecutorInfo) -> dict[str, Any]:
    """A process for --json."""
    return asdict(info)


def failure_text(error: str | None) -> str:
    """A recorded error in one line: type and message."""
    recorded = payload(error)
    if not isinstance(recorded, dict):
        return str(recorded or "")
    message = str(recorded.get("message", ""))
    name = str(recorded.get("type", "")).rpartition(":")[2]
    return f"{name}: {message}" if message else name


def plain(value: Any) -> Any:
    """What json does not know by itself."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} is not for JSON")
