"""`python -m bench`: take alternating rounds of every row, print the table, keep the JSON."""

import dataclasses
import os
import time
from pathlib import Path

import click
from rich.console import Console

from bench import machine, results
from bench.lab import Lab
from bench.peers import SYSTEMS
from bench.report import print_report
from bench.rows import ROWS
from bench.rows.row import Sample
from bench.sizes import DEFAULT, QUICK, Sizes

#: The table's width wherever it is printed, so that it looks the same in a log.
WIDTH_CHARS = 120
#: Load average of the last minute above which somebody else is at work here.
BUSY = 0.7


@click.command()
@click.option("--rows", default="", help=f"Comma-separated: {','.join(ROWS)}. Default: all.")
@click.option("--rounds", type=click.IntRange(1), help="Rounds, each of both systems. Default 5.")
@click.option("--quick", is_flag=True, help="Two short rounds: for a look, not for a claim.")
@click.option("--only", type=click.Choice(SYSTEMS), help="Measure one system only.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Default: bench/results/.")
def main(rows: str, rounds: int | None, quick: bool, only: str | None, path: Path | None) -> None:
    """Measure Stepwell against DBOS on one private Postgres with its default durability."""
    sizes = QUICK if quick else DEFAULT
    if rounds is not None:
        sizes = dataclasses.replace(sizes, rounds=rounds)
    keys = _chosen(rows)
    console = Console(stderr=True)
    started = time.monotonic()
    with Lab(sizes) as lab:
        described = machine.describe(lab.server.version)
        if os.getloadavg()[0] > BUSY:
            console.print("The machine is busy: absolute times will be off, ratios less so.", highlight=False)
        taken = [_take(lab, key, (only,) if only else SYSTEMS, console, sizes) for key in keys]
    seconds = time.monotonic() - started
    print_report(Console(width=WIDTH_CHARS), taken, described)
    written = results.write(results.as_json(taken, described, sizes, seconds), path)
    console.print(f"{seconds:.0f} s; samples in {written}", highlight=False)


def _chosen(rows: str) -> list[str]:
    keys = [key.strip() for key in rows.split(",") if key.strip()] or list(ROWS)
    for key in keys:
        if key not in ROWS:
            raise click.BadParameter(f"there is no row {key!r}; rows: {', '.join(ROWS)}", param_hint="--rows")
    return keys


def _take(lab: Lab, key: str, systems: tuple[str, ...], console: Console, sizes: Sizes) -> results.RowResult:
    """All rounds of a row. The systems alternate, and so does which of them goes first."""
    result = results.RowResult(ROWS[key])
    for number in range(sizes.rounds):
        for system in systems if number % 2 == 0 else systems[::-1]:
            started = time.monotonic()
            measured = result.row.instead if system == "dbos" and result.row.instead else system
            sample = result.row.sample(lab, measured)
            result.samples[system].append(sample)
            progress = f"{key} {number + 1}/{sizes.rounds} {system} ({time.monotonic() - started:.0f} s)"
            console.print(f"{progress}: {_short(sample)}", markup=False, highlight=False, soft_wrap=True)
    return result


def _short(sample: Sample) -> str:
    values = ", ".join(f"{name} {value:.4g}" for name, value in sample.values.items())
    troubles = "".join(f"\n  ! {text}" for text in sample.troubles)
    return f"{values or 'nothing'}{f', {sample.failures} failures' if sample.failures else ''}{troubles}"


if __name__ == "__main__":
    main()
