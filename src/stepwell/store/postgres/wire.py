"""One exchange with the server, without I/O of its own: the async link and the heartbeat's thread drive it.

An exchange is a pipeline: all statements go out in one write, followed by one Sync, which makes them
one implicit transaction; then the results come back. Straight on libpq, because on the hot path the
driver's cursor layer would cost as much as the server does.
"""

from collections.abc import Callable, Sequence
from typing import Any

from psycopg import pq
from psycopg.adapt import Transformer

from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.postgres.errors import connection_lost, fault_of_result
from stepwell.store.postgres.params import Statement

_OK = pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK
_BINARY = 1

Result = pq.abc.PGresult


#: The server takes messages up to a gigabyte; a larger one would end the connection, again and again.
MESSAGE_LIMIT = 1_000_000_000  # bytes


class Exchange:
    """The statements of one round trip, their results as they arrive, and whether all have."""

    __slots__ = ("_pgconn", "failed", "results")

    def __init__(self, pgconn: pq.abc.PGconn, statements: Sequence[Statement]) -> None:
        self._pgconn = pgconn
        self.results: list[Result] = []
        self.failed: Result | None = None
        for sql, values, formats in statements:
            _refuse_too_large(values)
            pgconn.send_query_params(sql, values, None, formats, _BINARY)
        pgconn.pipeline_sync()

    def flush(self) -> bool:
        """Write what the socket takes; False while some is left."""
        return self._pgconn.flush() == 0

    def absorb(self) -> bool:
        """The socket is readable: take what has arrived. True when the last result has."""
        pgconn = self._pgconn
        pgconn.consume_input()
        ended_before = False
        while not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                if ended_before:
                    return False
                ended_before = True
                continue
            ended_before = False
            status = result.status
            if status in _OK:
                self.results.append(result)
            elif status == pq.ExecStatus.PIPELINE_SYNC:
                return True
            elif status != pq.ExecStatus.PIPELINE_ABORTED and self.failed is None:
                self.failed = result
                if pgconn.status == pq.ConnStatus.BAD:
                    return True
        return False

    def outcome(self, *, prepared: bool = False, committing: bool = False) -> list[Result]:
        """The results, or the fault of the first statement that failed."""
        if self.failed is None:
            return self.results
        if self.failed.error_field(pq.DiagnosticField.SQLSTATE) is None:
            raise connection_lost((self.failed.error_message or b"").decode("utf-8", "replace").strip())
        raise fault_of_result(self.failed, prepared=prepared, committing=committing)


def _refuse_too_large(values: Sequence[bytes | None]) -> None:
    size = sum(len(value) for value in values if value is not None)
    if size > MESSAGE_LIMIT:
        raise StoreFault(FaultKind.PAYLOAD, f"{size} bytes do not fit into one statement", code="54000")


_identity: Callable[[Sequence[Any]], tuple[Any, ...]] = tuple


def rows(result: Result) -> list[tuple[Any, ...]]:
    """The decoded rows of a binary result."""
    count = result.ntuples
    if not count:
        return []
    transformer = Transformer()
    transformer.set_pgresult(result)
    return transformer.load_rows(0, count, _identity)


def affected(result: Result) -> int:
    """How many rows an INSERT, UPDATE or DELETE touched, or a SELECT returned."""
    return result.command_tuples or 0
