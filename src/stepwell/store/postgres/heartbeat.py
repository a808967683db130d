"""The heartbeat's own connection: synchronous, for one OS thread: a blocked loop must not look dead."""

import contextlib
import select
import time
from uuid import UUID

import psycopg

from stepwell.model.rows import Beat
from stepwell.store.postgres.errors import connection_lost, fault_of_connect
from stepwell.store.postgres.lanes import Lanes
from stepwell.store.postgres.link import shut_down
from stepwell.store.postgres.params import Statement, statement
from stepwell.store.postgres.wire import Exchange, Result, rows


class PostgresHeartbeat:
    """See `HeartbeatPort`. Every beat ends within the store's call deadline (connecting included)."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._connection: psycopg.Connection | None = None

    @property
    def connected(self) -> bool:
        return self._connection is not None

    def beat(self, incarnation: UUID, lease: float) -> Beat:
        prolonged, cancels = self._run(
            statement(self._lanes.sql("executors/beat"), incarnation, lease),
            statement(self._lanes.sql("executors/cancels"), incarnation),
        )
        known = rows(prolonged)
        now = known[0][0] if known else 0.0
        return Beat(known=bool(known), database_now=now, cancels=dict(rows(cancels)))

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):  # a lost connection has no socket any more
                shut_down(connection.pgconn.socket)
            connection.pgconn.finish()

    def _run(self, *statements: Statement) -> list[Result]:
        ends = time.monotonic() + self._lanes.call_deadline
        connection = self._connection or self._connect()
        pgconn = connection.pgconn
        try:
            exchange = Exchange(pgconn, statements)
            flushed = exchange.flush()
            poller = select.poll()
            poller.register(pgconn.socket, select.POLLIN | (0 if flushed else select.POLLOUT))
            while True:
                if not poller.poll(max(0.0, ends - time.monotonic()) * 1000):
                    raise connection_lost(f"no answer within {self._lanes.call_deadline:g} s")
                if not flushed and (flushed := exchange.flush()):
                    poller.modify(pgconn.socket, select.POLLIN)
                if exchange.absorb():
                    return exchange.outcome()
        except psycopg.Error as error:
            self.close()
            raise connection_lost(str(error).strip()) from None
        except BaseException:
            self.close()
            raise

    def _connect(self) -> psycopg.Connection:
        deadline = max(2, int(self._lanes.call_deadline))  # libpq's least is two seconds
        try:
            connection = psycopg.Connection.connect(self._lanes.conninfo, autocommit=True, connect_timeout=deadline)
        except (psycopg.Error, OSError) as error:
            raise fault_of_connect(error) from None
        connection.pgconn.nonblocking = 1
        connection.pgconn.enter_pipeline_mode()
        self._connection = connection
        return connection
