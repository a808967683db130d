"""Our own words on a psycopg connection, straight to libpq: a cursor's layer would cost more than the server does.

Generators for `connection.wait`, which waits for the socket in both colours, in threads without the interpreter's lock.
"""

import contextlib
from collections.abc import Generator
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.waiting import Ready, Wait

from stepwell.store.transactions import Query

Result = pq.abc.PGresult
Saying = Generator[Wait, Ready, Result]

_OK = pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK


def checked(result: Result) -> Result:
    """Raises what the server has answered."""
    if result.status in _OK:
        return result
    raise psycopg.errors.error_from_result(result, encoding="utf-8")


def values_of(query: Query) -> tuple[bytes, ...]:
    """Its parameters, as libpq takes them."""
    return () if query.document is None else (query.document.encode(),)


def rows(connection: Any, result: Result) -> list[tuple[Any, ...]]:
    """The rows of a result, whatever the connection's row factory."""
    if not result.ntuples:
        return []
    transformer = Transformer(connection)
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


def say_script(pgconn: pq.abc.PGconn, script: str) -> Saying:
    """Several statements without parameters, in one message; the last result."""
    pgconn.send_query(script.encode())
    return (yield from _answers(pgconn, pipelined=False))


def say(pgconn: pq.abc.PGconn, *queries: Query) -> Saying:
    """Statements in one round trip; the last result. Once one has failed none after it is carried out."""
    pgconn.enter_pipeline_mode()
    try:
        for query in queries:
            pgconn.send_query_params(query.text.encode(), values_of(query))
        pgconn.pipeline_sync()
        return (yield from _answers(pgconn, pipelined=True))
    finally:
        with contextlib.suppress(psycopg.Error):  # given up half way: the connection is of no use
            pgconn.exit_pipeline_mode()


def _answers(pgconn: pq.abc.PGconn, *, pipelined: bool) -> Saying:
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()
    told: Result | None = None
    while True:
        while pgconn.is_busy():
            yield Wait.R
            pgconn.consume_input()
        result = pgconn.get_result()
        if (result is None and not pipelined) or (result is not None and result.status == pq.ExecStatus.PIPELINE_SYNC):
            break
        if result is not None and (told is None or told.status in _OK):  # what follows a failure says nothing
            told = result
            if pgconn.status == pq.ConnStatus.BAD:
                break
    assert told is not None
    return checked(told)
