"""The command `stepwell demo`."""

import json
import signal
import sys
import time
from pathlib import Path

import click

from stepwell.cli.demo.screen import Screen
from stepwell.cli.demo.stage import make_stage
from stepwell.cli.demo.story import play
from stepwell.cli.exits import Exit, Failure
from stepwell.cli.options import with_json
from stepwell.cli.output import Output, make_console

#: With fewer, the kill could not come in the middle.
FEWEST_ORDERS = 20


@click.command()
@click.option(
    "--database",
    type=click.Choice(["sqlite", "postgres"]),
    default="sqlite",
    show_default=True,
    help="A temporary file, or a temporary server.",
)
@click.option("--orders", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Another file of orders.")
@click.option("--keep", is_flag=True, help="Keep the directory with example, ledger and logs (and the SQLite file).")
@with_json
def demo(out: Output, database: str, orders: Path | None, keep: bool) -> None:
    """See a worker being killed in the middle of its work, and another one finishing it.

    Exit code 0 only if every order was fulfilled and no step ran again that was recorded.
    """
    screen = Screen(make_console(stderr=out.as_json))
    begun = time.monotonic()
    # A plain kill shall leave nothing behind either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with make_stage(database, orders, keep=keep) as stage:
        costs = read_orders(stage.orders)
        where = "SQLite file" if database == "sqlite" else "Postgres server"
        screen.say(f"{len(costs)} orders, one workflow each, on a temporary {where}.")
        document = play(stage, costs, screen)
        if keep:
            screen.say(f"Kept: {stage.directory}")
    seconds = time.monotonic() - begun
    screen.say(f"{seconds:.1f} s from start to end.", "dim")
    if out.as_json:
        out.document({"database": database, **document, "seconds": round(seconds, 2)})
    if not document["holds"]:
        raise click.exceptions.Exit(Exit.FAILED)


def read_orders(file: Path) -> dict[str, int]:
    """Ids and what the orders cost, in cents. Raises Failure for a file of another form."""
    try:
        orders = json.loads(file.read_text("utf-8"))
        costs = {str(each["id"]): sum(item["quantity"] * item["cents"] for item in each["items"]) for each in orders}
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"{file} is no file of orders: {type(error).__name__}: {error}", Exit.USAGE) from None
    if len(costs) < FEWEST_ORDERS:
        few = f"{file} has {len(costs)} orders: at least {FEWEST_ORDERS} are needed to be in the middle of them"
        raise Failure(few, Exit.USAGE)
    return costs
