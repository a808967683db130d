"""One frame of `stepwell top`, for a screen of any size."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from stepwell.cli.limits import limits_text
from stepwell.cli.output import STATUS_STYLES, duration
from stepwell.model.info import ExecutorInfo
from stepwell.model.queues import QueueInfo
from stepwell.model.vitals import MOST_COUNTED, Overview, Vitals

ItemT = TypeVar("ItemT")

#: Lines of a frame that are neither queues nor processes.
_FIXED_LINES = 8
_FEWEST_ROWS = 2

_ENDS = ("SUCCESS", "ERROR", "CANCELLED")
_STATES = {"live": "green", "draining": "yellow", "silent": "bold red", "paused": "yellow"}


@dataclass(slots=True)
class Watched:
    """What is shown beside the last look: where it was taken, what has ended since the first, what is the matter."""

    where: str
    since: datetime
    note: str = ""
    ended: dict[str, int] = field(default_factory=dict)

    def add(self, vitals: Vitals) -> None:
        """Count what has ended since the look before."""
        for status, number in vitals.ended.items():
            self.ended[status] = self.ended.get(status, 0) + number


def frame(look: Overview, watched: Watched, width: int, height: int | None) -> RenderableType:
    """What fits into `width` columns and `height` lines (None: everything)."""
    rows_of_queues, rows_of_processes = _rows(len(look.queues), len(look.executors), height)
    return Group(
        _title(look.vitals, watched),
        _statuses(look.vitals),
        _rates(look.vitals),
        _ended(watched),
        Text(),
        _queues(look, rows_of_queues, width),
        Text(),
        _processes(look, rows_of_processes, width),
    )


def many(number: int) -> str:
    """A count that may have stopped."""
    return f"{number:,}+" if number >= MOST_COUNTED else f"{number:,}"


def plain_text(text: str) -> str:
    """A name on one line: whoever chose it shall not move the cursor."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _line(*parts: str | tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _title(vitals: Vitals, watched: Watched) -> Text:
    at = datetime.fromtimestamp(vitals.now, UTC).astimezone().strftime("%H:%M:%S")
    note = (f"  {watched.note}", "bold yellow") if watched.note else ""
    return _line(("stepwell top", "bold"), f"  {at}", note, (f"  {watched.where}", "dim"))


def _statuses(vitals: Vitals) -> Text:
    parts: list[str | tuple[str, str]] = []
    for status, number in vitals.live.items():
        parts += [(status, STATUS_STYLES[status] if number else "dim"), f" {many(number)}  "]
    return _line(*parts)


def _rates(vitals: Vitals) -> Text:
    span = max(vitals.now - vitals.since, 1e-3)
    oldest = "nothing waits"
    if vitals.oldest is not None:
        oldest = f"the oldest waits {duration(max(0.0, vitals.now - vitals.oldest))}"
    delayed = f", {many(vitals.delayed)} delayed" if vitals.delayed else ""
    ended = sum(vitals.ended.values())
    return _line(f"{_rate(vitals.started, span)} starts/s  {_rate(ended, span)} ends/s  {oldest}{delayed}")


def _rate(number: int, span: float) -> str:
    return f"{'>' if number >= MOST_COUNTED else ''}{number / span:,.1f}"


def _ended(watched: Watched) -> Text:
    told = ", ".join(f"{watched.ended.get(status, 0):,} {status}" for status in _ENDS)
    return _line((f"ended since {watched.since.astimezone():%H:%M:%S}: {told}", "dim"))


def _rows(queues: int, processes: int, height: int | None) -> tuple[int, int]:
    """How many rows of both there is room for: a third is for the processes, and what the others leave."""
    if height is None:
        return queues, processes
    room = max(2 * _FEWEST_ROWS, height - _FIXED_LINES)
    of_processes = min(processes, max(room // 3, room - queues, _FEWEST_ROWS))
    return min(queues, room - of_processes), of_processes


def _queues(look: Overview, rows: int, width: int) -> Table:
    columns = ["queue", "waiting", "running"]
    columns += ["oldest"] if width >= 50 else []
    columns += ["delayed", "state"] if width >= 70 else []
    columns += ["limits"] if width >= 90 else []
    busiest = sorted(look.queues, key=lambda info: (-info.running - info.waiting, info.name))
    shown, left = _cut(busiest, rows)
    table = _table(columns, width)
    for info in sorted(shown, key=lambda info: info.name):
        cells = _queue_cells(info, look.vitals.now)
        table.add_row(*(cells[column] for column in columns))
    return _with_rest(table, left, "no queues" if not look.queues else "")


def _queue_cells(info: QueueInfo, now: float) -> dict[str, Text]:
    oldest = "" if info.oldest is None else duration(max(0.0, now - info.oldest.timestamp()))
    state = "paused" if info.queue.paused else ""
    return {
        "queue": Text(plain_text(info.name), style="" if not state else _STATES[state]),
        "waiting": Text(many(info.waiting)),
        "delayed": Text(many(info.delayed)),
        "running": Text(many(info.running)),
        "oldest": Text(oldest),
        "state": Text(state, style=_STATES.get(state, "")),
        "limits": Text(limits_text(info.queue)),
    }


def _processes(look: Overview, rows: int, width: int) -> Table:
    columns = ["process", "owned"] + (["state", "lease"] if width >= 50 else [])
    columns += ["queues"] if width >= 90 else []
    shown, left = _cut(look.executors, rows)
    table = _table(columns, width)
    for info in shown:
        cells = _process_cells(info, look.vitals)
        table.add_row(*(cells[column] for column in columns))
    return _with_rest(table, left, "no process is running" if not look.executors else "")


def _process_cells(info: ExecutorInfo, vitals: Vitals) -> dict[str, Text]:
    lease = info.lease_until.timestamp() - vitals.now
    return {
        "process": Text(plain_text(info.label)),
        "owned": Text(many(vitals.owned.get(info.incarnation, 0))),
        "state": Text(info.state, style=_STATES.get(info.state, "")),
        "lease": Text(f"{duration(lease)} left" if lease > 0 else f"over for {duration(-lease)}"),
        "queues": Text(plain_text(", ".join(info.queues))),
    }


def _table(columns: Sequence[str], width: int) -> Table:
    """The first column gives way to the others."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    others = sum(len(column) + 2 for column in columns[1:])
    for place, column in enumerate(columns):
        numeric = column in ("waiting", "delayed", "running", "owned")
        table.add_column(
            column,
            no_wrap=True,
            overflow="ellipsis",
            justify="right" if numeric else "left",
            min_width=None if place == 0 else len(column),
            max_width=max(4, width - others - 2) if place == 0 else None,
        )
    return table


def _cut(items: Sequence[ItemT], rows: int) -> tuple[Sequence[ItemT], int]:
    """What there is room for, and how many are left: they take the last row."""
    if len(items) <= rows:
        return items, 0
    kept = max(0, rows - 1)
    return items[:kept], len(items) - kept


def _with_rest(table: Table, left: int, instead: str) -> Table:
    if left or instead:
        table.add_row(Text(instead or f"... {left} more", style="dim"))
    return table
