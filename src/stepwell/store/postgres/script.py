"""A migration as a script for psql: for those whose engines may not run DDL (`stepwell db sql`)."""

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
