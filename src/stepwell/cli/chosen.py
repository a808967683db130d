"""Which engine a command that starts runs means."""

from types import ModuleType

import click

from stepwell.cli.exits import Exit, Failure
from stepwell.cli.load import load_engine
from stepwell.cli.options import Target
from stepwell.engine import Stepwell


def engine_for(module: ModuleType, place: str | None, target: Target) -> Stepwell:
    """The one at `place` (--engine), else the module's only one, unless --database says where. Raises Failure."""
    if place is not None:
        return load_engine(place)
    if not _is_given("database", "schema", "namespace"):
        engines = {id(value): value for value in vars(module).values() if isinstance(value, Stepwell)}
        if len(engines) == 1:
            return next(iter(engines.values()))
        if len(engines) > 1:
            problem = f"{module.__name__} has {len(engines)} engines: choose one with --engine"
            raise Failure(problem, Exit.USAGE)
    return Stepwell(target.url, schema=target.schema, namespace=target.namespace)


def _is_given(*options: str) -> bool:
    context = click.get_current_context()
    by_hand = click.core.ParameterSource.COMMANDLINE
    return any(context.get_parameter_source(option) is by_hand for option in options)
