"""A migration as a script for psql: for those whose engines may not run DDL (`stepwell db sql`)."""

import re

from stepwell.store.postgres.migrate import known_migrations
from stepwell.store.sqlfile import quote_identifier, substitute


def scripts(schema: str) -> dict[int, str]:
    """By number: what `migrate` would run, with the note that it was run."""
    found: dict[int, str] = {}
    for migration in known_migrations():
        ddl = substitute(migration.sql, schema).strip()
        # Names and kinds are checked when the files are read: letters, digits and underscores.
        note = substitute(
            "insert into stepwell.migrations (number, name, kind)"
            f" values ({migration.number}, '{migration.name}', '{migration.kind}');",
            schema,
        )
        make_schema = f"create schema if not exists {quote_identifier(schema)};\n" if migration.number == 1 else ""
        found[migration.number] = (
            f"{ddl}\n\n{note}\n" if migration.online else f"begin;\n\n{make_schema}{ddl}\n\n{note}\n\ncommit;\n"
        )
    return found


#: What a role needs that calls the functions and reads the views, and may touch no table.
_CLIENT = """\
grant usage on schema {schema} to {role};
grant execute on function
    stepwell.start_workflow(text, json, json, text, text, int, interval, timestamptz, jsonb),
    stepwell.send_message(text, json, text, text), stepwell.cancel_workflow(text, boolean),
    stepwell.workflow_result(text), stepwell.readable_json(text)
to {role};
grant select on
    stepwell.workflows, stepwell.steps, stepwell.queue_depth,
    stepwell.workflow_messages, stepwell.workflow_events, stepwell.workflow_streams
to {role};
"""


def client_grants(schema: str, role: str) -> str:
    """What makes a role a client: it may start, send, cancel, read results and the views, and nothing else."""
    names = {"schema": quote_identifier(schema), "role": quote_identifier(role)}
    # One pass: what a name contains is not looked at again.
    return re.sub(r"\{(\w+)\}|\bstepwell\.", lambda m: names[m[1]] if m[1] else names["schema"] + ".", _CLIENT)
