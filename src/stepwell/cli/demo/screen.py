"""What the demo shows: live on a terminal, line by line anywhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column, Table
from rich.text import Text

from stepwell.cli.demo.evidence import STEPS, Evidence
from stepwell.cli.demo.proof import AFTER, AGAIN, KEPT, Proof

RECORDED, BEGUN, MISSING = "recorded", "begun", "missing"
STYLES = {
    **{KEPT: "green", AGAIN: "bold yellow", AFTER: "cyan"},
    **{RECORDED: "green", BEGUN: "bold yellow", MISSING: "bold red"},
}
#: What the marks of the last table mean.
LEGEND = (
    (KEPT, "recorded before the kill, and not run again"),
    (AGAIN, "begun at the kill and not recorded: ran once more"),
    (AFTER, "run by the second process only"),
)
NUMBERS = ("recorded", "again", "doubles")


class Meter:
    """How many orders are finished, and a note beside it."""

    def __init__(self, console: Console, total: int, progress: Progress | None) -> None:
        self._console = console
        self._total = total
        self._progress = progress
        self._task = None if progress is None else progress.add_task("", total=total)
        self._shown = (-1, "")

    def show(self, finished: int, note: str) -> None:
        """Only what is new is printed where lines stay."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=finished, description=note)
            return
        last_finished, last_note = self._shown
        if note != last_note or finished == self._total > last_finished or finished >= last_finished + 5:
            self._shown = (finished, note)
            self._console.print(f"     {finished:>2}/{self._total} orders finished   {note}", soft_wrap=True)


class Screen:
    """Numbered commands with what came of them."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._number = 0

    def say(self, text: str = "", style: str = "") -> None:
        """A line."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def command(self, command: str, said: str) -> None:
        """What is typed, and what it does."""
        self._number += 1
        self._console.print()
        line = Text(f" {self._number}   ", style="dim").append(f"$ {command}", style="bold not dim")
        self._console.print(line, soft_wrap=True)
        if said:
            self.say(f"     {said}")

    @contextmanager
    def meter(self, total: int) -> Iterator[Meter]:
        """While something is waited for."""
        if not self._console.is_terminal:
            yield Meter(self._console, total, None)
            return
        fixed = Column(no_wrap=True, min_width=5)
        columns = (
            TextColumn("    ", table_column=fixed),
            BarColumn(bar_width=24, table_column=Column(no_wrap=True, min_width=24)),
            MofNCompleteColumn(table_column=fixed),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
        )
        with Progress(*columns, console=self._console, expand=True) as progress:
            yield Meter(self._console, total, progress)

    def under_way(self, at_kill: Evidence) -> None:
        """The orders that the killed process had begun and not finished, step by step."""
        table = self._table("order", *STEPS)
        marks = self._marks(at_kill)
        for order in sorted(order for order, status in at_kill.statuses.items() if status == "PENDING"):
            table.add_row(Text(order), *(self._mark(marks.get((order, step), "")) for step in STEPS))
        self._console.print(table)

    def proof(self, proof: Proof) -> None:
        """One row per order, and the sums."""
        table = self._table("order", "status", *STEPS, "recorded", "again", "doubles")
        for row in proof.orders:
            table.add_row(
                Text(row.order),
                Text(row.status, style="green" if row.status == "SUCCESS" else "bold red"),
                *(self._mark(row.steps.get(step, MISSING)) for step in STEPS),
                Text(str(row.count(KEPT))),
                Text(str(row.count(AGAIN))),
                Text(str(row.doubles), style="bold red" if row.doubles else "green"),
            )
        table.add_section()
        finished = sum(row.status == "SUCCESS" for row in proof.orders)
        table.add_row(
            Text(f"{len(proof.orders)} orders", style="bold"),
            Text(str(finished), style="bold"),
            *("" for _ in STEPS),
            Text(str(proof.count(KEPT)), style="bold"),
            Text(str(proof.count(AGAIN)), style="bold"),
            Text(str(sum(row.doubles for row in proof.orders)), style="bold"),
        )
        self._console.print(table)
        for mark, meaning in LEGEND:
            self._console.print(Text(f" {mark:<6}", style=STYLES[mark]).append(meaning, style="not bold default"))

    def _table(self, *columns: str) -> Table:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for column in columns:
            table.add_column(Text(column), justify="right" if column in NUMBERS else "left", no_wrap=True)
        return table

    def _marks(self, at_kill: Evidence) -> dict[tuple[str, str], str]:
        marks = {at_kill.places[key]: BEGUN for key in at_kill.done}
        return marks | {at_kill.places[key]: RECORDED for key in at_kill.recorded}

    def _mark(self, mark: str) -> Text:
        return Text(mark, style=STYLES.get(mark, ""))
