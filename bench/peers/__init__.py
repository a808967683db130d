"""The systems that are compared. Each app defines the same functions with its own decorators: see `Peer`."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol, cast

SYSTEMS = ("stepwell", "dbos")
#: Measured beside Stepwell in the place of DBOS, by rows that say so.
PGQUEUER = "pgqueuer"

#: DBOS's own default is 20 connections; with 50 it was no slower anywhere and often faster.
POOL = 50

#: What the queueing rows enqueue in.
QUEUE = "bench"


#: (id, message): returns when it is committed.
Send = Callable[[str, float], Awaitable[None]]


class Producer(Protocol):
    """Enqueues from a process that executes nothing. Everything returns when it is committed."""

    async def one(self, number: int) -> None:
        """One run of `one_step_async` in the queue "bench"."""
        ...

    async def many(self, numbers: Sequence[int]) -> None:
        """Many of them, the fastest way that the system has."""
        ...

    async def arrive(self, sent: float) -> None:
        """A run of `arrive_async` in that queue."""
        ...


class Peer(Protocol):
    """What an app module offers to the rows; modules implement it."""

    # Workflows, blocking and awaited. All do the same in every app; `meter` collects what they see.
    chain: Callable[[int], int]
    chain_async: Callable[[int], Awaitable[int]]
    flood: Callable[[int], int]
    flood_async: Callable[[int], Awaitable[int]]
    one_step: Callable[[int], int]
    one_step_async: Callable[[int], Awaitable[int]]
    nap_async: Callable[[float], Awaitable[int]]
    ten_then_gate_async: Callable[[int], Awaitable[int]]
    hear_async: Callable[[int], Awaitable[int]]

    #: Notes how long ago it was sent.
    arrive_async: Callable[[float], Awaitable[int]]

    # Workflows whose steps are transactions: each inserts its number into bench_rows.
    write_chain: Callable[[int], int]
    write_chain_async: Callable[[int], Awaitable[int]]
    write_flood: Callable[[int], int]
    write_flood_async: Callable[[int], Awaitable[int]]

    def configure(
        self,
        url: str,
        *,
        pool: int = POOL,
        transactions_in: str | None = None,
        sessions: bool = True,
        listen: bool = True,
        queue: bool = False,
    ) -> None:
        """Say which database; `pool` connections where the system lets one choose. Opens nothing.

        `listen=False`: without LISTEN, as behind a pooler that hands out connections per transaction. `queue`: executes
        what is in the queue "bench".

        `transactions_in`: the URL of the database in which transactions run, with SQLAlchemy's `sessions` or, where the
        system lets one choose, the driver's own connections.
        """
        ...

    def serving(self) -> AbstractContextManager[object]:
        """The engine runs inside this block; for `def` workflows."""
        ...

    def serving_async(self) -> AbstractAsyncContextManager[object]:
        """The engine runs inside this block, on this loop; for `async def` workflows."""
        ...

    async def start_async(self, workflow: Any, argument: Any) -> object:
        """Start in the background; returns when the start is durable."""
        ...

    def id_of(self, handle: Any) -> str:
        """The id by which a started run is sent messages."""
        ...

    def producing(self, url: str, queue: str = QUEUE) -> AbstractAsyncContextManager[Producer]:
        """A client in a process that executes nothing."""
        ...

    def sending(self, url: str) -> AbstractAsyncContextManager[Send]:
        """A client in a process that executes nothing."""
        ...

    def list_newest(self, limit: int) -> int:
        """List the newest runs; returns how many came."""
        ...

    def list_named(self, limit: int) -> int:
        """List the newest successful runs of the one-step workflow."""
        ...

    def list_rare(self, limit: int) -> int:
        """List the newest runs of `chain_async`, of which there are a few among very many others."""
        ...

    def list_failed(self, limit: int) -> int:
        """List the newest failed runs (there are none)."""
        ...


def load_peer(system: str) -> Peer:
    """Import an app; only the one that is measured is ever imported in a process."""
    if system not in (*SYSTEMS, PGQUEUER):
        raise ValueError(f"system is one of {', '.join(SYSTEMS)} and {PGQUEUER}, not {system!r}")
    return cast(Peer, importlib.import_module(f"bench.peers.{system}_app"))


async def start_all(peer: Peer, workflow: object, arguments: Sequence[object], *, at_once: int = 250) -> None:
    """Start one run per argument, `at_once` of them concurrently, as a busy application would."""
    for first in range(0, len(arguments), at_once):
        some = arguments[first : first + at_once]
        await asyncio.gather(*(peer.start_async(workflow, argument) for argument in some))
