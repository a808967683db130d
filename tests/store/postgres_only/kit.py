"""Short words for the tests of this directory."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from uuid import UUID

import psycopg
from psycopg import conninfo

from stepwell.model.rows import NewRun
from stepwell.store.postgres import PostgresStore
from tests.store.conformance.kit import ROUTE, Execution, draw

ME = UUID(int=1)


def new_run(owner: UUID | None = ME, workflow_id: str | None = None) -> NewRun:
    """A start: PENDING for an owner, ENQUEUED without one."""
    run_id = draw()
    return NewRun(
        run_id=run_id,
        workflow_id=workflow_id or str(run_id),
        name="checkout",
        route=ROUTE,
        status="PENDING" if owner else "ENQUEUED",
        owner=owner,
        input="{}",
        input_digest="d",
    )


async def begin(store: PostgresStore) -> Execution:
    """A run that this process executes, epoch 1."""
    run = new_run()
    await store.start([run])
    return Execution(run.run_id, 1)


async def eventually(condition: Callable[[], bool], within: float = 10.0) -> None:
    """For what no signal tells. Fails after `within` seconds."""
    ends = time.monotonic() + within
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        await asyncio.sleep(0.01)


def waiting_for_a_lock(bystander: psycopg.Connection) -> bool:
    """Whether some other session of this database waits for a lock now."""
    bystander.execute("select pg_stat_clear_snapshot()")  # in a transaction the view would stand still
    query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    row = bystander.execute(query).fetchone()
    return row is not None and row[0] > 0


def cut_all(bystander: psycopg.Connection) -> int:
    """End every other session of this database, as a failover or an operator would; how many there were."""
    query = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
    )
    return len(bystander.execute(query).fetchall())


@contextlib.contextmanager
def locked(bystander: psycopg.Connection, run_id: UUID) -> Iterator[None]:
    """Somebody's open transaction holds the run's row."""
    with bystander.transaction(force_rollback=True):
        bystander.execute("select from stepwell.workflow_status where run_id = %s for update", [run_id])
        yield


#: ReadyForQuery, idle: the end of an answer to what is committed.
_DONE = b"Z\x00\x00\x00\x05I"


class Proxy:
    """A TCP proxy before the server that can swallow what passes through it."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = host, port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.swallow_requests = False
        self.swallow_answers = False
        self.requests_swallowed = 0
        self.answers_swallowed = 0
        self.answer_was_swallowed = asyncio.Event()
        #: Every so many answers one is lost with its connection, after the server has committed.
        self.lose_every: int | None = None
        self.answers = 0
        self.answers_lost = 0

    async def open(self) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        self._writers |= {writer, up_writer}
        for pump in (self._pump(reader, up_writer, "request"), self._pump(up_reader, writer, "answer")):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, what: str) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if what == "request" and self.swallow_requests:
                    self.requests_swallowed += 1
                elif what == "answer" and self.swallow_answers:
                    self.answers_swallowed += 1
                    self.answer_was_swallowed.set()
                elif what == "answer" and self._loses(data):
                    break
                else:
                    writer.write(data)
                    await writer.drain()
        writer.close()

    def _loses(self, data: bytes) -> bool:
        """Whether this is one of the answers to be lost; greetings (they are long, and not ours) do not count."""
        if self.lose_every is None or not data.endswith(_DONE) or b"server_version" in data:
            return False
        self.answers += 1
        lost = self.answers % self.lose_every == 0
        self.answers_lost += lost
        return lost


@contextlib.asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the server of `url`, and the URL that leads through it."""
    info = conninfo.conninfo_to_dict(url)
    proxy = Proxy(str(info["host"]), int(str(info["port"])))
    port = await proxy.open()
    try:
        yield proxy, conninfo.make_conninfo(url, host="127.0.0.1", port=port)
    finally:
        await proxy.close()
