"""What the conformance tests say things with: a world with one database, a movable clock, and short words.

A `World` is one process (`me`) with a store on a fresh, migrated database. `another()` gives another
process's store on the same database. Runs have ids that grow, as UUIDv7s do.
"""

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from stepwell.model.looking import RunRow
from stepwell.model.rows import Batch, Checkpoint, Claimed, Committed, Finish, Intent, Leave, NewRun, Started, Wait
from stepwell.store.api import Store, StoreIdentity

#: Where the database's clock stands when a test begins.
START = 1_800_000_000.0
LEASE = 15.0
ROUTE = "checkout||"

_numbers = itertools.count(1)


def draw() -> UUID:
    """An id that nobody has had; later ones are greater."""
    return UUID(int=(0x0190_0000_0000_7000_8000 << 48) + next(_numbers))


class Clock(Protocol):
    """The database's clock, in the test's hand."""

    @property
    def now(self) -> float: ...

    async def advance(self, seconds: float) -> None: ...


@dataclass(slots=True, frozen=True)
class Execution:
    """A run and the epoch that one execution of it has."""

    run_id: UUID
    epoch: int


class Executing(Protocol):
    """What names an execution: an `Execution`, or what a claim returned."""

    @property
    def run_id(self) -> UUID: ...

    @property
    def epoch(self) -> int: ...


class World:
    """One database, and one process that works on it."""

    def __init__(self, store: Store, clock: Clock, opener: Callable[[StoreIdentity], Awaitable[Store]]) -> None:
        self.store = store
        self.clock = clock
        self.me = draw()
        #: What every start of this test has, unless it says otherwise.
        self.defaults: dict[str, Any] = {}
        self._opener = opener

    async def another(self, **identity: str) -> Store:
        """Another store on the same database; closed with the test."""
        return await self._opener(StoreIdentity(**identity))

    async def register(self, incarnation: UUID | None = None, **fields: Any) -> UUID:
        """Make a process known: this one, or another."""
        known = incarnation or self.me
        words: dict[str, Any] = {"label": "host:1", "lease": LEASE, "serves": [ROUTE], "queues": [], **fields}
        await self.store.register(known, **words)
        return known

    # -- runs --------------------------------------------------------------------------------------------

    def new(self, **fields: Any) -> NewRun:
        """A start: PENDING and mine unless `status` says ENQUEUED."""
        run_id = fields.pop("run_id", None) or draw()
        status = fields.setdefault("status", "PENDING")
        owner = fields.pop("owner", self.me) if status == "PENDING" else None
        words: dict[str, Any] = {
            "workflow_id": str(run_id), "name": "checkout", "route": ROUTE, "input": '{"args":[1]}',
            "input_digest": "d1", **self.defaults, **fields,
        }  # fmt: skip
        return NewRun(run_id=run_id, owner=owner, **words)

    async def start(self, **fields: Any) -> Started:
        (started,) = await self.store.start([self.new(**fields)])
        return started

    async def begin(self, **fields: Any) -> Execution:
        """A run that this process executes, epoch 1."""
        return Execution((await self.start(**fields)).run_id, 1)

    async def enqueue(self, **fields: Any) -> UUID:
        return (await self.start(status="ENQUEUED", **fields)).run_id

    async def claim(
        self,
        *,
        limit: int = 10,
        store: Store | None = None,
        incarnation: UUID | None = None,
        routes: Sequence[str] = (ROUTE,),
        queues: Sequence[str] = (),
    ) -> list[Claimed]:
        return (await (store or self.store).claim(incarnation or self.me, routes, queues, limit)).runs

    async def claim_one(self, **how: Any) -> Claimed:
        (claimed,) = await self.claim(**how)
        return claimed

    async def row(self, run: UUID | Executing) -> RunRow:
        found = await self.store.get_run(run if isinstance(run, UUID) else run.run_id)
        assert found is not None, f"no run {run}"
        return found

    async def status(self, run: UUID | Executing) -> str:
        return (await self.row(run)).status

    # -- what executions do --------------------------------------------------------------------------------

    async def commit(self, *parts: NewRun | Intent | Checkpoint | Finish, store: Store | None = None) -> Committed:
        """One batch of these parts."""
        batch = Batch()
        for part in parts:
            match part:
                case NewRun():
                    batch.starts.append(part)
                case Intent():
                    batch.intents.append(part)
                case Checkpoint():
                    batch.checkpoints.append(part)
                case Finish():
                    batch.finishes.append(part)
        return await (store or self.store).commit(batch)

    async def written(self, *parts: NewRun | Intent | Checkpoint | Finish) -> Committed:
        """One batch that must be accepted."""
        committed = await self.commit(*parts)
        assert committed.all_written, committed
        return committed

    async def end(self, run: Executing, status: str = "SUCCESS", **fields: Any) -> None:
        await self.written(finish(run, status, **fields))

    async def ended(self, status: str = "SUCCESS", **fields: Any) -> UUID:
        """A run that has ended."""
        run = await self.begin(**fields)
        await self.end(run, status)
        return run.run_id

    async def park(self, run: Executing, *waits: Wait) -> None:
        await self.left(Leave(run.run_id, run.epoch, "WAITING", waits=waits))

    async def block(self, run: Executing, reason: str = "mismatch", code_hint: str | None = None) -> None:
        await self.left(Leave(run.run_id, run.epoch, "BLOCKED", reason=reason, code_hint=code_hint))

    async def release(self, run: Executing, *, recovery: bool = False) -> None:
        await self.left(Leave(run.run_id, run.epoch, "ENQUEUED", recovery=recovery))

    async def left(self, leave: Leave) -> None:
        assert await self.store.leave([leave]) == [True]

    async def die(self) -> tuple[UUID, int]:
        """This process stops beating and its lease runs out: what a sweeper has observed of it."""
        (mine,) = [row for row in await self.store.executors() if row.incarnation == self.me]
        await self.clock.advance(LEASE + 1)
        return mine.incarnation, mine.beat


def step(run: Executing, seq: int = 0, **fields: Any) -> Checkpoint:
    """A recorded step: its pos is its seq unless said otherwise."""
    words: dict[str, Any] = {
        "branch": "0", "name": f"step_{seq}", "kind": "step", "ended": "ok", "output": f'"out {seq}"',
        "error": None, "fingerprint": 7 + seq, "pos": seq, "elapsed": 0.25, **fields,
    }  # fmt: skip
    return Checkpoint(run_id=run.run_id, epoch=run.epoch, seq=seq, **words)


def intent(run: Executing, seq: int = 0, kind: str = "once", **fields: Any) -> Intent:
    words: dict[str, Any] = {"branch": "0", "name": f"step_{seq}", **fields}
    return Intent(run_id=run.run_id, epoch=run.epoch, seq=seq, kind=kind, **words)


def finish(run: Executing, status: str = "SUCCESS", **fields: Any) -> Finish:
    success = status == "SUCCESS"
    words: dict[str, Any] = {
        "output": '"done"' if success else None,
        "error": None if success else '"boom"',
        **fields,
    }
    return Finish(run_id=run.run_id, epoch=run.epoch, status=status, **words)


def timer(wake_at: float, seq: int = 0) -> Wait:
    return Wait("0", seq, "timer", wake_at=wake_at)


def end_of(run_id: UUID, seq: int = 0, wake_at: float | None = None) -> Wait:
    return Wait("0", seq, "run", wake_at=wake_at, target_run=run_id)
