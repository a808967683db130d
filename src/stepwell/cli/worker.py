"""`stepwell worker`: a process that executes workflows until it is told to stop."""

import logging
import os
import sys

import click

from stepwell.cli.exits import Exit
from stepwell.cli.load import import_module, load_engine
from stepwell.cli.logs import LEVELS, configure
from stepwell.cli.processes import STOP_OPTION, Supervisor, stop_with_parent
from stepwell.core.registry import REGISTRY
from stepwell.model.words import counted

log = logging.getLogger("stepwell.worker")


@click.command()
@click.argument("place", metavar="MODULE:ENGINE")
@click.option(
    "--import",
    "modules",
    multiple=True,
    metavar="MODULE",
    help="Import this too: for workflows that MODULE does not import.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="So many; one that dies is replaced.",
)
@click.option(
    "--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="debug shows steps too."
)
@click.option("--json", "as_json", is_flag=True, help="Log lines are JSON objects.")
@click.option(STOP_OPTION, "with_parent", is_flag=True, hidden=True)
def worker(
    place: str, modules: tuple[str, ...], processes: int, log_level: str, as_json: bool, with_parent: bool
) -> None:
    """Execute the workflows that MODULE imports, until SIGTERM or SIGINT.

    Then it claims nothing more, lets running workflows end for `Settings.drain` seconds, releases the rest for others,
    and ends with exit code 0. The current directory is on the path of imports. Logs go to stderr.

    \b
      stepwell worker shop:engine
      stepwell worker shop:engine --processes 4 --json
    """
    configure(log_level, as_json)
    if processes > 1:
        raise click.exceptions.Exit(Supervisor(_command(place, modules, log_level, as_json), processes).run())
    engine = load_engine(place)
    for module in modules:
        import_module(module)
    if with_parent:
        stop_with_parent()
    names = sorted(definition.name for definition in REGISTRY.definitions())
    if not names:
        log.warning("%s defines no workflow and imports none: nothing to execute", place)
    log.info("process %d serves %s: %s", os.getpid(), counted(len(names), "workflow"), ", ".join(names))
    engine.run()
    log.info("process %d has stopped", os.getpid())
    raise click.exceptions.Exit(Exit.OK)


def _command(place: str, modules: tuple[str, ...], log_level: str, as_json: bool) -> list[str]:
    command = [sys.executable, "-m", "stepwell.cli", "worker", place, "--log-level", log_level]
    for module in modules:
        command += ["--import", module]
    return [*command, "--json"] if as_json else command
