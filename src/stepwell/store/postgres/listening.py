"""Hears what other processes tell: one connection that only listens, and pings that prove that it hears.

Whatever is wrong with the path, everybody goes on by looking. A pooler between us and the server is recognised before
anything is asked of it: a LISTEN would stay behind on a connection that others get next.
"""

import asyncio
from collections.abc import Callable
from typing import NoReturn

from psycopg import pq

from stepwell.store.faults import StoreFault
from stepwell.store.hints import EVERYTHING, Ear, Hint
from stepwell.store.postgres.errors import connection_lost
from stepwell.store.postgres.lanes import Lanes
from stepwell.store.postgres.link import Link
from stepwell.store.postgres.notifier import ANY_APP, PING_SECONDS, Notice, Notifier
from stepwell.store.postgres.params import Statement, statement
from stepwell.store.postgres.wire import rows
from stepwell.store.sqlfile import quote_identifier

#: How long the echo of a ping may take, seconds.
ECHO_SECONDS = 5.0
#: Between two attempts to listen, seconds: the first, doubled up to the last.
_FIRST_PAUSE = 0.5
_LAST_PAUSE = 60.0
#: Behind a pooler nothing will change until somebody changes the configuration.
_POOLER_PAUSE = 600.0


class _NotHeard(Exception):
    """The path does not work, and why."""


class _Pooled(_NotHeard):
    """It cannot."""


class EarLink(Link):
    """A link that hands on what the server says unasked."""

    def __init__(
        self, conninfo: str, *, call_deadline: float, said: Callable[[pq.PGnotify], None], lost: Callable[[], None]
    ) -> None:
        super().__init__(conninfo, "hints", call_deadline=call_deadline)
        self._said = said
        self._lost = lost

    @property
    def greeted_by(self) -> int:
        """The server process that the greeting named. Raises StoreFault if the connection is gone."""
        if self._connection is None:
            raise connection_lost("lost while it began to listen")
        return self._connection.pgconn.backend_pid

    def _readable(self) -> None:
        super()._readable()
        while self._connection is not None and (notify := self._connection.pgconn.notifies()) is not None:
            self._said(notify)

    def _drop(self) -> None:
        super()._drop()
        self._lost()


class Listening:
    """The hint path of one store. `run` until cancelled."""

    def __init__(self, lanes: Lanes, notifier: Notifier) -> None:
        self._lanes = lanes
        self._notifier = notifier
        self._ear: Ear | None = None
        self._echo = asyncio.Event()
        self._lost = asyncio.Event()
        self.link = EarLink(lanes.conninfo, call_deadline=lanes.call_deadline, said=self._said, lost=self._lost.set)

    async def run(self, ear: Ear) -> NoReturn:
        """Listen, again and again."""
        self._ear = ear
        pause = _FIRST_PAUSE
        while True:
            await ear.wanted()
            begun = asyncio.get_running_loop().time()
            try:
                await self._listen(ear)
            except (StoreFault, _NotHeard) as error:
                ear.works(str(error))
                if asyncio.get_running_loop().time() - begun > _LAST_PAUSE:
                    pause = _FIRST_PAUSE
                await asyncio.sleep(_POOLER_PAUSE if isinstance(error, _Pooled) else pause)
                pause = min(pause * 2, _LAST_PAUSE)
            finally:
                self._notifier.deaf()
                self.link.cut()

    async def _listen(self, ear: Ear) -> NoReturn:
        """Until the path is lost."""
        link, notifier = self.link, self._notifier
        (answer,) = await link.run(statement(self._lanes.sql("hints/backend")))
        if rows(answer)[0][0] != link.greeted_by:
            raise _Pooled("a connection pooler stands before the database, where LISTEN does not work")
        self._lost.clear()
        await link.run(*(_listen_to(channel) for channel in (notifier.channel, notifier.schema_channel)))
        notifier.listens(link.greeted_by)
        await self._prove()
        ear.works(None)
        ear.heard(EVERYTHING)
        while True:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    await self._lost.wait()
            except TimeoutError:
                await self._prove()
            else:
                raise _NotHeard("the connection that listens was lost")

    async def _prove(self) -> None:
        """Somebody who speaks on another connection is heard on this one."""
        self._echo.clear()
        try:
            async with asyncio.timeout(ECHO_SECONDS):
                await self._notifier.ping()
                await self._echo.wait()
        except TimeoutError:
            raise _NotHeard("a notification sent to ourselves did not arrive") from None

    def _said(self, notify: pq.PGnotify) -> None:
        notice = Notice.read(notify.extra.decode("ascii", "replace"))
        if notice is None or self._ear is None:
            return
        if notice.sender == self._notifier.listening_on:
            self._echo.set()
            return
        if notice.sender:
            self._notifier.accompanied()
        hints = notice.hints
        if notice.app not in (ANY_APP, self._notifier.app):
            hints &= ~Hint.WORK
        if hints:
            self._ear.heard(hints)


def _listen_to(channel: str) -> Statement:
    return statement(f"LISTEN {quote_identifier(channel)}".encode())
