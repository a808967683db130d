"""The one table that a run ends with."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from bench.results import Line, RowResult

STEPWELL, DBOS = "stepwell", "dbos"


def print_report(console: Console, results: list[RowResult], machine: Mapping[str, object]) -> None:
    """Table, then footnotes: what was scaled, what failed."""
    table = Table(title="Stepwell against DBOS, medians", title_justify="left")
    packages = machine["packages"]
    dbos_version = packages.get("dbos") if isinstance(packages, dict) else None
    for heading in ("", "what", f"DBOS {dbos_version or ''}", "Stepwell", "ratio", "target", ""):
        table.add_column(heading.strip(), justify="left" if heading in ("", "what") else "right")
    for result in results:
        _add_row(table, result)
    console.print(table)
    for footnote in _footnotes(results):
        console.print(footnote, markup=False, highlight=False)
    console.print(_machine_line(machine), markup=False, highlight=False)


def _add_row(table: Table, result: RowResult) -> None:
    table.add_row(result.row.key, f"[bold]{result.row.title}[/bold]")
    for line in result.lines():
        table.add_row("", f"  {line.metric.title}", *_cells(line))
    for system, name in ((STEPWELL, "Stepwell"), (DBOS, "DBOS")):
        if result.failures(system):
            table.add_row("", f"  [red]failures, {name}: {result.failures(system)}[/red]")
    table.add_section()


def _cells(line: Line) -> list[str]:
    ratio = "" if line.ratio is None or line.metric.unit == "x" else f"{_number(line.ratio)}x"
    verdict = {None: "", True: "[green]ok[/green]", False: "[red]below target[/red]"}[line.met]
    return [_value(line, DBOS), _value(line, STEPWELL), ratio, _target(line), verdict]


def _value(line: Line, system: str) -> str:
    value = line.medians.get(system)
    if value is None:
        return "-"
    approximately = "~" if system in line.scaled else ""
    return f"{approximately}{_number(value)} {line.metric.unit}".rstrip()


def _target(line: Line) -> str:
    parts = []
    if line.metric.ratio is not None:
        parts.append(f"{_number(line.metric.ratio)}x")
    if line.metric.limit is not None:
        parts.append(f"<= {_number(line.metric.limit)} {line.metric.unit}".rstrip())
    return ", ".join(parts)


def _number(value: float) -> str:
    """Three significant digits, no exponents."""
    if value == 0:
        return "0"
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}"


def _footnotes(results: list[RowResult]) -> list[str]:
    scaled = [
        f"~ {result.row.key}, {line.metric.title}, {system}: {how}"
        for result in results
        for line in result.lines()
        for system, how in line.scaled.items()
    ]
    troubles = [f"! {result.row.key}, {system}: {text}" for result in results for system, text in result.troubles()]
    return [*dict.fromkeys(scaled), *troubles]


def _machine_line(machine: Mapping[str, object]) -> str:
    return (
        f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']} GB, fdatasync"
        f" {machine['fdatasync_p50_ms']} ms, PostgreSQL {machine['postgres']}, Python {machine['python']}"
    )
