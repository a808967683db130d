"""Tells other processes that there is something to look at: pg_notify, coalesced, beside the commits that it is about.

Inside a commit it would serialise all commits of the database, so it goes over the lane of the small things, when
what it tells is durable. At most one every 10 ms says everything that has come up meanwhile. Where nobody else
listens, nobody is told.
"""

import asyncio
import contextlib
import contextvars
import hashlib
from dataclasses import dataclass

from stepwell.store.api import StoreIdentity
from stepwell.store.faults import FaultKind, StoreFault
from stepwell.store.hints import Hint
from stepwell.store.postgres.lanes import Lanes
from stepwell.store.postgres.params import statement

#: Between two notifications of one process, seconds.
GAP_SECONDS = 0.01
#: A listener says that it is there this often, seconds; who has not heard another one for somewhat longer is alone.
PING_SECONDS = 5.0
_ALONE_SECONDS = 2.5 * PING_SECONDS
#: The same for one who has just begun to listen, and will hear the others within one round.
_FIRST_SECONDS = 1.2 * PING_SECONDS
#: A server that refuses notifications is not asked again for so long, seconds.
_REFUSED_SECONDS = 60.0
_FLUSH_SECONDS = 1.0

#: In the place of an app: whoever hears it. In the place of a process: one that does not listen.
ANY_APP = "0" * 8
NOBODY = 0

#: The kinds as one digit to base 32. A release that knows fewer of them ignores what it cannot read: it looks anyway.
_DIGITS = "0123456789abcdefghijklmnopqrstuv"


@dataclass(frozen=True, slots=True)
class Notice:
    """What travels, 17 characters: the kinds, whose app is meant, and the server process that its sender listens on."""

    hints: Hint
    app: str = ANY_APP
    sender: int = NOBODY

    def payload(self) -> str:
        """As text. Without any kind it is a ping: somebody listens."""
        return f"{_DIGITS[self.hints]}{self.app}{self.sender & 0xFFFFFFFF:08x}"

    @classmethod
    def read(cls, payload: str) -> "Notice | None":
        """None for what is no notice of ours, or of another version."""
        if len(payload) != 17:
            return None
        try:
            return cls(Hint(int(payload[0], 32)), payload[1:9], int(payload[9:], 16))
        except ValueError:
            return None


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


class Notifier:
    """One per store. `hint` may be called at any time on the event loop; it never raises and never waits."""

    def __init__(self, lanes: Lanes, *, enabled: bool) -> None:
        self._lanes = lanes
        self._enabled = enabled
        identity: StoreIdentity = lanes.identity
        #: What concerns one namespace, and what the sweeps do for the whole schema. A name has at most 63 bytes.
        self.channel = f"stepwell_{_digest(identity.schema, identity.namespace)[:40]}"
        self.schema_channel = f"stepwell_{_digest(identity.schema)[:40]}"
        self.app = _digest(identity.app)[:8]
        #: The server process that this store listens on, while it does.
        self.listening_on = NOBODY
        self._closed = False
        self._alone_from = float("inf")
        self._silent_until = float("-inf")
        self._next = float("-inf")
        self._waiting: dict[tuple[str, str], Hint] = {}  # (channel, app) -> kinds
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None

    def hint(self, hints: Hint, *, any_app: bool = False, whole_schema: bool = False) -> None:
        """Say it soon. `any_app`: not only processes of this app may care; `whole_schema`: nor only this namespace."""
        if not self._enabled or self._closed:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._silent_until > now or (self._alone_from <= now and not whole_schema):
            return
        app = ANY_APP if any_app or whole_schema else self._concerned(hints)
        key = (self.schema_channel if whole_schema else self.channel, app)
        self._waiting[key] = self._waiting.get(key, Hint(0)) | hints
        if self._timer is None and self._sending is None:
            self._timer = loop.call_at(max(now, self._next), self._begin, context=contextvars.Context())

    def in_transaction(self, hints: Hint) -> tuple[str, str] | None:
        """(channel, payload) that say this in somebody else's transaction; None: tell nobody.

        Nobody's name stands on it: when the transaction is committed, this process is to hear it too.
        """
        return (self.channel, Notice(hints, self._concerned(hints)).payload()) if self._enabled else None

    def _concerned(self, hints: Hint) -> str:
        """An enqueued run concerns the processes of its app; whoever waits for an end or a message may be anybody's."""
        return self.app if hints == Hint.WORK else ANY_APP

    async def ping(self) -> None:
        """Say that this store listens. Raises StoreFault."""
        await self._send(self.channel, Notice(Hint(0), ANY_APP, self.listening_on))

    def listens(self, backend: int) -> None:
        """This store listens now, on that server process: from now on it would hear if others do too."""
        self.listening_on = backend
        self._alone_from = asyncio.get_running_loop().time() + _FIRST_SECONDS

    def deaf(self) -> None:
        """It does not listen any more, and so does not know who else does."""
        self.listening_on = NOBODY
        self._alone_from = float("inf")

    def accompanied(self) -> None:
        """Another listener was heard."""
        if self.listening_on != NOBODY:
            self._alone_from = asyncio.get_running_loop().time() + _ALONE_SECONDS

    def open(self) -> None:
        """After a close."""
        self._closed = False

    async def close(self) -> None:
        """Say what waits, if that is possible at once, and nothing more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_SECONDS):
                if self._sending is not None:
                    await self._sending
                if self._waiting:
                    await self._send_waiting()

    def _begin(self) -> None:
        self._timer = None
        self._sending = asyncio.get_running_loop().create_task(self._send_waiting(), context=contextvars.Context())

    async def _send_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        waiting, self._waiting = self._waiting, {}
        self._next = loop.time() + GAP_SECONDS
        try:
            for (channel, app), hints in waiting.items():
                await self._send(channel, Notice(hints, app, self.listening_on))
        except StoreFault as fault:
            if fault.kind not in (FaultKind.CONNECTION, FaultKind.CONTENTION):
                self._silent_until = loop.time() + _REFUSED_SECONDS
        finally:
            self._sending = None
            if self._waiting and not self._closed:
                self._timer = loop.call_at(self._next, self._begin, context=contextvars.Context())

    async def _send(self, channel: str, notice: Notice) -> None:
        await self._lanes.misc.run(statement(self._lanes.sql("hints/send"), channel, notice.payload()))
