"""A transaction whose body waits for the test before it returns."""

from typing import Any

import psycopg

from stepwell import transaction, workflow
from tests.faults.kit.child import effect, hear, make_engine, role, say


@transaction
def add(conn: psycopg.Connection[Any], entry: str) -> str:
    """One row; the process that is told to wait says that it has written it, and waits."""
    conn.execute("INSERT INTO ledger VALUES (%s)", [entry])
    effect("body", entry)
    if role() == "waits":
        say("written")
        hear()
    return f"added {entry} in {role()}"


@workflow
def adding(entry: str) -> str:
    return add(entry)


def main() -> None:
    with make_engine():
        hear()


if __name__ == "__main__":
    if role() == "waits":
        with make_engine():
            handle = adding.options(id="w").start("e")
            say("result", handle.result(timeout=60))
            hear()
    else:
        main()
