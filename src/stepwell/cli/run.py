"""`stepwell run`: one workflow from the command line."""

from typing import Any

import click

from stepwell.cli.arguments import parse_call
from stepwell.cli.ask import client_like, wait_for
from stepwell.cli.chosen import engine_for
from stepwell.cli.load import load_workflow
from stepwell.cli.options import Duration, Target, with_database, with_json
from stepwell.cli.output import Output
from stepwell.cli.workflow import print_outcome
from stepwell.errors import WaitTimeout


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("place", metavar="MODULE:WORKFLOW")
@click.argument("words", metavar="[ARGS]...", nargs=-1)
@click.option("-k", "--keyword", "keywords", multiple=True, metavar="NAME=VALUE", help="A keyword argument.")
@click.option("--id", help="The workflow's id: the same id again attaches to the same run.")
@click.option(
    "--engine",
    "engine_place",
    metavar="MODULE:ENGINE",
    help="Default: the only one in MODULE, unless --database is given.",
)
@click.option("--detach", is_flag=True, help="Only start it, for the workers to execute, and print its id.")
@click.option("--timeout", type=Duration(), help="How long to wait for the result; the run goes on.")
@with_database
@with_json
def run(
    target: Target,
    out: Output,
    place: str,
    words: tuple[str, ...],
    keywords: tuple[str, ...],
    id: str | None,
    engine_place: str | None,
    detach: bool,
    timeout: float | None,
) -> None:
    """Run a workflow here, wait, and print its result.

    ARGS are JSON where they parse as JSON and fit the annotation, text otherwise. Exit code 1 if it failed. While it
    waits, this process executes what else is due, like any engine.

    \b
      stepwell run shop:checkout o-1 anvil 4200
      stepwell run shop:digest '["a", "b"]' --id digest-7
    """
    module, workflow = load_workflow(place)
    args, kwargs = parse_call(workflow.definition, words, keywords)
    engine = engine_for(module, engine_place, target)
    options: dict[str, Any] = {} if id is None else {"id": id}
    if detach:
        with client_like(engine) as client:
            handle = workflow.sync.options(engine=client, **options).start(*args, **kwargs)
            document = {"workflow_id": handle.id, "run_id": handle.run_id}
        out.document(document) if out.as_json else out.line(handle.id)
        return
    with engine:
        handle = workflow.sync.options(engine=engine, **options).start(*args, **kwargs)
        try:
            info = wait_for(engine, handle.id, timeout)
        except WaitTimeout:
            engine.close(drain=0.0)  # whoever does not wait for the run does not wait for it to drain either
            raise
    print_outcome(info, out)
