"""Contention that shows only when the outcome is about to be committed."""

from typing import Any

import psycopg

from stepwell import transaction, workflow
from tests.transactions import bodies
from tests.transactions.kit import Home, the_run


@transaction(isolation="repeatable read")
def numbered(conn: psycopg.Connection[Any]) -> int:
    conn.execute("INSERT INTO ledger VALUES ('n')")
    bodies.during("n", conn)
    return conn.info.backend_pid


@workflow
def numbering() -> int:
    return numbered()


def test_contention_at_the_commit_runs_the_body_again_on_the_same_connection(postgres_home: Home) -> None:
    engine = postgres_home.launch()
    connections: list[int] = []

    def change_the_run(conn: psycopg.Connection[Any]) -> None:
        connections.append(conn.info.backend_pid)
        if len(connections) == 1:
            postgres_home.execute("UPDATE stepwell.workflow_status SET priority = priority + 1")

    bodies.then["n"] = change_the_run
    numbering()
    assert len(connections) == 2
    assert len(set(connections)) == 1, "the server has said that it rolled back"
    assert postgres_home.ledger() == {"n": 1}
    assert [each.attempts for each in the_run(engine).steps()] == [2]
