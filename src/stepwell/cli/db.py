"""`stepwell db`: the tables of Stepwell in a database."""

import click

from stepwell.cli.ask import migrations, with_store
from stepwell.cli.exits import Exit
from stepwell.cli.options import Target, with_database, with_json
from stepwell.cli.output import Output
from stepwell.model.info import moment
from stepwell.store.open import client_grants, migration_scripts


@click.group()
def db() -> None:
    """The tables of Stepwell in a database."""


@db.command()
@with_database
@with_json
def status(target: Target, out: Output) -> None:
    """Which migrations are applied. Exit code 1 if some are missing."""
    states = migrations(target)
    pending = [state for state in states if state.applied_at is None]
    if out.as_json:
        out.document(
            {
                "database": target.shown,
                "schema": target.schema,
                "migrations": [
                    {
                        "number": state.number,
                        "name": state.name,
                        "kind": state.kind,
                        "applied_at": moment(state.applied_at),
                    }
                    for state in states
                ],
                "pending": len(pending),
            }
        )
    else:
        out.table(
            ("number", "name", "kind", "applied"),
            [(s.number, s.name, s.kind, moment(s.applied_at) or "missing") for s in states],
        )
        if pending:
            out.note("`stepwell db migrate` applies what is missing; `stepwell db sql` prints it.")
    if pending:
        raise click.exceptions.Exit(Exit.FAILED)


@db.command()
@with_database
@with_json
def migrate(target: Target, out: Output) -> None:
    """Apply what is missing. Safe to run again, and from several places at once."""
    applied = with_store(target, lambda store: store.migrate())
    if out.as_json:
        out.document({"database": target.shown, "schema": target.schema, "applied": applied})
    elif applied:
        for name in applied:
            out.line(f"applied {name}")
    else:
        out.line("nothing to do: everything is applied")


@db.command()
@click.option("--all", "everything", is_flag=True, help="Every migration, without asking the database.")
@click.option("--client-role", metavar="NAME", help="Instead: what lets this role start, send, cancel and read.")
@with_database
@with_json
def sql(target: Target, out: Output, everything: bool, client_role: str | None) -> None:
    """Print the SQL of the migrations that are missing, for an administrator to run.

    It notes in the table of migrations that it was run: `stepwell db sql | psql ...` is the same as `db migrate`.
    """
    if client_role is not None:
        grants = client_grants(target.url, target.schema, client_role)
        out.document({"grants": grants}) if out.as_json else click.echo(grants, nl=False)
        return
    scripts = migration_scripts(target.url, target.schema)
    if not everything:
        missing = {state.number for state in migrations(target) if state.applied_at is None}
        scripts = {number: text for number, text in scripts.items() if number in missing}
    if out.as_json:
        out.document({"migrations": [{"number": number, "sql": text} for number, text in scripts.items()]})
    elif not scripts:
        out.note("nothing is missing; --all prints every migration")
    else:
        click.echo("\n".join(scripts.values()), nl=False)
