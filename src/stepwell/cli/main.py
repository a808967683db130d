"""The program `stepwell`: its commands, its help, and what becomes of errors."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from stepwell.cli.completion import completion
from stepwell.cli.db import db
from stepwell.cli.demo.command import demo
from stepwell.cli.doctor import doctor
from stepwell.cli.enqueue import enqueue
from stepwell.cli.event import event
from stepwell.cli.executor import executor
from stepwell.cli.exits import EXIT_CODES, JSON_KEY, Exit, Failure, failure_of
from stepwell.cli.queue import queue
from stepwell.cli.run import run
from stepwell.cli.schedule import schedule
from stepwell.cli.top import top
from stepwell.cli.worker import worker
from stepwell.cli.workflow import workflow


class Program(click.Group):
    """Errors of Stepwell's become a message and an exit code."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Before anything can go wrong: whether errors are to be JSON too."""
        ctx.meta[JSON_KEY] = "--json" in args[: args.index("--") if "--" in args else None]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            failure: click.ClickException | None = Failure("interrupted", Exit.INTERRUPTED)
        except click.ClickException as error:
            failure = error
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                raise
        assert failure is not None
        if ctx.meta.get(JSON_KEY):
            hint = failure.hint if isinstance(failure, Failure) else ""
            raise Failure(failure.format_message(), failure.exit_code, hint, as_json=True)
        raise failure


def _version() -> str:
    try:
        return version("stepwell")
    except PackageNotFoundError:
        return "(not installed)"


@click.group(cls=Program, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="stepwell")
def cli() -> None:
    """Durable workflows in your Postgres, or in one SQLite file.

    Commands that ask the database take --database URL; without it $STEPWELL_DATABASE_URL, $DATABASE_URL,
    [tool.stepwell] in pyproject.toml, or sqlite:///stepwell.db. With --json they print one JSON document, and errors
    as JSON on stderr.
    """


for command in (demo, worker, run, enqueue, workflow, queue, top, event, schedule, executor, db, doctor, completion):
    cli.add_command(command)


def main() -> None:
    """The entry point."""
    cli.main(prog_name="stepwell")
