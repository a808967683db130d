"""`stepwell completion`: the script that lets a shell complete commands and options."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_STEPWELL_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
      bash, zsh   eval "$(stepwell completion bash)"         in ~/.bashrc or ~/.zshrc
      fish        stepwell completion fish | source          in config.fish
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(context.find_root().command, {}, "stepwell", VARIABLE).source())
