"""`stepwell doctor`: is everything as it should be? It changes nothing."""

import click

from stepwell.cli.checks import FAIL, examine
from stepwell.cli.exits import Exit
from stepwell.cli.options import Target, with_database, with_json
from stepwell.cli.output import Output


@click.command()
@with_database
@with_json
def doctor(target: Target, out: Output) -> None:
    """Check machine, database, tables, clocks and processes. Exit code 1 if a check fails; warnings are no failure."""
    findings = examine(target)
    failed = any(finding.status == FAIL for finding in findings)
    if out.as_json:
        out.document(
            {
                "ok": not failed,
                "database": target.shown,
                "checks": [
                    {"check": f.check, "status": f.status, "message": f.message, "fix": f.fix or None} for f in findings
                ],
            }
        )
    else:
        out.table(
            ("", "check", "finding"),
            [(f.status, f.check, f"{f.message}\n{f.fix}" if f.fix else f.message) for f in findings],
        )
    if failed:
        raise click.exceptions.Exit(Exit.FAILED)
